"""The address that a refused request counts for, with and without proxies."""

from __future__ import annotations

import pytest

from tests.support.factories import api_key_header, make_api_key
from tests.views.rate_limits.endpoint import statuses

pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("limits")
class TestProxies:
    """The address of a refused caller, observed through shared counters."""

    def same(self, endpoint, forwarded, **extra):
        """Return whether all values of X-Forwarded-For counted as one address."""
        answers = [endpoint.fail(headers={"x-forwarded-for": each}, **extra) for each in forwarded]
        return statuses(answers[:3]) == [401, 401, 429]

    def test_without_proxies_the_header_is_the_clients_invention(self, endpoint):
        assert self.same(endpoint, ["192.0.2.1", "192.0.2.2", "192.0.2.3, 192.0.2.4"])

    @pytest.mark.parametrize(
        ("proxies", "forwarded"),
        [
            (1, ["192.0.2.9", "6.6.6.1, 192.0.2.9", "6.6.6.1,6.6.6.2,192.0.2.9"]),
            (2, ["192.0.2.9, 10.0.0.1", "6.6.6.1, 192.0.2.9, 10.0.0.2", "x,192.0.2.9,y"]),
            (1, ["192.0.2.9:80", "6.6.6.6, 192.0.2.9:65535", "192.0.2.9"]),
            (1, ["[2001:db8::1]:443", "6.6.6.6, [2001:db8::2]", "2001:db8::3"]),
            (1, ["6.6.6.6, garbage", "<script>", "6.6.6.6, [", "[::1"]),
            (1, ["", "6.6.6.6,", ","]),
            (3, ["192.0.2.9", "192.0.2.8", "6.6.6.6, 6.6.6.7"]),  # too few addresses: ignored
        ],
    )
    def test_the_nth_from_the_right_is_the_address(
        self, endpoint, token_exchange_settings, proxies, forwarded
    ):
        token_exchange_settings(NUM_PROXIES=proxies)
        assert self.same(endpoint, forwarded)

    @pytest.mark.parametrize(
        ("proxies", "forwarded"),
        [(1, [f"192.0.2.{number}" for number in range(3)]), (2, ["1.1.1.1, x", "1.1.1.2, x", "x"])],
    )
    def test_clients_behind_one_proxy_are_told_apart(
        self, endpoint, token_exchange_settings, proxies, forwarded
    ):
        token_exchange_settings(NUM_PROXIES=proxies)
        assert not self.same(endpoint, forwarded)

    def test_without_the_header_the_proxy_itself_is_the_address(
        self, endpoint, token_exchange_settings
    ):
        token_exchange_settings(NUM_PROXIES=1)
        assert statuses(endpoint.fail() for _ in range(3)) == [401, 401, 429]

    def test_the_address_of_a_proxy_decides_about_networks_too(
        self, https_client, token_exchange_settings
    ):
        token_exchange_settings(NUM_PROXIES=1)
        key = make_api_key(allowed_networks=["192.0.2.0/24"])
        for forwarded, status in [("192.0.2.1", 200), ("192.0.2.1, 6.6.6.6", 401)]:
            headers = {**api_key_header(key), "x-forwarded-for": forwarded}
            assert https_client.post("/v1/token", headers=headers).status_code == status
