"""Which tokens were minted, and is one of them still good?"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from token_exchange.core.errors import InvalidToken
from token_exchange.models.credential import Credential
from token_exchange.models.querysets import WriterQuerySet
from token_exchange.models.signing_key import SigningKey

if TYPE_CHECKING:
    from token_exchange.core.tokens import Claims

JTI_LENGTH: Final = 22
"""Characters of base 62: 131 random bits."""


class AccessTokenQuerySet(WriterQuerySet["AccessToken"]):
    """Access tokens, live and dead."""

    def with_signing_key(self) -> Self:
        """Keep the tokens whose signing key has not been removed."""
        return self.filter(Exists(SigningKey.objects.filter(kid=OuterRef("kid"), removed_at=None)))

    def live(self, *, now: datetime) -> Self:
        """Keep the tokens that verification accepts at ``now``.

        What ``check_alive`` refuses for a reason is left out here without one; keep them in step.
        """
        return self.with_signing_key().filter(
            Q(credential__subject_type=Credential.SubjectType.ORGANIZATION)
            | Q(credential__owner__is_active=True),
            expires_at__gt=now,
            revoked_at=None,
            generation=F("credential__generation"),
            credential__revoked_at=None,
            credential__organization__is_active=True,
        )

    def check_alive(self, claims: Claims) -> Any:
        """Return the owning user of a token that nobody has ended, ``None`` for a machine's.

        One query on the writer. Raises ``InvalidToken`` if the token, its credential or its
        signing key has been revoked, or its organization or owner is inactive.
        """
        token = (
            self.on_writer()
            .select_related("credential__organization", "credential__owner")
            .with_signing_key()
            .filter(jti=claims.jti)
            .first()
        )
        if token is None:
            raise InvalidToken(reason="unknown_token")
        credential = token.credential
        if token.revoked_at is not None:
            raise InvalidToken(reason="token_revoked")
        if credential.revoked_at is not None:
            raise InvalidToken(reason="credential_revoked")
        if str(credential.organization_id) != claims.organization_id:
            raise InvalidToken(reason="organization_changed")
        if credential.generation != claims.generation:
            raise InvalidToken(reason="generation_ended")
        if not credential.organization.is_active:
            raise InvalidToken(reason="organization_inactive")
        if credential.subject_type == Credential.SubjectType.ORGANIZATION:
            return None
        owner = credential.owner
        if owner is None or claims.user_id != str(owner.pk):
            raise InvalidToken(reason="owner_gone")
        if not owner.is_active:
            raise InvalidToken(reason="owner_inactive")
        return owner


class AccessToken(models.Model):
    """A token that was minted; the token itself is not here.

    Where the token may be handed out again, ``signing_input`` has all of it but the signature,
    which the row's key can make once more.
    """

    jti = models.CharField("jti", max_length=JTI_LENGTH, editable=False)
    credential = models.ForeignKey(
        Credential,
        on_delete=models.PROTECT,
        db_index=False,  # the index with expires_at serves
        related_name="access_tokens",
        editable=False,
        verbose_name=_("credential"),
    )
    generation = models.PositiveIntegerField(_("generation"), editable=False)
    scope = models.TextField(_("scope"), blank=True, editable=False)
    audience = models.JSONField(_("audience"), editable=False)
    kid = models.CharField("kid", max_length=43, editable=False)
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
        ]

    def __str__(self) -> str:
        return self.jti
