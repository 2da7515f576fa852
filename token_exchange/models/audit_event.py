"""The audit trail: one append-only row for each life-cycle event."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.db import NotSupportedError, models
from django.utils.translation import gettext_lazy as _

from token_exchange.models.exact_char_field import ExactCharField
from token_exchange.models.writer import WriterQuerySet


class AuditEventQuerySet(WriterQuerySet["AuditEvent"]):
    """Audit events, which are written once; only the purge deletes them."""

    def update(self, **values: Any) -> NoReturn:
        """Refuse: what happened does not change."""
        raise NotSupportedError("Audit events are never changed.")

    def delete(self) -> NoReturn:
        """Refuse; see ``AUDIT_RETENTION``."""
        raise NotSupportedError("Only purge_expired_tokens deletes audit events.")

    def bulk_create(self, *args: Any, **options: Any) -> list[AuditEvent]:
        """Insert; refuses ``update_conflicts``, which would write over what happened."""
        if options.get("update_conflicts"):
            raise NotSupportedError("Audit events are never changed.")
        return super().bulk_create(*args, **options)


class AuditEvent(models.Model):
    """One event in the life of a credential, a token, a signing key or an organization.

    All values are plain: a user who is deleted, or a tenant who is renamed, changes nothing here.
    """

    class Event(models.TextChoices):
        """What happened, by the name that the log has for it."""

        CREDENTIAL_ISSUED = "credential.issued", _("Credential issued")
        CREDENTIAL_CHANGED = "credential.changed", _("Credential changed")
        CREDENTIAL_ROTATED = "credential.rotated", _("Secret rotated")
        CREDENTIAL_COMPROMISED = "credential.compromised", _("Rotated as compromised")
        CREDENTIAL_OVERLAP_ENDED = "credential.overlap_ended", _("Overlap ended")
        CREDENTIAL_REVOKED = "credential.revoked", _("Credential revoked")
        CREDENTIAL_TOKENS_INVALIDATED = "credential.tokens_invalidated", _("All tokens revoked")
        TOKEN_REVOKED = "token.revoked", _("Token revoked")
        SIGNING_KEY_PUBLISHED = "signing_key.published", _("Signing key published")
        SIGNING_KEY_REMOVED = "signing_key.removed", _("Signing key removed")
        ORGANIZATION_CREATED = "organization.created", _("Organization created")
        ORGANIZATION_CHANGED = "organization.changed", _("Organization changed")
        ORGANIZATION_DELETED = "organization.deleted", _("Organization deleted")

    class TargetType(models.TextChoices):
        """To what it happened."""

        API_KEY = "api_key", _("API key")
        CLIENT_APP = "client_app", _("Client app")
        ACCESS_TOKEN = "access_token", _("Access token")
        SIGNING_KEY = "signing_key", _("Signing key")
        ORGANIZATION = "organization", _("Organization")

    occurred_at = models.DateTimeField(_("time"), db_index=True, editable=False)
    event = models.CharField(_("event"), max_length=40, choices=Event, editable=False)
    target_type = models.CharField(
        _("target type"), max_length=16, choices=TargetType, editable=False
    )
    target = ExactCharField(
        _("target"),
        max_length=255,
        editable=False,
        help_text=_("Identifier, jti or kid. For an organization, its primary key."),
    )
    organization = ExactCharField(
        _("organization"),
        max_length=255,
        blank=True,
        editable=False,
        help_text=_("Primary key of the organization that the target belongs to."),
    )
    actor_id = ExactCharField(
        _("actor ID"),
        max_length=255,
        blank=True,
        editable=False,
        help_text=_("Primary key of the user who did it."),
    )
    actor = models.CharField(
        _("actor"),
        max_length=255,
        blank=True,
        editable=False,
        help_text=_("Username of the user who did it. Empty if it wasn't a user."),
    )
    origin = models.CharField(
        _("source"),
        max_length=255,
        blank=True,
        editable=False,
        help_text=_("Network address of the request, or the command or task."),
    )
    reason = models.CharField(_("reason"), max_length=255, blank=True, editable=False)
    details = models.JSONField(_("details"), default=dict, blank=True, editable=False)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["target", "id"], name="token_exchange_audit_target"),
            models.Index(fields=["organization", "id"], name="token_exchange_audit_org"),
            models.Index(fields=["event", "id"], name="token_exchange_audit_event"),
            models.Index(fields=["target_type", "id"], name="token_exchange_audit_type"),
            models.Index(fields=["actor", "id"], name="token_exchange_audit_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.target}"

    def save(self, **options: Any) -> None:
        """Insert; raises ``NotSupportedError`` for an event that is stored."""
        if not self._state.adding:
            raise NotSupportedError("Audit events are never changed.")
        # With the id of a stored event, Django would first try an UPDATE.
        super().save(**{**options, "force_insert": True})

    def delete(self, *args: Any, **options: Any) -> NoReturn:
        """Refuse; see ``AUDIT_RETENTION``."""
        raise NotSupportedError("Only purge_expired_tokens deletes audit events.")
