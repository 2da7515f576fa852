"""Every admin page of the app, and the kinds of users who request it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.urls import reverse

from tests.admin.conftest import OperatorClient
from tests.support.factories import make_user
from token_exchange.models import SigningKey

APP = "token_exchange"


_OF_NO_ROW = {"file_format": "csv"}
"""URL arguments other than the id of an object."""


@cache
def all_pages() -> dict[str, list[str]]:
    """Return each page of the app's models by URL name, with its URL parameters."""
    return {
        pattern.name: re.findall(r"<\w+:(\w+)>", str(pattern.pattern))
        for model, model_admin in admin.site._registry.items()
        if model._meta.app_label == APP
        for pattern in model_admin.get_urls()
        if pattern.name
    }


def url_of(name: str, rows: dict[str, Any]) -> str:
    """Return the page's URL for these rows."""
    model = name.removeprefix(f"{APP}_").partition("_")[0]
    values = {"object_id": rows[model].pk if model in rows else None, **_OF_NO_ROW}
    return reverse(f"admin:{name}", args=[values[each] for each in all_pages()[name]])


def complete(rows: dict[str, Any]) -> dict[str, Any]:
    """Add rows without an organization."""
    return {**rows, "signingkey": SigningKey.objects.latest("sequence")}


def _signed_in(user: Any) -> OperatorClient:
    client = OperatorClient()
    client.force_login(user)
    client.user = user
    return client


def _holding(*codenames: str, **values: Any) -> OperatorClient:
    user = make_user(is_staff=True, **values)
    permissions = Permission.objects.filter(content_type__app_label=APP)
    if codenames:
        permissions = permissions.filter(codename__startswith=codenames[0])
    user.user_permissions.set(permissions)
    return _signed_in(user)


def stranger() -> OperatorClient:
    return OperatorClient()


def outsider() -> OperatorClient:
    """Return a superuser who is not staff."""
    return _signed_in(make_user(is_superuser=True))


def inactive() -> OperatorClient:
    """Return a superuser who was deactivated while signed in."""
    client = superuser()
    client.user.is_active = False
    client.user.save()
    return client


def staff() -> OperatorClient:
    """Return a staff user without permissions of the app."""
    return _signed_in(make_user(is_staff=True))


def auditor() -> OperatorClient:
    return _holding("view_", username="auditor")


def operator() -> OperatorClient:
    """Return a staff user with every permission, for all organizations."""
    return _holding(username="operator")


def limited() -> OperatorClient:
    """Return a staff user with every permission, for one organization."""
    client = _holding(username="limited")
    client.user.groups.add(Group.objects.get_or_create(name="ours")[0])
    return client


def superuser() -> OperatorClient:
    return _signed_in(make_user(is_staff=True, is_superuser=True))


SHUT_OUT: dict[str, Callable[[], OperatorClient]] = {
    "stranger": stranger,
    "outsider": outsider,
    "inactive": inactive,
}
ROLES: dict[str, tuple[Callable[[], OperatorClient], str]] = {
    "auditor": (auditor, "own"),
    "operator": (operator, "own"),
    "limited": (limited, "own"),
    "foreign": (limited, "foreign"),
    "superuser": (superuser, "own"),
}
"""The users, and whose rows they request."""
