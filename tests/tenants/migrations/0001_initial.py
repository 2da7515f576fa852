"""The tables of these tenants; what no table has is left out."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import UserManager
from django.db import migrations, models


def table(model: str, /, **own: models.Field[Any, Any]) -> migrations.CreateModel:
    policy = {
        "default_token_lifetime": models.DurationField(null=True, blank=True),
        "max_token_lifetime": models.DurationField(null=True, blank=True),
        "is_active": models.BooleanField(default=True),
    }
    return migrations.CreateModel(model, fields=[*own.items(), *policy.items()])


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar[list[tuple[str, str]]] = [
        ("auth", "0012_alter_user_first_name_max_length")
    ]
    operations: ClassVar[list[migrations.operations.base.Operation]] = [
        table(
            "Tenant",
            id=models.UUIDField(primary_key=True, default=uuid.uuid4),
            name=models.CharField(max_length=50),
            slug=models.SlugField(unique=True),
            number=models.PositiveSmallIntegerField(default=7),
        ),
        table(
            "Account",
            id=models.BigAutoField(primary_key=True),
            title=models.CharField(max_length=50),
        ),
        table(
            "Region",
            id=models.BigAutoField(primary_key=True),
            name=models.CharField(max_length=50),
            slug=models.SlugField(unique=True),
            country=models.CharField(max_length=2),
        ),
        migrations.CreateModel(
            "Employee",
            fields=[],
            options={"proxy": True},
            bases=("auth.user",),
            managers=[("objects", UserManager())],
        ),
    ]
