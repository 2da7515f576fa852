"""Fixtures: operators with their permissions and clients, and rows of two organizations."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client

from tests.admin.tenant_rows import FOREIGN, make_rows
from tests.support.factories import make_organization, make_user
from tests.support.list_pages import BIG

HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


class OperatorClient(Client):
    """A test client of a signed-in operator, over HTTPS."""

    user: Any

    def generic(self, *args: Any, **kwargs: Any) -> Any:
        return super().generic(*args, **{**kwargs, "secure": True})

    def send(self, url: str, **values: Any) -> Any:
        """Get the page, and post its hidden fields with these values."""
        return self.post(url, {**hidden_fields(self.get(url)), **values})

    def choose(self, url: str, action: str, *rows: Any) -> Any:
        """Select rows of a change list and run an action."""
        return self.post(
            url, {"action": action, "index": "0", "_selected_action": [row.pk for row in rows]}
        )


def hidden_fields(response: Any) -> dict[str, Any]:
    fields: dict[str, list[str]] = {}
    for name, value in HIDDEN.findall(response.text):
        fields.setdefault(name, []).append(value)
    return {name: values for name, values in fields.items() if name != "csrfmiddlewaretoken"}


@pytest.fixture
def sign_in() -> Callable[..., OperatorClient]:
    """Sign in a staff user with some permissions: ``sign_in("view_apikey")``."""

    def sign_in(*codenames: str, **values: Any) -> OperatorClient:
        user = make_user(is_staff=True, **values)
        permissions = Permission.objects.filter(
            content_type__app_label__in=["token_exchange", "auth"], codename__in=codenames
        )
        assert len(permissions) == len(codenames)
        user.user_permissions.set(permissions)
        operator = OperatorClient()
        operator.force_login(user)
        operator.user = user
        return operator

    return sign_in


@pytest.fixture
def operator(sign_in: Callable[..., OperatorClient]) -> OperatorClient:
    """An operator with all permissions, who is not limited."""
    return sign_in(is_superuser=True)


@pytest.fixture
def ours() -> Any:
    """The organization of the limited operator."""
    return make_organization(slug="ours", name="Ours")


@pytest.fixture
def limited(
    sign_in: Callable[..., OperatorClient], ours: Any, token_exchange_settings: Any
) -> OperatorClient:
    """An operator with every permission of the app, limited to one organization."""
    token_exchange_settings(OPERATOR_ORGANIZATIONS="tests.admin.operators.by_group")
    operator = sign_in()
    operator.user.groups.add(Group.objects.create(name="ours"))
    operator.user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="token_exchange")
    )
    return operator


@pytest.fixture
def own(ours: Any) -> dict[str, Any]:
    """A row of each model in the limited operator's organization."""
    return make_rows(ours, "clerk")


@pytest.fixture
def foreign() -> dict[str, Any]:
    """A row of each model in another organization, and its owner."""
    return make_rows(make_organization(name=FOREIGN, slug="foreign"), "foreign-minister")


@pytest.fixture
def fresh_tables(db):
    """Truncate the big tables, because rolled-back rows would influence query plans."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(sorted(BIG))} CASCADE")
