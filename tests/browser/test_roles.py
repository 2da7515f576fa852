"""Auditors and limited operators see only what they may, and no other buttons."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse

from tests.browser.test_pages import MODELS, paths
from tests.support.admin_urls import admin_url
from tests.support.factories import make_user

pytestmark = pytest.mark.browser

# What sends, makes or ends something; searching and filtering do not.
BUTTONS = """
#content :is(form[method=post] :is(button:not([data-te-copy]), input[type=submit]),
.object-tools a.addlink, a[href$="/rotate/"], a[href$="/revoke/"], a[href$="/rotate_compromised/"],
a[href$="/remove/"], select[name=action])
"""


def member(*codenames, **values):
    user = make_user(is_staff=True, **values)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="token_exchange", codename__in=codenames)
    )
    return user


@pytest.fixture
def auditor(scene):
    return member(*(f"view_{model._meta.model_name}" for model in MODELS))


def test_auditor_sees_no_button(open_window, auditor, scene):
    window = open_window(auditor)
    seen = 0
    for model in MODELS:
        for path in sorted(paths(model, scene)):
            if window.is_page(path):
                seen += 1
                window.open(path)
                found = window.page.locator(BUTTONS)
                assert [path, found.evaluate_all("all => all.map(each => each.outerHTML)")] == [
                    path,
                    [],
                ]
    assert seen > 2 * len(MODELS)


def test_operator_sees_buttons(open_window, scene):
    """The locator finds the buttons of a user who may press them."""
    window = open_window(scene.operator)
    for path in (
        admin_url("apikey", "changelist"),
        admin_url("apikey", "change", scene.active),
        admin_url("signingkey", "changelist"),
        admin_url("accesstoken", "change", scene.tokens[1]),
    ):
        window.open(path)
        assert window.page.locator(BUTTONS).count() > 0, path


@pytest.fixture
def limited(scene, token_exchange_settings):
    token_exchange_settings(OPERATOR_ORGANIZATIONS="tests.admin.operators.by_group")
    user = member(
        *("view_apikey", "view_clientapp", "add_apikey", "rotate_apikey", "view_accesstoken"),
        *("view_organization", "view_auditevent"),
    )
    user.groups.add(Group.objects.create(name="another-company"))
    return user


def test_limited_operator_sees_one_organization(open_window, limited, look, scene):
    window = open_window(limited, look)
    window.open(admin_url("clientapp", "changelist"))
    assert window.page.locator(".te-name").all_inner_texts() == ["Invoice sync"]
    window.inspect()
    window.open(admin_url("apikey", "changelist"))
    assert "0 API keys" in window.text()
    for name, status in (("change", 200), ("rotate", 404)):
        window.open(admin_url("apikey", name, scene.active), status=status)
        assert scene.active.name not in window.text()


def test_limited_operator_is_offered_one_organization(open_window, limited, look):
    window = open_window(limited, look)
    window.open(admin_url("apikey", "add"))
    field = window.page.locator("#id_organization")
    if "admin-autocomplete" in (field.get_attribute("class") or ""):
        window.page.get_by_role("combobox", name="Organization").click()
        field = window.page.locator(".select2-results")
        field.get_by_role("option", name="Another Company").wait_for()
    assert "Another Company" in field.inner_text()
    assert "Example Company" not in field.inner_text()
    window.inspect()


def test_signed_out_user_is_asked_to_sign_in(open_window, scene):
    window = open_window(make_user())
    window.open(admin_url("apikey", "changelist"))
    assert reverse("admin:login") in window.page.url
