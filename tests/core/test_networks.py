"""Networks: parsing of addresses and CIDR, and containment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_exchange_core.networks import (
    is_confidential,
    is_within,
    lie_within,
    parse_address,
    parse_network,
    site_of,
)

ADDRESSES = st.ip_addresses().map(str)


class TestIsWithin:
    @pytest.mark.parametrize(
        ("address", "network"),
        [
            ("192.0.2.7", "192.0.2.0/24"),
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("192.0.2.7", "0.0.0.0/0"),
            ("::ffff:192.0.2.7", "192.0.2.0/24"),
            ("2001:db8::1", "2001:db8::/32"),
            ("2001:DB8:0::1", "2001:db8::1"),
            ("2001:db8::1", "::/0"),
            ("fe80::1%eth0", "fe80::/10"),
        ],
    )
    def test_inside(self, address, network):
        assert is_within(address, [network])
        assert is_within(address, ["198.51.100.0/24", network])

    @pytest.mark.parametrize(
        ("address", "network"),
        [
            ("192.0.3.7", "192.0.2.0/24"),
            ("192.0.2.8", "192.0.2.7"),
            ("::ffff:192.0.3.7", "192.0.2.0/24"),
            ("::ffff:192.0.2.7", "::/0"),
            ("192.0.2.7", "::/0"),
            ("2001:db9::1", "2001:db8::/32"),
            ("2001:db8::1", "0.0.0.0/0"),
            ("::192.0.2.7", "192.0.2.0/24"),
        ],
    )
    def test_outside(self, address, network):
        assert not is_within(address, [network])

    @pytest.mark.parametrize(
        "address",
        [
            "",
            " ",
            "unknown",
            "localhost",
            "192.0.2.7 ",
            "192.0.2.07",
            "192.0.2",
            "192.0.2.7:80",
            "[2001:db8::1]",
            "1",
            "0x7f000001",
            "192.0.2.7/32",
            "192.0.2.7\n",
            "1.1.1.1\x00",
            "é",
        ],
    )
    def test_what_is_no_address_is_in_no_network(self, address):
        assert parse_address(address) is None
        assert not is_within(address, ["0.0.0.0/0", "::/0"])

    def test_no_networks_hold_no_address(self):
        assert not is_within("192.0.2.7", [])

    @given(st.text(st.characters(exclude_categories=())))
    def test_any_text_has_an_answer(self, text):
        assert is_within(text, ["192.0.2.0/24"]) in {True, False}
        assert site_of(text)


class TestParseNetwork:
    @given(ADDRESSES)
    def test_an_address_is_a_network_of_itself(self, address):
        if not address.startswith("::ffff:"):
            assert is_within(address, [str(parse_network(address))])

    @pytest.mark.parametrize(
        "text",
        [
            "192.0.2.1/24",
            "2001:db8::1/32",
            "192.0.2.0/33",
            "2001:db8::/129",
            "192.0.2.0/-1",
            "",
            "0",
            "192.0.2.0/",
            "192.0.2",
            "192.0.2.0/24/8",
            "192.0.2.0/24 ",
            "example.com",
            "192.0.2.0/٢٤",
            "010.0.0.0/8",
            "::/0\n",
        ],
    )
    def test_garbage_and_host_bits(self, text):
        with pytest.raises(ValueError):  # noqa: PT011 - the words are Python's
            parse_network(text)

    @pytest.mark.parametrize(
        "text", ["fe80::1%eth0", "fe80::%eth0/64", "::ffff:192.0.2.0/120", "::ffff:192.0.2.7"]
    )
    def test_network_that_no_address_would_be_in(self, text):
        with pytest.raises(ValueError, match="has a zone or a mapped address"):
            parse_network(text)


class TestLieWithin:
    @pytest.mark.parametrize(
        ("networks", "bounds"),
        [
            ([], []),
            (["0.0.0.0/0", "::/0"], []),
            (["192.0.2.0/24"], ["192.0.2.0/24"]),
            (["192.0.2.7"], ["192.0.2.0/24"]),
            (["192.0.2.0/24", "192.0.2.0/25"], ["192.0.0.0/16"]),
            (["192.0.2.0/24"], ["192.0.2.0/25", "192.0.2.128/25"]),
            (["0.0.0.0/0"], ["0.0.0.0/1", "128.0.0.0/1", "::/64"]),
            (["2001:db8:1::/48"], ["192.0.2.0/24", "2001:db8::/32"]),
            (["2001:db8::/32", "192.0.2.1"], ["192.0.2.0/24", "2001:db8::/32"]),
        ],
    )
    def test_each_address_is_in_a_bound(self, networks, bounds):
        assert lie_within(networks, bounds) is True

    @pytest.mark.parametrize(
        ("networks", "bounds"),
        [
            ([], ["192.0.2.0/24"]),
            ([], ["0.0.0.0/0", "::/0"]),
            (["192.0.2.0/23"], ["192.0.2.0/24"]),
            (["192.0.2.0/24"], ["192.0.2.0/25", "192.0.3.0/25"]),
            (["192.0.2.0/24", "198.51.100.1"], ["192.0.2.0/24"]),
            (["::/0"], ["0.0.0.0/0"]),
            (["0.0.0.0/0"], ["::/0"]),
            (["::c000:200/120"], ["192.0.2.0/24"]),
            (["2001:db8::/31"], ["2001:db8::/32"]),
        ],
    )
    def test_some_address_is_in_no_bound(self, networks, bounds):
        assert lie_within(networks, bounds) is False

    @pytest.mark.parametrize(("networks", "bounds"), [(["x"], []), ([], ["192.0.2.1/24"])])
    def test_nothing_is_said_of_what_is_no_network(self, networks, bounds):
        with pytest.raises(ValueError, match=r"does not appear|has host bits set"):
            lie_within(networks, bounds)


class TestSiteOf:
    @pytest.mark.parametrize(
        ("address", "site"),
        [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("fe80::1%eth1", "fe80::/64"),
        ],
    )
    def test_neighbour(self, address, site):
        assert site == site_of(address)

    def test_all_that_is_no_address_is_one_neighbour(self):
        """So that garbage in a header cannot make a new counter at each request."""
        assert site_of("unknown") == site_of("") == site_of("x" * 1000)


def test_nothing_is_within_what_is_not_a_network():
    assert is_within("192.0.2.1", ["192.0.2.1/24", "garbage", ""]) is False
    assert is_within("192.0.2.1", ["garbage", "192.0.2.0/24"]) is True


class TestConfidentialUrl:
    @pytest.mark.parametrize(
        "url",
        [
            *("https://x.test", "HTTPS://x.test", "https://192.0.2.1/x", "https:///x"),
            *("http://localhost", "http://LOCALHOST:8000/x", "http://127.0.0.1:8000"),
            *("http://127.9.9.9", "http://[::1]:8000", "http://[::ffff:127.0.0.1]"),
        ],
    )
    def test_https_or_this_machine(self, url):
        assert is_confidential(url)

    @pytest.mark.parametrize(
        "url",
        [
            *("", "http://", "x.test", "http://x.test", "http://x.test:443", "http://192.0.2.1"),
            *("http://localhost.x.test", "http://xlocalhost", "http://0.0.0.0", "http://127.1"),
            *("http://[2001:db8::1]", "ftp://x.test", "https.x.test", "http://https"),
        ],
    )
    def test_nothing_else(self, url):
        assert not is_confidential(url)
