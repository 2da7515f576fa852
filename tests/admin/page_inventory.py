"""Every page of ours in the admin, and everybody who may come to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.urls import reverse

from tests.admin.conftest import Desk
from tests.support.factories import make_user
from token_exchange.models import SigningKey

APP = "token_exchange"


_OF_NO_ROW = {"file_format": "csv"}
"""What stands in a URL beside the id of an object."""


@cache
def all_pages() -> dict[str, list[str]]:
    """Return each page of our models by its name, with the parameters of its URL."""
    return {
        pattern.name: re.findall(r"<\w+:(\w+)>", str(pattern.pattern))
        for model, model_admin in admin.site._registry.items()
        if model._meta.app_label == APP
        for pattern in model_admin.get_urls()
        if pattern.name
    }


def url_of(name: str, rows: dict[str, Any]) -> str:
    """Return where the page is, for these rows."""
    model = name.removeprefix(f"{APP}_").partition("_")[0]
    values = {"object_id": rows[model].pk if model in rows else None, **_OF_NO_ROW}
    return reverse(f"admin:{name}", args=[values[each] for each in all_pages()[name]])


def complete(rows: dict[str, Any]) -> dict[str, Any]:
    """Add what is nobody's."""
    return {**rows, "signingkey": SigningKey.objects.latest("sequence")}


def _desk(user: Any) -> Desk:
    desk = Desk()
    desk.force_login(user)
    desk.user = user
    return desk


def _holding(*codenames: str, **values: Any) -> Desk:
    user = make_user(is_staff=True, **values)
    permissions = Permission.objects.filter(content_type__app_label=APP)
    if codenames:
        permissions = permissions.filter(codename__startswith=codenames[0])
    user.user_permissions.set(permissions)
    return _desk(user)


def stranger() -> Desk:
    return Desk()


def outsider() -> Desk:
    """Return somebody who may do everything, and is not of the staff."""
    return _desk(make_user(is_superuser=True))


def inactive() -> Desk:
    """Return somebody who was dismissed while he was signed in."""
    desk = superuser()
    desk.user.is_active = False
    desk.user.save()
    return desk


def staff() -> Desk:
    """Return a member of the staff who holds no permission of ours."""
    return _desk(make_user(is_staff=True))


def auditor() -> Desk:
    return _holding("view_", username="auditor")


def operator() -> Desk:
    """Return who holds every permission, for all organizations."""
    return _holding(username="operator")


def limited() -> Desk:
    """Return who holds every permission, for our organization alone."""
    desk = _holding(username="limited")
    desk.user.groups.add(Group.objects.get_or_create(name="ours")[0])
    return desk


def superuser() -> Desk:
    return _desk(make_user(is_staff=True, is_superuser=True))


SHUT_OUT: dict[str, Callable[[], Desk]] = {
    "stranger": stranger,
    "outsider": outsider,
    "inactive": inactive,
}
ROLES: dict[str, tuple[Callable[[], Desk], str]] = {
    "auditor": (auditor, "own"),
    "operator": (operator, "own"),
    "limited": (limited, "own"),
    "foreign": (limited, "foreign"),
    "superuser": (superuser, "own"),
}
"""Who comes, and to whose rows."""
