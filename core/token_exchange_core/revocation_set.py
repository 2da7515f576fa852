"""The set of revocations in force, and the check of a token against it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from token_exchange_core.errors import InvalidToken

if TYPE_CHECKING:
    from token_exchange_core.tokens import Claims


class RevocationKind(StrEnum):
    """What is revoked; the value is the name in the feed."""

    TOKEN = "token"
    """One token; the subject is its ``jti``."""
    CREDENTIAL = "credential"
    """A credential's tokens up to a generation; the subject is the identifier."""
    USER = "user"
    """Every token that acts as a user who was deleted; the subject is the primary key."""
    SIGNING_KEY = "signing_key"
    """Every token signed with a key that was removed; the subject is the ``kid``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """One revocation."""

    kind: RevocationKind
    subject: str
    expires_at: int
    """Seconds since the epoch; every token that it concerns has expired by then."""
    generation: int | None = None
    """Of a credential: the last generation that is revoked; ``None`` is every generation."""


_REASONS: Final = {
    RevocationKind.TOKEN: "token_revoked",
    RevocationKind.CREDENTIAL: "credential_revoked",
    RevocationKind.USER: "owner_gone",
    RevocationKind.SIGNING_KEY: "signing_key_removed",
}


class RevocationSet:
    """Everything that is revoked or inactive.

    Any number of threads may call ``check``; the owner ensures that only one changes it at a time.
    """

    def __init__(self) -> None:
        self._tokens: dict[str, Revocation] = {}
        self._credentials: dict[str, Revocation] = {}
        self._users: dict[str, Revocation] = {}
        self._signing_keys: dict[str, Revocation] = {}
        self.inactive_organizations: frozenset[str] = frozenset()
        """The ids of organizations whose tokens are refused as long as they are in this set."""
        self.inactive_users: frozenset[str] = frozenset()
        """The same for users, for services that do not have the users themselves."""

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
        """Add revocations; a later one replaces an earlier one of the same subject."""
        by_kind = self._by_kind()
        for revocation in revocations:
            by_kind[revocation.kind][revocation.subject] = revocation

    def keep(self, known: RevocationSet) -> list[Revocation]:
        """Add what ``known`` revokes beyond this set, and return it.

        A database that lost its last transactions no longer has these revocations.
        """
        lost = [
            revocation
            for kind, subjects in known._by_kind().items()
            for subject, revocation in subjects.items()
            if not _includes(self._by_kind()[kind].get(subject), revocation)
        ]
        self.add(lost)
        return lost

    def discard_expired(self, *, now: float) -> None:
        """Drop revocations that concern no token that can still be valid at ``now``."""
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


def _includes(found: Revocation | None, lost: Revocation) -> bool:
    if found is None:
        return False
    if found.generation is None:
        return True
    return lost.generation is not None and lost.generation <= found.generation


def _check_generation(revocation: Revocation, generation: int) -> None:
    if revocation.generation is None:
        raise InvalidToken(reason=_REASONS[RevocationKind.CREDENTIAL])
    if generation <= revocation.generation:
        raise InvalidToken(reason="generation_ended")
