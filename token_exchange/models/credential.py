"""Which long-lived credentials are there, and what may each do?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import ClassVar

from django.conf import settings
from django.db import models, router
from django.db.models import F
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from token_exchange.models.credential_constraints import CONSTRAINTS, INDEXES
from token_exchange.models.credential_queryset import POLICY_FIELDS, CredentialManager, is_narrower
from token_exchange.models.credential_state import State, warning_window
from token_exchange.models.dirty_fields import EditedModel
from token_exchange.models.organization import ORGANIZATION_MODEL
from token_exchange.models.revocation_writer import recording
from token_exchange.models.validators import (
    no_control_characters,
    validate_audience,
    validate_lifetime,
    validate_metadata,
    validate_networks,
    validate_scopes,
)


class Credential(EditedModel):
    """An id and a secret: an API key is both in one string, a client app sends them apart."""

    class Kind(models.TextChoices):
        """Which of the two it is."""

        API_KEY = "api_key", _("API key")
        CLIENT_APP = "client_app", _("client app")

    class SubjectType(models.TextChoices):
        """For whom its tokens speak; never changes."""

        ORGANIZATION = "organization", _("Organization")
        USER = "user", _("User")

    EDITABLE_FIELDS = (*POLICY_FIELDS, "name", "allowed_networks", "metadata")
    """All that ``save`` writes of a stored credential; the rest belongs to the verbs."""
    KIND: ClassVar[str]
    """The kind of a proxy's rows."""

    kind = models.CharField(_("kind"), max_length=10, choices=Kind, editable=False)
    identifier = models.CharField(_("identifier"), max_length=64, editable=False)
    name = models.CharField(_("name"), max_length=255, validators=[no_control_characters])
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
    scopes = models.JSONField(_("scopes"), default=list, blank=True, validators=[validate_scopes])
    audience = models.JSONField(
        _("audience"),
        default=list,
        blank=True,
        validators=[validate_audience],
        help_text=_("The services that accept its tokens. Leave empty for this service."),
    )
    token_lifetime = models.DurationField(
        _("token lifetime"),
        null=True,
        blank=True,
        validators=[validate_lifetime],
        help_text=_(
            "Lifetime of its tokens (HH:MM:SS). Leave empty for the organization's default. Auth "
            "tokens of 30 minutes or less are not reused."
        ),
    )
    allowed_networks = models.JSONField(
        _("allowed networks"),
        default=list,
        blank=True,
        validators=[validate_networks],
        help_text=_(
            "The networks it can be used from, in CIDR notation. Leave empty to allow all."
        ),
    )
    secret_digest = models.CharField(max_length=64, editable=False)
    secret_issued_at = models.DateTimeField(_("secret issued at"), editable=False)
    previous_secret_digest = models.CharField(max_length=64, null=True, editable=False)  # noqa: DJ001 - NULL is "none", and a constraint reads it
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
    # Of the end that is nearest: of another expiry nobody has been told yet.
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
        validators=[no_control_characters],
    )
    last_used_at = models.DateTimeField(_("last used at"), null=True, editable=False)
    last_used_from = models.CharField(
        _("last used from"), max_length=64, blank=True, editable=False
    )
    metadata = models.JSONField(
        _("metadata"), default=dict, blank=True, validators=[validate_metadata]
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

    def save(  # type: ignore[override]
        self,
        *,
        force_insert: bool = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Insert, or update what was edited; ends the tokens if the policy became narrower.

        Secrets, revocation and use are never written by an update, and of what may be edited only
        what differs from what was read: a stale copy of a row would bring a revoked credential
        back, or a scope that was taken away. What the row holds now decides what is narrower.
        """
        if self._state.adding:
            # Never over a row that is there, whatever primary key somebody gave.
            super().save(force_insert=True, using=using)
            self._remember_written(self.EDITABLE_FIELDS)
            return
        using = using or router.db_for_write(type(self), instance=self)
        names = set(self._edited() if update_fields is None else update_fields)
        if not names <= set(self.EDITABLE_FIELDS):
            raise ValueError(f"save() writes only {', '.join(self.EDITABLE_FIELDS)}; see the verbs")
        write = partial(
            super().save, force_insert=force_insert, force_update=force_update, using=using
        )
        if names.isdisjoint(POLICY_FIELDS):
            write(update_fields=names)
        else:
            self._save_policy(names, write, using=using)
        self._remember_written(names)

    def _save_policy(self, names: set[str], write: Callable[..., None], *, using: str) -> None:
        if "expires_at" in names:
            self.expiry_warned_at = self.end_mailed_at = None
            names = names | {"expiry_warned_at", "end_mailed_at"}
        with recording(using=using) as feed:
            if not self._narrows(names, using=using):
                write(update_fields=names)
                return
            self.generation = F("generation") + 1
            write(update_fields={*names, "generation"})
            self.refresh_from_db(using=using, fields=["generation"])
            feed.end_generations_before(Credential._base_manager.filter(pk=self.pk))

    def state(self, *, now: datetime) -> State:
        """Tell where the credential stands at ``now``, which follows from its times."""
        return self.states(now=now)[0]

    def states(self, *, now: datetime) -> tuple[State, ...]:
        """Tell all that is to be said of where it stands: what lives can rotate and expire."""
        if self.has_ended(now=now):
            return (State.EXPIRED if self.revoked_at is None else State.REVOKED,)
        rotating = (State.ROTATING,) if self.has_previous_secret(now=now) else ()
        expiring = (State.EXPIRING,) if self._is_expiring(now=now) else ()
        return (*rotating, *expiring) or (State.ACTIVE,)

    def has_ended(self, *, now: datetime) -> bool:
        """Tell whether it is revoked or has expired."""
        is_expired = self.expires_at is not None and self.expires_at <= now
        return self.revoked_at is not None or is_expired

    def _is_expiring(self, *, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now + warning_window()

    def has_previous_secret(self, *, now: datetime) -> bool:
        """Tell whether the secret from before the last rotation still works."""
        expires_at = self.previous_secret_expires_at
        return expires_at is not None and expires_at > now

    def _narrows(self, names: set[str], *, using: str) -> bool:
        """Tell whether writing these fields allows less than the row, which is locked for it."""
        policy = names.intersection(POLICY_FIELDS)
        row = Credential.objects.using(using).filter(pk=self.pk)
        # An UPDATE and not SELECT FOR UPDATE: SQLite fails a transaction that reads first.
        row.update(name=F("name"))
        return any(
            getattr(self, name) != before and is_narrower(name, before, getattr(self, name))
            for each in row.values(*policy)
            for name, before in each.items()
        )
