"""Issuing a credential in the browser: exactly one, whose secret is shown once."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.admin_urls import admin_url
from tests.support.browser.viewports import LOOKS, WIDE_LIGHT
from tests.support.factories import works
from token_exchange.models import APIKey, ClientApp

pytestmark = pytest.mark.browser

SECRET = re.compile(r"sk_live\.\w{12}\.\w{49}")


def issue(window, *, name="Nightly import"):
    window.open(admin_url("apikey", "add"))
    window.choose("Organization", "Example Company")
    window.page.get_by_label("Name", exact=False).fill(name)
    window.page.get_by_role("checkbox", name="Read reports reports:read").check()
    window.press("Issue")


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_secret_is_shown_and_copied(window):
    window.open(admin_url("apikey", "add"))
    window.inspect()
    issue(window)
    window.inspect()
    secret = window.copied("API key")
    assert SECRET.fullmatch(secret)
    assert works(secret)
    key = APIKey.objects.get(name="Nightly import")
    assert key.scopes == ["reports:read"]
    assert key.expires_at - timezone.now() > timedelta(days=89)
    assert secret in window.copied("Try it")
    assert secret in window.copied("Python")


def test_reload_and_back_show_no_secret_and_issue_no_second(window):
    issue(window)
    secret = window.value("API key")
    count = APIKey.objects.count()
    with window.expecting(409):
        window.page.reload()
    assert "Already issued" in window.text()
    assert secret not in window.page.content()
    window.inspect()
    window.go_back()
    assert secret not in window.page.content()
    # A form anew, which an unthinking press does not make a second key of.
    assert window.page.get_by_label("Name", exact=False).input_value() == ""
    assert APIKey.objects.count() == count


def test_returning_to_the_page_shows_no_secret(window):
    issue(window)
    secret = window.value("API key")
    window.follow("Done, I've saved it")
    window.go_back()
    assert secret not in window.page.content()
    with window.expecting(409):
        window.page.reload()
    assert secret not in window.page.content()
    assert APIKey.objects.filter(name="Nightly import").count() == 1


@pytest.mark.parametrize("look", [WIDE_LIGHT], ids=str)
def test_double_click_issues_one(window):
    window.open(admin_url("apikey", "add"))
    window.choose("Organization", "Example Company")
    window.page.get_by_label("Name", exact=False).fill("Twice")
    with window.page.expect_navigation():
        window.page.get_by_role("button", name="Issue").dblclick()
    assert works(window.value("API key"))
    assert APIKey.objects.filter(name="Twice").count() == 1


def test_invalid_form_keeps_typed_values(window):
    window.open(admin_url("apikey", "add"))
    window.page.get_by_label("Name", exact=False).fill("No organization")
    window.page.get_by_label("Expires at").select_option("custom")
    window.page.get_by_label("Date and time").fill("2031-02-03T04:05")
    window.page.locator("form").last.evaluate("form => form.noValidate = true")
    window.press("Issue")
    window.inspect()
    assert "This field is required." in window.text()
    assert window.page.get_by_label("Name", exact=False).input_value() == "No organization"
    assert window.page.get_by_label("Date and time").input_value().startswith("2031-02-03T04:05")


def test_date_and_time_are_asked_only_for_a_custom_expiry(window):
    window.open(admin_url("apikey", "add"))
    date_time = window.page.get_by_label("Date and time")
    assert date_time.is_hidden()
    window.page.get_by_label("Expires at").select_option("custom")
    assert date_time.is_visible()
    window.inspect()


def test_client_app_gets_an_id_and_a_secret(window):
    window.open(admin_url("clientapp", "add"))
    window.choose("Organization", "Another Company")
    window.page.get_by_label("Name", exact=False).fill("Ledger")
    window.press("Issue")
    window.inspect()
    app = ClientApp.objects.get(name="Ledger")
    assert window.copied("client_id") == app.identifier
    assert window.copied("client_secret") in window.copied("Try it")
