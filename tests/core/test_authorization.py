"""Parsing of the Authorization header: every string is parsed or refused."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_exchange_core.authorization import (
    MAX_HEADER_LENGTH,
    SCHEMES,
    Authorization,
    check_bearer,
    parse_authorization,
    parse_basic,
    raw_token,
)
from token_exchange_core.errors import InvalidClient, InvalidRequest, TokenExchangeError

OUR_SCHEMES = st.sampled_from(["ApiKey", "Basic", "Bearer", "apikey", "BASIC", "bEARER"])
# Surrogates too: a header reaches Python with whatever bytes a server let through.
ANY_TEXT = st.text(st.characters(exclude_categories=()))
PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=","))


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class TestAuthorization:
    @given(ANY_TEXT | st.builds("{} {}".format, OUR_SCHEMES, ANY_TEXT))
    def test_any_text_is_split_or_refused(self, header):
        with contextlib.suppress(TokenExchangeError):
            found = parse_authorization(header)
            assert found is None or isinstance(found, Authorization)

    @given(OUR_SCHEMES, PRINTABLE, st.integers(1, 9), st.text(" \t"))
    def test_scheme_is_found_without_case_and_spaces_do_not_matter(
        self, scheme, parameter, spaces, around
    ):
        header = f"{around}{scheme}{' ' * spaces}{parameter}{around}"
        assert Authorization(scheme.lower(), parameter) == parse_authorization(header)

    @pytest.mark.parametrize("header", [None, "", " ", "\t \t"])
    def test_no_header_is_no_credential(self, header):
        assert parse_authorization(header) is None

    @pytest.mark.parametrize("scheme", sorted(SCHEMES))
    def test_scheme_alone_has_an_empty_parameter(self, scheme):
        assert Authorization(scheme, "") == parse_authorization(scheme.upper())

    @pytest.mark.parametrize("scheme", sorted(SCHEMES))
    def test_longest_header_is_read_and_a_longer_one_refused(self, scheme):
        longest = f"{scheme} {'a' * (MAX_HEADER_LENGTH - len(scheme) - 1)}"
        assert len(longest) == MAX_HEADER_LENGTH
        assert parse_authorization(longest).scheme == scheme
        with pytest.raises(InvalidRequest) as refused:
            parse_authorization(f"{longest}a")
        assert refused.value.reason == "header_too_long"

    @pytest.mark.parametrize("character", ["\0", "\n", "\r", "\t", "\x7f", "\x80", "é", "\udcff"])
    @pytest.mark.parametrize("scheme", sorted(SCHEMES))
    def test_only_printable_ascii(self, scheme, character):
        with pytest.raises(InvalidRequest) as refused:
            check_bearer(parse_authorization(f"{scheme} a{character}b").parameter)
        is_left_to_the_token = scheme == "bearer" and character.isascii()
        reason = "malformed_bearer" if is_left_to_the_token else "header_characters"
        assert refused.value.reason == reason

    def test_letters_that_lower_case_to_ours_are_not_ours(self):
        """U+212A, the Kelvin sign, is a k in lower case."""
        with pytest.raises(InvalidRequest):
            parse_authorization("Api\N{KELVIN SIGN}ey sk_live.x")

    @pytest.mark.parametrize("second", ["Bearer a.b.c", "Basic YTpi", "", "x"])
    @pytest.mark.parametrize("first", ["Bearer a.b.c", "Basic YTpi", "ApiKey x"])
    def test_repeated_header_is_refused(self, first, second):
        """Servers join repeated headers with a comma (RFC 9110, section 5.2)."""
        with pytest.raises(InvalidRequest) as refused:
            parse_authorization(f"{first},{second}")
        assert refused.value.reason == "header_repeated"

    @pytest.mark.parametrize(
        "header",
        [
            'Digest username="é", realm="a, b"',
            f"Negotiate {'a' * 20_000}",
            "AWS4-HMAC-SHA256 Credential=x, Signature=y",
        ],
    )
    def test_parameter_of_a_foreign_scheme_is_not_looked_at(self, header):
        scheme, _, parameter = header.partition(" ")
        assert Authorization(scheme.lower(), parameter) == parse_authorization(header)

    def test_repr_hides_the_parameter(self):
        assert "hidden" not in repr(parse_authorization("Bearer hidden"))


class TestBasic:
    @given(ANY_TEXT | st.binary().map(lambda raw: base64.b64encode(raw).decode()))
    def test_any_text_is_a_pair_or_refused_as_a_client(self, parameter):
        with contextlib.suppress(InvalidClient):
            basic = parse_basic(parameter)
            assert basic.client_id
            assert basic.raw_client_secret

    @given(
        st.text("abcXYZ019._-", min_size=1),
        st.text("abcXYZ019._-:", min_size=1),
    )
    def test_pair_is_split_at_the_first_colon(self, client_id, client_secret):
        basic = parse_basic(encoded(f"{client_id}:{client_secret}"))
        assert (client_id, client_secret) == (basic.client_id, basic.raw_client_secret)

    def test_both_parts_are_form_decoded(self):
        """RFC 6749, section 2.3.1."""
        basic = parse_basic(encoded("a%3Ab+c:d%25e+f"))
        assert (basic.client_id, basic.raw_client_secret) == ("a:b c", "d%e f")

    @pytest.mark.parametrize(
        "parameter",
        [
            "",
            "YTpi=",
            "YTpi ",
            "YTp",
            "Y TpiYw",
            "YTpi\n",
            "YT-_",
            "é",
            base64.b64encode(b"caf\xe9:secret").decode(),
            base64.b64encode(b"\xff\xfe").decode(),
            "YTpiYx==",
            "YTpiY2R=",
            encoded("no colon"),
            encoded(":"),
            encoded(":secret"),
            encoded("client:"),
        ],
    )
    def test_malformed(self, parameter):
        with pytest.raises(InvalidClient) as refused:
            parse_basic(parameter)
        assert refused.value.reason == "malformed_basic"
        assert refused.value.description == InvalidClient.description

    def test_repr_hides_the_secret(self):
        assert "hidden" not in repr(parse_basic(encoded("client:hidden")))


TOKEN_CHARACTERS = "ABCxyz019-_"
SEGMENT = st.text(TOKEN_CHARACTERS, min_size=1)


class TestBearer:
    @given(ANY_TEXT)
    def test_any_text_is_a_token_or_refused_as_a_request(self, parameter):
        raw_token(parameter)
        with contextlib.suppress(InvalidRequest):
            check_bearer(parameter)
            assert raw_token(parameter)

    @given(st.lists(SEGMENT, min_size=3, max_size=3).map(".".join), st.booleans())
    def test_raw_and_base64_are_the_same_token(self, token, is_padded):
        in_base64 = encoded(token)
        if not is_padded:
            in_base64 = in_base64.rstrip("=")
        check_bearer(token)
        check_bearer(in_base64)
        assert token == raw_token(token) == raw_token(in_base64)

    @given(st.lists(SEGMENT, min_size=3, max_size=3).map(".".join))
    def test_base64url_of_a_token_is_its_base64(self, token):
        """Why one alphabet is enough: ASCII without ``~``, ``>`` and ``?`` never gives + or /."""
        assert base64.urlsafe_b64encode(token.encode()) == base64.b64encode(token.encode())

    @pytest.mark.parametrize(
        "parameter",
        ["opaque-token", "_-_-", "gIGC", "A", "~~~~", "YS5iLmM1Mx", "YS5iLmR=", "YS5iLmO"],
    )
    def test_opaque_token_of_another_issuer_stays_as_it_is(self, parameter):
        check_bearer(parameter)
        assert parameter == raw_token(parameter)

    def test_padding_in_excess_is_still_one_token(self):
        check_bearer(f"{encoded('a.b.c')}==")
        assert raw_token(f"{encoded('a.b.c')}==") == "a.b.c"

    @pytest.mark.parametrize(
        "parameter", ["", "a b", "a.b.c d", "=", "a=b", 'a"b', "a.b.c\n", "é", "a\0b", "{}"]
    )
    def test_malformed(self, parameter):
        with pytest.raises(InvalidRequest) as refused:
            check_bearer(parameter)
        assert refused.value.reason == "malformed_bearer"
