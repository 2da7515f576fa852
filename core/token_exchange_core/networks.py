"""Does an address lie within the networks that a credential is bound to?"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
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


def lie_within(networks: Iterable[str], bounds: Iterable[str]) -> bool:
    """Tell whether every address of the networks is in one of the bounds; none means all.

    Raises ``ValueError`` for what is not a network.
    """
    inner, outer = _collapse(networks), _collapse(bounds)
    if not outer:
        return True
    return bool(inner) and all(any(_is_part(each, of=whole) for whole in outer) for each in inner)


def _is_part(network: Network, *, of: Network) -> bool:
    # Said twice for the types: a network of one family cannot be asked about one of the other.
    if isinstance(network, IPv4Network):
        return isinstance(of, IPv4Network) and network.subnet_of(of)
    return isinstance(of, IPv6Network) and network.subnet_of(of)


def _collapse(networks: Iterable[str]) -> list[Network]:
    """Merge neighbours, so that a network in the union of several is in one of what is left."""
    parsed = [parse_network(each) for each in networks]
    return [
        *collapse_addresses(each for each in parsed if isinstance(each, IPv4Network)),
        *collapse_addresses(each for each in parsed if isinstance(each, IPv6Network)),
    ]


def site_of(address: str) -> str:
    """Return what counts as one neighbour: an IPv4 address, the /64 of an IPv6 address.

    A subscriber of IPv6 has a whole /64, so counting single addresses would limit nobody.
    """
    parsed = parse_address(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, _IPV6_SITE_PREFIX), strict=False))
    return str(parsed)
