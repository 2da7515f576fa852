"""The organization: a tenant and its token policy. Swappable."""

from __future__ import annotations

from typing import Any, ClassVar, Final, TypeAlias

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from token_exchange.models.secret_free_fields import SecretFreeCharField, SecretFreeSlugField
from token_exchange.models.validators import validate_lifetime

# The one read of settings at import: Django resolves swappable models while it loads them.
ORGANIZATION_MODEL: Final[str] = getattr(
    settings, "TOKEN_EXCHANGE_ORGANIZATION_MODEL", "token_exchange.Organization"
)


Pk: TypeAlias = Any
"""The primary key of a swappable model: the project decides its type."""


class AbstractOrganization(models.Model):
    """The token policy that a tenant model of your own needs.

    Inherit, and name your model in ``TOKEN_EXCHANGE_ORGANIZATION_MODEL`` before you migrate.
    """

    default_token_lifetime = models.DurationField(
        _("default token lifetime"),
        null=True,
        blank=True,
        validators=[validate_lifetime],
        help_text=_("Lifetime of tokens (HH:MM:SS), unless the credential has its own."),
    )
    max_token_lifetime = models.DurationField(
        _("maximum token lifetime"),
        null=True,
        blank=True,
        validators=[validate_lifetime],
        help_text=_("Longest lifetime of new tokens (HH:MM:SS, up to 24 hours)."),
    )
    is_active = models.BooleanField(
        _("active"),
        default=True,
        help_text=_(
            "While an organization is inactive, its credentials and their tokens are refused."
        ),
    )

    class Meta:
        abstract = True

    def clean(self) -> None:
        """Refuse a default lifetime over the maximum."""
        super().clean()
        if (
            self.default_token_lifetime is not None
            and self.max_token_lifetime is not None
            and self.default_token_lifetime > self.max_token_lifetime
        ):
            raise ValidationError(
                {"default_token_lifetime": _("The default can't be longer than the maximum.")}
            )


class Organization(AbstractOrganization):
    """A tenant, for projects that have no model of their own for it."""

    name = SecretFreeCharField(_("name"), max_length=255)
    # By which a list is searched and ordered, as with credentials.
    search_name = models.GeneratedField(
        expression=Lower("name"),
        output_field=models.CharField(max_length=255),
        db_persist=True,
        db_index=True,
    )
    slug = SecretFreeSlugField(_("slug"), max_length=100, unique=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta(AbstractOrganization.Meta):
        abstract = False
        swappable = "TOKEN_EXCHANGE_ORGANIZATION_MODEL"
        ordering: ClassVar[list[str]] = ["search_name"]
        verbose_name = _("organization")
        verbose_name_plural = _("organizations")

    def __str__(self) -> str:
        return self.name


def get_organization_model() -> type[AbstractOrganization]:
    """Return the tenant model that this project uses."""
    model: type[AbstractOrganization] = apps.get_model(ORGANIZATION_MODEL, require_ready=False)
    return model
