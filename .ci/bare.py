"""Installed package in a project without extras: checks, migrations, the first signing key."""

from __future__ import annotations

import importlib.util
import sys

import django
from django.conf import settings
from django.core.management import call_command

OPTIONAL = ("drf_spectacular", "psycopg", "redis")

settings.configure(
    SECRET_KEY="for-a-project-that-exists-for-a-second-and-stores-no-secrets",
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "rest_framework",
        "token_exchange",
    ],
    ROOT_URLCONF="token_exchange.urls",
    TOKEN_EXCHANGE={"ISSUER": "https://issuer.example"},
)
django.setup()

if installed := [name for name in OPTIONAL if importlib.util.find_spec(name)]:
    sys.exit(f"Installed with extras: {', '.join(installed)}.")
call_command("check", fail_level="WARNING")
call_command("migrate", verbosity=0)

from token_exchange.models import SigningKey  # noqa: E402 - models wait for the settings

if SigningKey.objects.count() != 1:
    sys.exit("migrate created no signing key")
