"""Transport and client address of a request."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import RequestFactory, override_settings
from hypothesis import given
from hypothesis import strategies as st

from token_exchange.request import authorization, client_address, require_https
from token_exchange_core.errors import InvalidRequest


def a_request(**meta):
    return RequestFactory().get("/", **meta)


class TestRequireHttps:
    def test_plain_http_is_refused_with_a_text_that_helps(self):
        with pytest.raises(InvalidRequest) as refused:
            require_https(a_request())
        assert refused.value.reason == "https_required"
        for word in ("https", "SECURE_PROXY_SSL_HEADER", "TOKEN_EXCHANGE['REQUIRE_HTTPS']"):
            assert word in refused.value.description

    def test_https_passes(self):
        require_https(RequestFactory().get("/", secure=True))

    def test_setting_allows_plain_http(self, token_exchange_settings):
        token_exchange_settings(REQUIRE_HTTPS=False)
        require_https(a_request())

    def test_debug_allows_plain_http(self, settings):
        settings.DEBUG = True
        require_https(a_request())

    def test_word_of_a_proxy_counts_only_where_the_project_trusts_it(self, settings):
        request = a_request(HTTP_X_FORWARDED_PROTO="https")
        with pytest.raises(InvalidRequest):
            require_https(request)
        settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        require_https(request)

    @pytest.mark.parametrize("header", ["HTTP_X_FORWARDED_SSL", "HTTP_FRONT_END_HTTPS"])
    def test_other_headers_prove_nothing(self, header):
        with pytest.raises(InvalidRequest):
            require_https(a_request(**{header: "on"}))


class TestAuthorization:
    def test_none(self):
        assert authorization(a_request()) is None

    def test_header_is_split(self):
        header = authorization(a_request(HTTP_AUTHORIZATION="bEaReR  abc "))
        assert (header.scheme, header.parameter) == ("bearer", "abc")

    def test_query_is_not_looked_at(self):
        """RFC 9700, section 4.3.2: a token in a URL ends in logs."""
        request = RequestFactory().get("/?access_token=abc&Authorization=Bearer+abc")
        assert authorization(request) is None


FORWARDED = "203.0.113.9, 198.51.100.2, 192.0.2.1"


class TestClientAddress:
    def test_remote_address_by_default(self):
        request = a_request(REMOTE_ADDR="192.0.2.7", HTTP_X_FORWARDED_FOR=FORWARDED)
        assert client_address(request) == "192.0.2.7"

    @pytest.mark.parametrize("remote_address", ["", None])
    def test_no_address_at_all(self, remote_address):
        """A server behind a Unix socket may have none."""
        assert client_address(a_request(REMOTE_ADDR=remote_address)) == ""

    @pytest.mark.parametrize(
        ("num_proxies", "address"),
        [(1, "192.0.2.1"), (2, "198.51.100.2"), (3, "203.0.113.9"), (4, "127.0.0.1")],
    )
    def test_counted_from_the_right(self, token_exchange_settings, num_proxies, address):
        token_exchange_settings(NUM_PROXIES=num_proxies)
        assert address == client_address(a_request(HTTP_X_FORWARDED_FOR=FORWARDED))

    def test_what_the_client_invents_is_further_left(self, token_exchange_settings):
        token_exchange_settings(NUM_PROXIES=1)
        forged = a_request(HTTP_X_FORWARDED_FOR="10.0.0.1, 10.0.0.1,203.0.113.9")
        assert client_address(forged) == "203.0.113.9"

    @pytest.mark.parametrize("forwarded", [None, "", " ", ",", "192.0.2.1,", "192.0.2.1, "])
    def test_header_that_no_proxy_wrote_is_not_believed(self, token_exchange_settings, forwarded):
        token_exchange_settings(NUM_PROXIES=1)
        meta = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
        assert client_address(a_request(REMOTE_ADDR="192.0.2.7", **meta)) == "192.0.2.7"

    @pytest.mark.parametrize(
        ("hop", "address"),
        [
            ("192.0.2.1:4711", "192.0.2.1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("unknown", "unknown"),
            ("_hidden", "_hidden"),
        ],
    )
    def test_some_proxies_add_the_port(self, token_exchange_settings, hop, address):
        token_exchange_settings(NUM_PROXIES=1)
        assert address == client_address(a_request(HTTP_X_FORWARDED_FOR=f"10.0.0.1, {hop}"))

    @given(st.text(), st.integers(1, 3))
    def test_any_header_has_an_answer(self, forwarded, num_proxies):
        request = a_request(REMOTE_ADDR="192.0.2.7", HTTP_X_FORWARDED_FOR=forwarded)
        with override_settings(
            TOKEN_EXCHANGE={**settings.TOKEN_EXCHANGE, "NUM_PROXIES": num_proxies}
        ):
            address = client_address(request)
        assert address == "192.0.2.7" or address in forwarded
