"""Choices of the credential model."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class CredentialKind(models.TextChoices):
    """API key or client app."""

    API_KEY = "api_key", _("API key")
    CLIENT_APP = "client_app", _("client app")


class SubjectType(models.TextChoices):
    """Who a credential's tokens act as; never changes."""

    ORGANIZATION = "organization", _("Organization")
    USER = "user", _("User")


class RevocationCause(models.TextChoices):
    """What led to a revocation, whatever its reason says."""

    OPERATOR = "operator", _("Operator")
    OWNER = "owner", _("Owner")
    OWNER_DELETED = "owner_deleted", _("Owner deleted")
    LEAK = "leak", _("Leak")
    DESCENDANT = "descendant", _("Created or rotated with another credential")
