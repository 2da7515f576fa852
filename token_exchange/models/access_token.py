"""Access tokens that were issued; the tokens themselves are not stored."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Self

from django.db import NotSupportedError, models
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from token_exchange.database.clock import DatabaseNow
from token_exchange.models.credential import Credential
from token_exchange.models.exact_char_field import ExactCharField
from token_exchange.models.parents import has_active_organization, has_active_owner
from token_exchange.models.revocation_writer import batched, revoking
from token_exchange.models.signing_key import SigningKey
from token_exchange.models.writer import WriterQuerySet

JTI_LENGTH: Final = 22
"""Characters of base 62: 131 random bits."""

_REVOKES_TOKENS: Final = frozenset({"revoked_at", "jti", "expires_at"})
"""A new expiry or id does not change the signed token, so no later revocation would find it."""


LIVE_COUNT_LIMIT: Final = 1_000
"""The live tokens of one credential are counted up to this number, and a few beyond."""

_BEYOND_ANY_EXPIRY: Final = timedelta(days=36_500)


class TokenState(models.TextChoices):
    """An access token's state, as lists show it."""

    LIVE = "live", _("Live")
    EXPIRED = "expired", _("Expired")
    REVOKED = "revoked", _("Revoked")
    REFUSED = "refused", _("Refused")
    """Not revoked, but its credential, owner, organization or key is no longer valid."""


class AccessTokenQuerySet(WriterQuerySet["AccessToken"]):
    """Access tokens, live and dead."""

    def with_signing_key(self) -> Self:
        """Keep the tokens whose signing key has not been removed."""
        return self.filter(Exists(SigningKey.objects.filter(kid=OuterRef("kid"), removed_at=None)))

    def unexpired(self, *, now: datetime) -> Self:
        """Keep the tokens of the current generation that either clock calls live."""
        return self.filter(
            Q(expires_at__gt=now) | Q(expires_at__gt=DatabaseNow()),
            revoked_at=None,
            generation=F("credential__generation"),
        )

    def live(self, *, now: datetime) -> Self:
        """Keep the tokens that verification accepts at ``now``.

        Must match ``RevocationSet.check``: a token that is refused there is not live here.
        """
        return self.with_signing_key().filter(
            Q(credential__subject_type=Credential.SubjectType.ORGANIZATION)
            | has_active_owner("credential__owner"),
            has_active_organization("credential__organization"),
            expires_at__gt=now,
            revoked_at=None,
            generation=F("credential__generation"),
            credential__revoked_at=None,
        )

    def live_count(self, *, now: datetime) -> Coalesce:
        """Return an expression that counts a credential's live tokens, in a query of credentials.

        It counts little further than ``LIVE_COUNT_LIMIT``: only the tokens that expire no later
        than the first one over the limit. A LIMIT inside the count would be simpler, but MariaDB
        has no correlated derived tables.
        """
        tokens = self.live(now=now)
        first_over_limit = (
            tokens.filter(credential=OuterRef(OuterRef("pk")))
            .order_by("expires_at")
            .values("expires_at")[LIVE_COUNT_LIMIT : LIVE_COUNT_LIMIT + 1]
        )
        latest = Coalesce(Subquery(first_over_limit), now + _BEYOND_ANY_EXPIRY)
        counts = (
            tokens.filter(credential=OuterRef("pk"), expires_at__lte=latest)
            .order_by()
            .values("credential")
            .annotate(count=Count("pk"))
            .values("count")
        )
        return Coalesce(Subquery(counts), 0)

    def signing_inputs(self, *, credential: Any, generation: Any, until: Any) -> Any:
        """Return the signing input of the newest re-usable token that expires after ``until``.

        At most one, because the newest follows the newest policy.
        """
        return (
            self.filter(
                credential=credential,
                generation=generation,
                revoked_at=None,
                expires_at__gt=until,
                signing_input__gt="",
            )
            .order_by("-pk")
            .values_list("signing_input", flat=True)[:1]
        )

    def update(self, **values: Any) -> int:
        """Update, and write each token that this revokes to the feed. Locks the feed.

        A new expiry also revokes the token. Raises ``ValueError`` for what
        would restore a revoked token: verifiers already have the revocation.
        """
        if _REVOKES_TOKENS.isdisjoint(values):
            return super().update(**values)
        if "revoked_at" not in values:
            values["signing_input"] = ""  # or a client would be given it again
        elif values["revoked_at"] is None:
            raise ValueError("A token that was revoked stays revoked")
        self._for_write = True
        if not self.exists():
            return 0
        count = 0
        with revoking(using=self.db) as feed:
            # Which rows these are is decided once: afterwards they may no longer be found.
            for ending in batched(self.values_list("pk", "jti", "expires_at")):
                rows = self.filter(pk__in=[pk for pk, _jti, _expires_at in ending])
                count += super(AccessTokenQuerySet, rows).update(**values)
                feed.revoke_tokens((jti, expires_at) for _pk, jti, expires_at in ending)
        return count

    def bulk_create(self, *args: Any, **options: Any) -> list[AccessToken]:
        """Insert; refuses ``update_conflicts``, which would bypass the revocation feed."""
        if options.get("update_conflicts"):
            raise NotSupportedError("bulk_create() only inserts. Use update() to revoke tokens.")
        return super().bulk_create(*args, **options)


class AccessToken(models.Model):
    """A token that was issued. The token itself is not stored.

    Where the token may be handed out again, ``signing_input`` has all of it but the signature,
    which the row's key can make once more.
    """

    jti = ExactCharField("jti", max_length=JTI_LENGTH, editable=False)
    credential = models.ForeignKey(
        Credential,
        on_delete=models.PROTECT,
        db_index=False,  # the index with expires_at serves
        related_name="access_tokens",
        editable=False,
        verbose_name=_("credential"),
    )
    generation = models.PositiveIntegerField(_("generation"), editable=False)
    # The version of the secret that it was issued for.
    secret_version = models.PositiveIntegerField(default=1, editable=False)
    scope = models.TextField(_("scope"), blank=True, editable=False)
    audience = models.JSONField(_("audience"), editable=False)
    kid = ExactCharField("kid", max_length=43, editable=False)
    issued_at = models.DateTimeField(_("issued at"), editable=False)
    expires_at = models.DateTimeField(_("expires at"), editable=False)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, editable=False)
    signing_input = models.TextField(blank=True, editable=False)

    objects = AccessTokenQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        permissions: ClassVar[list[tuple[str, Any]]] = [
            ("revoke_accesstoken", _("Can revoke access token"))
        ]
        verbose_name = _("access token")
        verbose_name_plural = _("access tokens")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["jti"], name="token_exchange_jti")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["expires_at"], name="token_exchange_expiry"),
            models.Index(fields=["credential", "expires_at"], name="token_exchange_reuse"),
            # Costs an INSERT nothing.
            models.Index(
                fields=["revoked_at", "expires_at", "credential"],
                condition=Q(revoked_at__isnull=False),
                name="token_exchange_ended_tokens",
            ),
        ]

    def __str__(self) -> str:
        return self.jti

    def save(self, **options: Any) -> None:
        """Insert; raises ``ValueError`` for a stored token, which only the verbs change.

        A stale copy of a row would write its revocation away.
        """
        if not self._state.adding:
            raise ValueError("A stored token cannot be saved; call revoke_access_token()")
        super().save(**options)
