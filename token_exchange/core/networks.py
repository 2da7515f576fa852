"""Does an address lie within the networks that a credential is bound to?"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network

_IPV6_SITE_PREFIX = 64
_MAPPED = IPv6Network("::ffff:0:0/96")


def parse_network(text: str) -> Network:
    """Read CIDR notation or one address.

    Raises ``ValueError``, also where host bits are set, for a zone, which means something to one
    machine only, and for IPv4 mapped to IPv6, which no address is in once it is unmapped.
    """
    network = ip_network(text)
    if "%" in text or (isinstance(network, IPv6Network) and network.subnet_of(_MAPPED)):
        raise ValueError(f"{text!r} has a zone or a mapped address")
    return network


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address, unmapping IPv4 from IPv6; ``None`` for what is not an address."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Tell whether ``address`` is in one of the networks.

    What is not an address is in none, and nothing is in what is not a network.
    """
    parsed = parse_address(address)
    if parsed is None:
        return False
    for each in networks:
        with contextlib.suppress(ValueError):
            if parsed in parse_network(each):
                return True
    return False


def site_of(address: str) -> str:
    """Return what counts as one neighbour: an IPv4 address, the /64 of an IPv6 address.

    A subscriber of IPv6 has a whole /64, so counting single addresses would limit nobody.
    """
    parsed = parse_address(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, _IPV6_SITE_PREFIX), strict=False))
    return str(parsed)
