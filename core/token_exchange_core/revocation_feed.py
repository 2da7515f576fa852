"""The body of ``GET /v1/revocations``: encoding, and strict parsing.

A follower sends the epoch and the position that it has reached, and gets what came after. If that
is not possible, the response contains the whole feed and its ``after`` is 0.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from token_exchange_core import strict_json
from token_exchange_core.revocation_set import Revocation, RevocationKind

VERSION: Final = 1
"""The version of the format. A body of another version is refused, because it is unknown what it
revokes."""

_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """One response of the feed."""

    epoch: str
    """Changes when positions start again; what was read in another epoch is void."""
    after: int
    """The position after which this response begins."""
    position: int
    """The position that a follower has reached with this response."""
    mark: str
    """Proves to the issuer, together with ``position``, what the follower has read. If the feed has
    been taken back since, by a failover or from a backup, the next response is the whole feed."""
    as_of: int
    """Seconds since the epoch, by the clock of the issuer's database: nothing revoked before then
    is missing."""
    has_more: bool
    """Whether to request the rest, from ``position``, before relying on it."""
    revocations: tuple[Revocation, ...]
    inactive_organizations: frozenset[str]
    """All inactive organizations, not only what changed."""
    inactive_users: frozenset[str]
    """All inactive users who own a credential."""

    def to_json(self) -> bytes:
        """Encode the body; the same content gives the same bytes."""
        body = {
            "version": VERSION,
            "epoch": self.epoch,
            "after": self.after,
            "position": self.position,
            "mark": self.mark,
            "as_of": self.as_of,
            "has_more": self.has_more,
            "revocations": [
                {
                    "kind": each.kind.value,
                    "subject": each.subject,
                    "generation": each.generation,
                    "expires_at": each.expires_at,
                }
                for each in self.revocations
            ],
            "inactive_organizations": sorted(self.inactive_organizations),
            "inactive_users": sorted(self.inactive_users),
        }
        return json.dumps(body, separators=(",", ":")).encode()


def parse_feed_page(body: bytes) -> FeedPage:
    """Parse a response of the feed; raises ``ValueError`` if any part of it is invalid.

    A revocation of an unknown kind is an error too: ignoring it would accept tokens that the issuer
    has revoked.
    """
    page = strict_json.loads(body)
    if not isinstance(page, dict):
        raise ValueError("the feed is not an object")
    if _integer(page, "version") != VERSION:
        raise ValueError("the feed has a version that this code does not know")
    after, position = _integer(page, "after"), _integer(page, "position")
    if not 0 <= after <= position:
        raise ValueError("the feed's positions go backwards")
    has_more = page.get("has_more")
    if not isinstance(has_more, bool):
        raise ValueError("the feed's has_more is not true or false")
    return FeedPage(
        epoch=_text(page, "epoch"),
        after=after,
        position=position,
        mark=_text(page, "mark"),
        as_of=_integer(page, "as_of"),
        has_more=has_more,
        revocations=tuple(map(_revocation, _list(page, "revocations"))),
        inactive_organizations=_texts(page, "inactive_organizations"),
        inactive_users=_texts(page, "inactive_users"),
    )


def _revocation(member: Any) -> Revocation:
    if not isinstance(member, dict):
        raise ValueError("a revocation of the feed is not an object")
    return Revocation(
        kind=RevocationKind(_text(member, "kind")),
        subject=_text(member, "subject"),
        generation=None if member.get("generation") is None else _integer(member, "generation"),
        expires_at=_integer(member, "expires_at"),
    )


def _texts(page: dict[str, Any], name: str) -> frozenset[str]:
    values = _list(page, name)
    if not all(isinstance(each, str) for each in values):
        raise ValueError(f"the feed's {name} are not strings")
    return frozenset(values)


def _list(page: dict[str, Any], name: str) -> list[Any]:
    value = page.get(name)
    if not isinstance(value, list):
        raise ValueError(f"the feed's {name} are not a list")
    return value


def _text(members: dict[str, Any], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise ValueError(f"the feed's {name} is not a string")
    return value


def _integer(members: dict[str, Any], name: str) -> int:
    value = members.get(name)
    # bool passes isinstance(…, int). No database counts beyond 64 bits.
    if type(value) is not int or abs(value) > _LARGEST:
        raise ValueError(f"the feed's {name} is not an integer of 64 bits")
    return value
