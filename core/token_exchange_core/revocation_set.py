"""What has been revoked, and does that concern this token?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from token_exchange_core.errors import InvalidToken

if TYPE_CHECKING:
    from token_exchange_core.tokens import Claims


class RevocationKind(StrEnum):
    """What a revocation ends; its value is what the feed calls it."""

    TOKEN = "token"
    """One token; the subject is its ``jti``."""
    CREDENTIAL = "credential"
    """A credential's tokens up to a generation; the subject is its identifier."""
    USER = "user"
    """Every token that speaks for a user who was deleted; the subject is the primary key."""
    SIGNING_KEY = "signing_key"
    """Every token of a signing key that was removed; the subject is its ``kid``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """One thing that was revoked."""

    kind: RevocationKind
    subject: str
    expires_at: int
    """Seconds since the epoch; every token that it concerns is dead by then."""
    generation: int | None = None
    """Of a credential: the last generation whose tokens are dead; ``None`` is every generation."""


_REASONS: Final = {
    RevocationKind.TOKEN: "token_revoked",
    RevocationKind.CREDENTIAL: "credential_revoked",
    RevocationKind.USER: "owner_gone",
    RevocationKind.SIGNING_KEY: "signing_key_removed",
}


class RevocationSet:
    """All that is revoked or inactive now.

    One thread at a time may change it, which is its owner's to see to; any number may ask.
    """

    def __init__(self) -> None:
        self._tokens: dict[str, Revocation] = {}
        self._credentials: dict[str, Revocation] = {}
        self._users: dict[str, Revocation] = {}
        self._signing_keys: dict[str, Revocation] = {}
        self.inactive_organizations: frozenset[str] = frozenset()
        """The ids of organizations whose tokens are refused for as long as they are in here."""
        self.inactive_users: frozenset[str] = frozenset()
        """The same for users, where nobody asks for the users themselves."""

    def __len__(self) -> int:
        return sum(map(len, self._by_kind().values()))

    def _by_kind(self) -> dict[RevocationKind, dict[str, Revocation]]:
        return {
            RevocationKind.TOKEN: self._tokens,
            RevocationKind.CREDENTIAL: self._credentials,
            RevocationKind.USER: self._users,
            RevocationKind.SIGNING_KEY: self._signing_keys,
        }

    def add(self, revocations: Iterable[Revocation]) -> None:
        """Take in what was revoked; of two that concern the same subject the later one holds."""
        by_kind = self._by_kind()
        for revocation in revocations:
            by_kind[revocation.kind][revocation.subject] = revocation

    def forget_expired(self, *, now: float) -> None:
        """Drop what concerns no token that could still be alive at ``now``."""
        for revoked in self._by_kind().values():
            for subject in [each.subject for each in revoked.values() if each.expires_at <= now]:
                del revoked[subject]

    def check(self, claims: Claims, *, kid: str) -> None:
        """Raise ``InvalidToken`` if the token with these claims, signed by ``kid``, is revoked."""
        if claims.jti in self._tokens:
            raise InvalidToken(reason=_REASONS[RevocationKind.TOKEN])
        if (revocation := self._credentials.get(claims.client_id)) is not None:
            _check_generation(revocation, claims.generation)
        if kid in self._signing_keys:
            raise InvalidToken(reason=_REASONS[RevocationKind.SIGNING_KEY])
        if claims.organization_id in self.inactive_organizations:
            raise InvalidToken(reason="organization_inactive")
        if (user_id := claims.user_id) is not None:
            if user_id in self._users:
                raise InvalidToken(reason=_REASONS[RevocationKind.USER])
            if user_id in self.inactive_users:
                raise InvalidToken(reason="owner_inactive")


def _check_generation(revocation: Revocation, generation: int) -> None:
    if revocation.generation is None:
        raise InvalidToken(reason=_REASONS[RevocationKind.CREDENTIAL])
    if generation <= revocation.generation:
        raise InvalidToken(reason="generation_ended")
