"""The table and the recipes of docs/permissions.md."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.test import RequestFactory

import operators
from tests.admin.conftest import OperatorClient
from tests.admin.forms import buttons_that_post
from tests.admin.tenant_rows import told
from tests.support.admin_urls import admin_url
from tests.support.factories import make_user
from tests.support.paths import DOCS
from token_exchange.models import Organization

pytestmark = pytest.mark.django_db

PAGE = (DOCS / "permissions.md").read_text(encoding="utf-8")
GROUPS, HOOK, TENANT_ADMIN = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def run(block: str) -> dict[str, Any]:
    """Run a block of the page as a module, and return what it leaves."""
    module = ModuleType("recipe")
    exec(block, vars(module))
    return vars(module)


@pytest.fixture
def member_of(token_exchange_settings):
    """Sign in a member of groups, in a project that follows the page."""
    token_exchange_settings(OPERATOR_ORGANIZATIONS="operators.organizations_of")
    run(GROUPS)

    def member_of(*names: str) -> OperatorClient:
        user = make_user(is_staff=True)
        for name in names:
            if name.startswith("tenant: "):
                Group.objects.get_or_create(name=name)
            user.groups.add(Group.objects.get(name=name))
        operator = OperatorClient()
        operator.force_login(user)
        return operator

    return member_of


def test_table_lists_every_permission():
    table = PAGE.split("\n## What each permission allows\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.+?`) \|", table, re.MULTILINE)
    named = re.findall(r"`(\w+)`", " ".join(rows))
    ours = Permission.objects.filter(content_type__app_label="token_exchange")
    assert sorted(named) == sorted(ours.values_list("codename", flat=True))


def test_documented_hook_is_the_example_project_s():
    assert Path(operators.__file__).read_text(encoding="utf-8") == HOOK


class TestGroups:
    def test_can_be_made_again(self):
        run(GROUPS)
        run(GROUPS)
        assert Group.objects.count() == 4

    def test_let_auditors_look_at_all_and_press_nothing(self, member_of, own, foreign):
        operator = member_of("Token auditors")
        for model in ("apikey", "clientapp", "accesstoken", "organization", "auditevent"):
            response = operator.get(admin_url(model, "changelist"))
            assert len(response.context["cl"].result_list) >= 2
            assert buttons_that_post(response.text) == []
        assert operator.get(admin_url("signingkey", "changelist")).status_code == 200
        assert operator.get(admin_url("apikey", "add")).status_code == 403

    def test_let_operators_look_after_all_tenants(self, member_of, own, foreign):
        operator = member_of("Token operators")
        for rows in (own, foreign):
            assert (
                operator.get(admin_url("clientapp", "rotate", rows["clientapp"])).status_code == 200
            )
            assert operator.get(admin_url("apikey", "rotate", rows["apikey"])).status_code == 403
        assert operator.get(admin_url("organization", "add")).status_code == 200
        assert operator.get(admin_url("signingkey", "rotate")).status_code == 403

    def test_let_tenants_look_after_their_own(self, member_of, own, foreign):
        operator = member_of("Tenant operators", "tenant: ours")
        assert operator.get(admin_url("clientapp", "rotate", own["clientapp"])).status_code == 200
        assert (
            operator.get(admin_url("clientapp", "rotate", foreign["clientapp"])).status_code == 404
        )
        response = operator.get(admin_url("clientapp", "changelist"))
        assert told(response, own) != []
        assert told(response, foreign) == []
        assert operator.get(admin_url("signingkey", "changelist")).status_code == 403

    def test_show_nothing_to_a_tenant_who_was_forgotten(self, member_of, own):
        response = member_of("Tenant operators").get(admin_url("clientapp", "changelist"))
        assert list(response.context["cl"].result_list) == []

    def test_let_responders_end_what_leaked_and_see_no_secret(self, member_of, own):
        operator = member_of("Tenant responders", "tenant: ours")
        assert operator.get(admin_url("apikey", "revoke", own["apikey"])).status_code == 200
        assert operator.get(admin_url("apikey", "rotate", own["apikey"])).status_code == 403
        assert operator.get(admin_url("apikey", "add")).status_code == 403


def test_custom_tenant_admin_is_limited(member_of, own, foreign):
    tenant_admin = run(TENANT_ADMIN)["TenantAdmin"](Organization, admin.site)
    request = RequestFactory().get("/")
    request.user = member_of("Tenant operators", "tenant: ours").get("/admin/").wsgi_request.user
    assert [each.slug for each in tenant_admin.get_queryset(request)] == ["ours"]
