"""The tables of the members and tenants."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar[list[tuple[str, str]]] = [
        ("auth", "0012_alter_user_first_name_max_length")
    ]
    operations: ClassVar[list[migrations.operations.base.Operation]] = [
        migrations.CreateModel(
            "Member",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("password", models.CharField(max_length=128)),
                ("last_login", models.DateTimeField(null=True, blank=True)),
                ("is_superuser", models.BooleanField(default=False)),
                ("username", models.CharField(max_length=50, unique=True)),
                ("is_active", models.BooleanField(default=True)),
                ("is_staff", models.BooleanField(default=False)),
                ("deleted_at", models.DateTimeField(null=True)),
                ("groups", models.ManyToManyField("auth.group", blank=True)),
                ("user_permissions", models.ManyToManyField("auth.permission", blank=True)),
            ],
        ),
        migrations.CreateModel(
            "Tenant",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("default_token_lifetime", models.DurationField(null=True, blank=True)),
                ("max_token_lifetime", models.DurationField(null=True, blank=True)),
                ("is_active", models.BooleanField(default=True)),
                ("name", models.CharField(max_length=50)),
                ("slug", models.SlugField(unique=True)),
                ("deleted_at", models.DateTimeField(null=True)),
            ],
        ),
    ]
