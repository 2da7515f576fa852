"""The credential: API keys and client apps in one table, and the rules that a row keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models, router
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from token_exchange.models import validators
from token_exchange.models.credential_choices import CredentialKind, RevocationCause, SubjectType
from token_exchange.models.credential_constraints import CONSTRAINTS, INDEXES
from token_exchange.models.credential_edit import write_edits
from token_exchange.models.credential_policy import POLICY_FIELDS
from token_exchange.models.credential_queryset import CredentialManager
from token_exchange.models.credential_state import State, warning_window
from token_exchange.models.exact_char_field import ExactCharField
from token_exchange.models.organization import ORGANIZATION_MODEL
from token_exchange.models.secret_free_fields import SecretFreeCharField, SecretFreeJSONField


class Credential(models.Model):
    """An identifier and a secret. An API key sends both as one string, a client app as two."""

    Kind = CredentialKind
    SubjectType = SubjectType
    RevocationCause = RevocationCause

    EDITABLE_FIELDS = (*POLICY_FIELDS, "name", "metadata")
    """All that ``edit`` and ``save`` write of a stored credential."""
    KIND: ClassVar[str]
    """The kind of a proxy's rows."""

    kind = models.CharField(_("kind"), max_length=10, choices=Kind, editable=False)
    identifier = ExactCharField(_("identifier"), max_length=64, editable=False)
    name = SecretFreeCharField(_("name"), max_length=255)
    # By which a list is searched: an index serves the beginning of a name, and no other part.
    search_name = models.GeneratedField(
        expression=Lower("name"),
        output_field=models.CharField(max_length=255),
        db_persist=True,
    )
    organization = models.ForeignKey(
        ORGANIZATION_MODEL,
        on_delete=models.PROTECT,
        db_index=False,  # the index with the kind serves
        related_name="token_exchange_credentials",
        verbose_name=_("organization"),
    )
    subject_type = models.CharField(
        _("subject type"),
        max_length=12,
        choices=SubjectType,
        default=SubjectType.ORGANIZATION,
        editable=False,
    )
    # A user's key whose owner is gone stays a user's key, and is refused.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="token_exchange_credentials",
        verbose_name=_("owner"),
        help_text=_("Tokens act as this user. Leave empty for an organization key."),
    )
    scopes = SecretFreeJSONField(
        _("scopes"), default=list, blank=True, validators=[validators.validate_scopes]
    )
    audience = SecretFreeJSONField(
        _("audience"),
        default=list,
        blank=True,
        validators=[validators.validate_audience],
        help_text=_("The services that accept its tokens. Leave empty for this service."),
    )
    token_lifetime = models.DurationField(
        _("token lifetime"),
        null=True,
        blank=True,
        validators=[validators.validate_lifetime],
        help_text=_(
            "Lifetime of its tokens (HH:MM:SS). Leave empty for the organization's default. Auth "
            "tokens of 30 minutes or less are not reused."
        ),
    )
    allowed_networks = models.JSONField(
        _("allowed networks"),
        default=list,
        blank=True,
        validators=[validators.validate_networks],
        help_text=_(
            "The networks it can be used from, in CIDR notation. Leave empty to allow all."
        ),
    )
    secret_digest = ExactCharField(max_length=64, editable=False)
    secret_issued_at = models.DateTimeField(_("secret issued at"), editable=False)
    # NULL is "none", and a constraint reads it.
    previous_secret_digest = ExactCharField(max_length=64, null=True, editable=False)  # type: ignore[misc]
    previous_secret_expires_at = models.DateTimeField(
        _("previous secret expires at"), null=True, editable=False
    )
    previous_secret_last_used_at = models.DateTimeField(
        _("previous secret last used at"), null=True, editable=False
    )
    previous_secret_last_used_from = models.CharField(
        _("previous secret last used from"), max_length=64, blank=True, editable=False
    )
    previous_secret_warned_at = models.DateTimeField(null=True, editable=False)
    previous_secret_mailed_at = models.DateTimeField(null=True, editable=False)
    # Which secret of all that it has had is the current one; the previous one is a number lower.
    secret_version = models.PositiveIntegerField(default=1, editable=False)
    generation = models.PositiveIntegerField(_("generation"), default=1, editable=False)
    created_at = models.DateTimeField(_("created at"), editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("created by"),
    )
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    # Notifications about the current expiry or leak; a new expiry clears both.
    expiry_warned_at = models.DateTimeField(null=True, editable=False)
    end_mailed_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, editable=False)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("revoked by"),
    )
    revocation_reason = models.CharField(
        _("revocation reason"),
        max_length=255,
        blank=True,
        editable=False,
        validators=[validators.no_control_characters],
    )
    revocation_cause = models.CharField(
        _("revocation cause"),
        max_length=16,
        choices=RevocationCause,
        blank=True,
        editable=False,
    )
    last_used_at = models.DateTimeField(_("last used at"), null=True, editable=False)
    last_used_from = models.CharField(
        _("last used from"), max_length=64, blank=True, editable=False
    )
    metadata = SecretFreeJSONField(
        _("metadata"), default=dict, blank=True, validators=[validators.validate_metadata]
    )

    objects = CredentialManager()

    class Meta:
        # What related managers and the collector write must end tokens as well.
        base_manager_name = "objects"
        # Permissions are the proxies', or one kind's would grant the other's.
        default_permissions = ()
        verbose_name = _("credential")
        verbose_name_plural = _("credentials")
        constraints = CONSTRAINTS
        indexes = INDEXES

    def __str__(self) -> str:
        return f"{self.name} ({self.identifier})"

    @property
    def organization_default_token_lifetime(self) -> timedelta | None:
        """The default of its organization; the token policy reads it under this name."""
        return self.organization.default_token_lifetime

    @property
    def organization_max_token_lifetime(self) -> timedelta | None:
        """The maximum of its organization."""
        return self.organization.max_token_lifetime

    def save(  # type: ignore[override]
        self,
        *,
        force_insert: bool = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Insert, or update the fields that ``update_fields`` names, as ``edit`` does.

        Raises ``ValueError`` for a stored credential without ``update_fields``: all fields of a
        copy that was read earlier would bring back a scope that was taken away since.
        """
        if self._state.adding:
            # Never over an existing row, whatever primary key was given.
            super().save(force_insert=True, using=using)
            return
        if update_fields is None:
            raise ValueError("Name the update_fields of a stored credential, or call edit()")
        self.edit({name: getattr(self, name) for name in update_fields}, using=using)

    def edit(
        self, changes: Mapping[str, Any], *, using: str | None = None
    ) -> dict[str, tuple[Any, Any]]:
        """Write ``changes`` by field; return what differed from the row: before and after.

        Writes nothing if nothing differs. Otherwise it locks the row, and the revocation feed
        before it if tokens inherit one of the fields. If the policy then allows less than the row
        did, every token issued before is revoked. Raises ``ValueError`` for a field that is not
        in ``EDITABLE_FIELDS``.
        """
        if not changes.keys() <= set(self.EDITABLE_FIELDS):
            raise ValueError(f"Only {', '.join(self.EDITABLE_FIELDS)} can be edited")
        using = using or router.db_for_write(type(self), instance=self)
        return write_edits(self, changes, using=using)

    def state(self, *, now: datetime) -> State:
        """Return the first of ``states``."""
        return self.states(now=now)[0]

    def states(self, *, now: datetime) -> tuple[State, ...]:
        """Return its states at ``now``. A live one can be rotating and expiring at once."""
        if self.has_ended(now=now):
            return (State.EXPIRED if self.revoked_at is None else State.REVOKED,)
        rotating = (State.ROTATING,) if self.has_previous_secret(now=now) else ()
        expiring = (State.EXPIRING,) if self._is_expiring(now=now) else ()
        return (*rotating, *expiring) or (State.ACTIVE,)

    def has_ended(self, *, now: datetime) -> bool:
        """Return whether it is revoked or expired."""
        is_expired = self.expires_at is not None and self.expires_at <= now
        return self.revoked_at is not None or is_expired

    def _is_expiring(self, *, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now + warning_window()

    def has_previous_secret(self, *, now: datetime) -> bool:
        """Return whether the secret from before the last rotation still works."""
        expires_at = self.previous_secret_expires_at
        return expires_at is not None and expires_at > now
