"""Has what tokens inherit from their credential become less?"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self

from django.db import NotSupportedError, models
from django.db.models import F

from token_exchange.conf import get_settings
from token_exchange.models.credential_state import State, state_condition
from token_exchange.models.revocation_writer import batched, revoking
from token_exchange.models.writer import WriterQuerySet

if TYPE_CHECKING:
    from token_exchange.models.credential import Credential

POLICY_FIELDS: Final = ("scopes", "audience", "token_lifetime", "expires_at")
"""What tokens inherit; narrowing one of these ends the tokens that were minted before."""


def is_narrower(name: str, before: Any, after: Any) -> bool:
    """Tell whether the policy field ``name`` allows less after an edit than before.

    Where that depends on what is not known here, the answer is yes: it costs the clients an
    exchange, and the other mistake would leave them more than they may have.
    """
    if name == "scopes":
        return not set(before) <= set(after)
    if name == "audience":
        default = {get_settings().audience}
        return not (set(before) or default) <= (set(after) or default)
    if name == "expires_at":
        return after is not None and (before is None or after < before)
    # A lifetime of None is the organization's, which may be more or less: assume less.
    return before is None or after is None or after < before


_ENDS_TOKENS: Final = frozenset(
    {
        *POLICY_FIELDS,
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


class CredentialQuerySet(WriterQuerySet["Credential"]):
    """Credentials of both kinds."""

    def in_state(self, state: State, *, now: datetime) -> Self:
        """Keep the credentials that are in ``state`` at ``now``, as its ``state`` says."""
        return self.filter(state_condition(state, now=now))

    def inactive_owners(self) -> models.QuerySet[Any, Any]:
        """Return the ids of the inactive users who own a credential that is not revoked."""
        rows = self.filter(revoked_at=None, owner__is_active=False)
        return rows.values_list("owner_id", flat=True).distinct()

    def update(self, **values: Any) -> int:
        """Update, and end the tokens of each row whose policy, or life, is written.

        What the rows had before is not known here, so any write to a policy counts as narrowing.
        ``bulk_update`` and related managers come through here as well. Locks the feed; see
        ``revoking``. Raises ``ValueError`` for a new identifier, under which nobody could end what
        was minted under the old one.
        """
        if "identifier" in values:
            raise ValueError("The identifier of a credential stays as it is; issue a new one")
        if _ENDS_TOKENS.isdisjoint(values):
            return super().update(**values)
        self._for_write = True
        if values == {"owner": None} and not self.exists():
            return 0  # Django writes this for every user who is deleted, and most had none
        if "expires_at" in values:
            # Whoever was warned was warned of another expiry.
            values = {"expiry_warned_at": None, "end_mailed_at": None, **values}
        # Whatever was given: a generation that comes back would bring its tokens back.
        values["generation"] = F("generation") + 1
        count = 0
        with revoking(using=self.db) as feed:
            # Which rows these are is decided once: afterwards they may no longer be found.
            for pks in batched(self.values_list("pk", flat=True)):
                count += super(CredentialQuerySet, self.filter(pk__in=pks)).update(**values)
                feed.revoke_earlier_generations(self.model._base_manager.filter(pk__in=pks))
        return count

    def bulk_create(self, *args: Any, **options: Any) -> list[Credential]:
        """Insert; refuses ``update_conflicts``, which would write past every rule of a row."""
        if options.get("update_conflicts"):
            raise NotSupportedError("Credentials are inserted here, or changed by update().")
        return super().bulk_create(*args, **options)


CredentialManager = models.Manager.from_queryset(CredentialQuerySet)
