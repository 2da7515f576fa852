"""The audit trail: one row for each life-cycle event, which nobody edits."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.db import NotSupportedError, models
from django.utils.translation import gettext_lazy as _

from token_exchange.models.writer import WriterQuerySet


class AuditEventQuerySet(WriterQuerySet["AuditEvent"]):
    """Audit events, which are written once; only the purge takes them away."""

    def update(self, **values: Any) -> NoReturn:
        """Refuse: what happened does not change."""
        raise NotSupportedError("Audit events are never changed.")

    def delete(self) -> NoReturn:
        """Refuse; see ``AUDIT_RETENTION``."""
        raise NotSupportedError("Audit events are deleted by purge_expired_tokens alone.")

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

        CREDENTIAL_ISSUED = "credential.issued", _("credential issued")
        CREDENTIAL_CHANGED = "credential.changed", _("credential changed")
        CREDENTIAL_ROTATED = "credential.rotated", _("secret rotated")
        CREDENTIAL_COMPROMISED = "credential.compromised", _("secret rotated as compromised")
        CREDENTIAL_OVERLAP_ENDED = "credential.overlap_ended", _("previous secret ended")
        CREDENTIAL_REVOKED = "credential.revoked", _("credential revoked")
        CREDENTIAL_TOKENS_INVALIDATED = "credential.tokens_invalidated", _("all tokens ended")
        TOKEN_REVOKED = "token.revoked", _("token revoked")
        SIGNING_KEY_PUBLISHED = "signing_key.published", _("signing key published")
        SIGNING_KEY_REMOVED = "signing_key.removed", _("signing key removed")
        ORGANIZATION_CREATED = "organization.created", _("organization created")
        ORGANIZATION_CHANGED = "organization.changed", _("organization changed")
        ORGANIZATION_DELETED = "organization.deleted", _("organization deleted")

    class TargetType(models.TextChoices):
        """To what it happened."""

        API_KEY = "api_key", _("API key")
        CLIENT_APP = "client_app", _("client app")
        ACCESS_TOKEN = "access_token", _("access token")
        SIGNING_KEY = "signing_key", _("signing key")
        ORGANIZATION = "organization", _("organization")

    occurred_at = models.DateTimeField(_("time"), db_index=True, editable=False)
    event = models.CharField(_("event"), max_length=40, choices=Event, editable=False)
    target_type = models.CharField(
        _("target type"), max_length=16, choices=TargetType, editable=False
    )
    target = models.CharField(
        _("target"),
        max_length=255,
        editable=False,
        help_text=_("The identifier, jti or kid; of an organization its primary key."),
    )
    organization = models.CharField(
        _("organization"),
        max_length=255,
        blank=True,
        editable=False,
        help_text=_("The primary key of the organization that the target belongs to."),
    )
    actor_id = models.CharField(
        _("user id"), max_length=255, blank=True, editable=False, help_text=_("Of who did it.")
    )
    actor = models.CharField(
        _("by"),
        max_length=255,
        blank=True,
        editable=False,
        help_text=_("Who did it, by username; empty where no user did."),
    )
    origin = models.CharField(
        _("from"),
        max_length=255,
        blank=True,
        editable=False,
        help_text=_("The address of the request, or what else it came from."),
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
        # Or Django would first try an UPDATE, where somebody names the id of a stored event.
        super().save(**{**options, "force_insert": True})

    def delete(self, *args: Any, **options: Any) -> NoReturn:
        """Refuse; see ``AUDIT_RETENTION``."""
        raise NotSupportedError("Audit events are deleted by purge_expired_tokens alone.")
