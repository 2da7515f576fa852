"""Tenant and user models of a project."""

import uuid

from django.contrib.auth.models import User
from django.db import models

from token_exchange.models.organization import AbstractOrganization


class Tenant(AbstractOrganization):
    """As ours, but for the primary key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=50)
    slug = models.SlugField(unique=True)
    number = models.PositiveSmallIntegerField(default=7)


class Account(AbstractOrganization):
    """It has no name, and no slug."""

    title = models.CharField(max_length=50)


class Region(AbstractOrganization):
    """It needs more than a command knows of."""

    name = models.CharField(max_length=50)
    slug = models.SlugField(unique=True)
    country = models.CharField(max_length=2)


class Employee(User):
    """The users, seen another way."""

    class Meta:
        proxy = True
