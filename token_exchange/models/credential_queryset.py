"""Query set of credentials: states, locks, and updates that revoke tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Self

from django.db import NotSupportedError, models
from django.db.models import F

from token_exchange.models.credential_policy import INHERITED_FIELDS
from token_exchange.models.credential_state import State, state_condition
from token_exchange.models.parents import has_refused_owner
from token_exchange.models.revocation_writer import batched, revoking
from token_exchange.models.writer import M_co, WriterQuerySet

_REVOKES_TOKENS: Final = frozenset(
    {
        *INHERITED_FIELDS,
        "kind",
        "subject_type",
        "owner",
        "owner_id",
        "organization",
        "organization_id",
        "generation",
        "revoked_at",
    }
)


class CredentialQuerySet(WriterQuerySet[M_co]):
    """Credentials of both kinds."""

    def in_state(self, state: State, *, now: datetime) -> Self:
        """Keep the credentials that are in ``state`` at ``now``, as its ``state`` says."""
        return self.filter(state_condition(state, now=now))

    def inactive_owners(self) -> models.QuerySet[Any, Any]:
        """Return the ids of inactive or hidden users who own a credential that is not revoked."""
        rows = self.filter(has_refused_owner(), revoked_at=None)
        return rows.values_list("owner_id", flat=True).distinct()

    def lock(self) -> int:
        """Lock these rows until the transaction ends; return how many there are.

        By an UPDATE that changes nothing and not by SELECT FOR UPDATE, because SQLite fails a
        transaction that reads before it writes.
        """
        return super().update(name=F("name"))

    def update(self, **values: Any) -> int:
        """Update, and revoke the tokens of each row whose policy or state is written.

        What the rows held before is not known here, so any write to a policy counts as narrowing.
        ``bulk_update`` and related managers come through here as well. Locks the feed. Raises
        ``ValueError`` for a new identifier: nobody could revoke the tokens that carry the old one.
        """
        if "identifier" in values:
            raise ValueError("The identifier cannot be changed; issue a new credential")
        if _REVOKES_TOKENS.isdisjoint(values):
            return super().update(**values)
        self._for_write = True
        if not self._with_live_tokens(values).exists():
            # For every user who is deleted, Django writes that credentials have no owner.
            return super().update(**values)
        if "expires_at" in values:
            # The warnings that were sent were about another expiry.
            values = {"expiry_warned_at": None, "end_mailed_at": None, **values}
        # Whatever was given: a generation that is used again would bring its tokens back.
        values["generation"] = F("generation") + 1
        count = 0
        with revoking(using=self.db) as feed:
            # Which rows these are is decided once: afterwards they may no longer be found.
            for pks in batched(self.values_list("pk", flat=True)):
                count += super(CredentialQuerySet, self.filter(pk__in=pks)).update(**values)
                feed.revoke_earlier_generations(self.model._base_manager.filter(pk__in=pks))
        return count

    def _with_live_tokens(self, values: dict[str, Any]) -> Self:
        """Keep the rows whose tokens this update has to revoke: all but those revoked for good."""
        is_restored = values.get("revoked_at", self) is None
        return self if is_restored else self.filter(revoked_at=None)

    def bulk_create(self, *args: Any, **options: Any) -> list[M_co]:
        """Insert; refuses ``update_conflicts``, which would write past every rule of a row."""
        if options.get("update_conflicts"):
            raise NotSupportedError("bulk_create() only inserts. Use update() to change rows.")
        return super().bulk_create(*args, **options)


CredentialManager = models.Manager.from_queryset(CredentialQuerySet)
