"""The tenants of the project, and their domains."""

from __future__ import annotations

from django.db import models
from django_tenants.models import DomainMixin, TenantMixin


class Customer(TenantMixin):
    """A tenant with a schema of its own."""

    name = models.CharField(max_length=50)

    auto_create_schema = True


class Domain(DomainMixin):
    """The host by which a request names its tenant."""
