"""User and tenant models whose default managers hide what was deleted."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.utils import timezone

from token_exchange.models.organization import AbstractOrganization


class Living(BaseUserManager[Any]):
    """Hides what was deleted."""

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(deleted_at=None).order_by("-pk")


class LivingUntil(models.Manager[Any]):
    """Hides what was deleted by now: each query has another time."""

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(Q(deleted_at=None) | Q(deleted_at__gt=timezone.now()))


class Nothing(models.Manager[Any]):
    """Hides everything."""

    def get_queryset(self) -> Any:
        return super().get_queryset().none()


class Member(AbstractBaseUser, PermissionsMixin):
    username = models.CharField(max_length=50, unique=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    deleted_at = models.DateTimeField(null=True)

    objects = Living()
    everyone = models.Manager()
    timed = LivingUntil()
    nobody = Nothing()

    USERNAME_FIELD = "username"


class Tenant(AbstractOrganization):
    name = models.CharField(max_length=50)
    slug = models.SlugField(unique=True)
    deleted_at = models.DateTimeField(null=True)

    objects = Living()
    everyone = models.Manager()
    timed = LivingUntil()
    nobody = Nothing()
