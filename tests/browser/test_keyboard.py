"""The admin can be used by keyboard, with visible focus."""

from __future__ import annotations

import pytest

from tests.support.admin_urls import admin_url
from tests.support.factories import works
from token_exchange.models import APIKey

pytestmark = pytest.mark.browser


def test_key_is_issued_by_keyboard(window):
    window.open(admin_url("apikey", "add"))
    asked = window.page
    window.tab_to(asked.get_by_role("combobox", name="Organization"))
    asked.keyboard.press("Enter")
    asked.locator(".select2-search__field:focus").wait_for()
    asked.keyboard.type("Exam")
    asked.get_by_role("option", name="Example Company", exact=True).wait_for()
    asked.keyboard.press("Enter")
    window.tab_to(asked.get_by_label("Name", exact=False))
    asked.keyboard.type("By hand")
    window.tab_to(asked.get_by_role("checkbox", name="Read reports reports:read"))
    asked.keyboard.press("Space")
    window.tab_to(asked.get_by_label("Expires at"))
    asked.keyboard.press("ArrowDown")
    window.tab_to(asked.get_by_role("button", name="Issue"))
    window.press_key("Enter")
    window.tab_to(asked.get_by_role("button", name="Copy").first)
    asked.keyboard.press("Enter")
    asked.get_by_text("Copied").wait_for()
    assert works(window.clipboard())
    key = APIKey.objects.get(name="By hand")
    assert key.scopes == ["reports:read"]
    assert key.expires_at is not None


def test_key_is_rotated_by_keyboard(window, scene):
    window.open(admin_url("apikey", "change", scene.active))
    window.tab_to(window.page.get_by_role("link", name="Rotate", exact=True))
    window.press_key("Enter")
    window.tab_to(window.page.get_by_role("radio", name="1 day"))
    window.page.keyboard.press("ArrowUp")
    window.tab_to(window.page.get_by_role("button", name="Rotate and show the new secret"))
    window.press_key("Enter")
    assert works(window.value("API key"))
    scene.active.refresh_from_db()
    overlap = scene.active.previous_secret_expires_at - scene.active.secret_issued_at
    assert overlap.total_seconds() == 3600


def test_key_is_revoked_by_keyboard(window, scene):
    window.open(admin_url("apikey", "change", scene.active))
    window.tab_to(window.page.get_by_role("link", name="Revoke", exact=True))
    window.press_key("Enter")
    window.tab_to(window.page.get_by_label("Reason"))
    window.page.keyboard.type("Not needed any more.")
    window.tab_to(window.page.get_by_role("button", name="Revoke", exact=True))
    window.press_key("Enter")
    scene.active.refresh_from_db()
    assert scene.active.revocation_reason == "Not needed any more."


def test_list_is_filtered_and_acted_on_by_keyboard(window):
    window.open(admin_url("apikey", "changelist"))
    window.tab_to(window.page.get_by_role("link", name="Rotating", exact=True))
    window.press_key("Enter")
    assert "1 API key" in window.text()
    window.tab_to(window.page.locator("#result_list .action-select"))
    window.page.keyboard.press("Space")
    assert window.page.locator("#result_list .action-select").is_checked()
