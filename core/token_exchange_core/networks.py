"""Networks that a credential is limited to, and URLs that a secret may be sent to."""

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
from urllib.parse import urlsplit

Network: TypeAlias = IPv4Network | IPv6Network

_IPV6_SITE_PREFIX = 64
_MAPPED = IPv6Network("::ffff:0:0/96")


def parse_network(text: str) -> Network:
    """Read CIDR notation or one address.

    Raises ``ValueError``, also for host bits, for a zone, which has a meaning on one machine only,
    and for IPv4 mapped to IPv6, which would match nothing because addresses are unmapped first.
    """
    network = ip_network(text)
    if "%" in text or (isinstance(network, IPv6Network) and network.subnet_of(_MAPPED)):
        raise ValueError(f"{text!r} has a zone or a mapped address")
    return network


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Parse an address, unmapping IPv4 from IPv6; return ``None`` if it is not an address."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Return whether ``address`` is in one of the networks.

    An invalid address is in no network, and an invalid network contains no address.
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
    """Return whether every address of the networks is in one of the bounds; no networks means all.

    Raises ``ValueError`` for an invalid network.
    """
    inner, outer = _collapse(networks), _collapse(bounds)
    if not outer:
        return True
    return bool(inner) and all(any(_is_part(each, of=whole) for whole in outer) for each in inner)


def _is_part(network: Network, *, of: Network) -> bool:
    # Twice, for the types: networks of different families cannot be compared.
    if isinstance(network, IPv4Network):
        return isinstance(of, IPv4Network) and network.subnet_of(of)
    return isinstance(of, IPv6Network) and network.subnet_of(of)


def _collapse(networks: Iterable[str]) -> list[Network]:
    """Merge adjacent networks, so that a network within several of them is within one."""
    parsed = [parse_network(each) for each in networks]
    return [
        *collapse_addresses(each for each in parsed if isinstance(each, IPv4Network)),
        *collapse_addresses(each for each in parsed if isinstance(each, IPv6Network)),
    ]


def site_of(address: str) -> str:
    """Return what is counted as one client: an IPv4 address, or the /64 of an IPv6 address.

    An IPv6 subscriber has a whole /64, so counting single addresses would limit no one.
    """
    parsed = parse_address(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, _IPV6_SITE_PREFIX), strict=False))
    return str(parsed)


def is_confidential(url: str) -> bool:
    """Return whether what is sent to this URL is safe on its way: https, or this machine alone."""
    parts = urlsplit(url)
    return parts.scheme == "https" or _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    address = parse_address(host)
    return host == "localhost" if address is None else address.is_loopback
