"""The self-service pages in the browser."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import entitlements
from tests.support.factories import works
from token_exchange.models import Credential

pytestmark = pytest.mark.browser

PAGES = "/account/keys/"


@pytest.fixture
def visit(scene, open_window, settings):
    """Open a window for the developer, who may have keys of the company."""
    settings.TOKEN_EXCHANGE = {
        **settings.TOKEN_EXCHANGE,
        "SELF_SERVICE_ENTITLEMENT": entitlements.PATH,
    }
    entitlements.values.clear()
    entitlements.values.update(
        organization=scene.organization, scopes=["reports:read", "reports:write", "keys:manage"]
    )

    def visit(*look: Any) -> Any:
        window = open_window(scene.developer, *look)
        window.open(PAGES)
        return window

    yield visit
    entitlements.values.clear()


def test_pages_are_accessible_in_each_viewport(scene, visit):
    window = visit()
    key = f"{PAGES}{scene.users.identifier}"
    for path in (PAGES, f"{PAGES}new/", f"{key}/rotate/", f"{key}/revoke/"):
        window.open(path)
        window.inspect()
    window.open(f"{PAGES}sk_live.unknown/revoke/", status=404)
    window.inspect()
    window.open(f"{PAGES}new/")
    window.press("Create key")
    assert "This field is required." in window.page.inner_text("main")
    window.inspect()


def test_key_is_created_copied_and_revoked_by_keyboard(visit, look):
    window = visit(look)
    window.tab_to(window.page.get_by_role("link", name="New API key"))
    window.page.keyboard.press("Enter")
    window.page.wait_for_url("**/new/")
    window.tab_to(window.page.get_by_label("Name"))
    window.page.keyboard.type("Laptop")
    window.tab_to(window.page.get_by_label("Read reports"))
    window.page.keyboard.press("Space")
    window.tab_to(window.page.get_by_label("Expires"))
    window.tab_to(window.page.get_by_role("button", name="Create key"))
    with window.page.expect_navigation():
        window.page.keyboard.press("Enter")
    window.inspect(look)
    shown = window.page.locator("#te-value-key").inner_text()
    window.tab_to(window.page.get_by_role("button", name="Copy").first)
    window.page.keyboard.press("Enter")
    window.page.get_by_text("Copied").wait_for()
    assert window.page.evaluate("navigator.clipboard.readText()") == shown
    key = Credential.objects.get(name="Laptop")
    assert key.scopes == ["reports:read"]
    assert works(shown)
    window.follow("Done, I've saved it")
    window.follow("Revoke Laptop")
    window.press("Revoke key")
    assert not works(shown)
    assert window.page.get_by_role("link", name="Revoke Laptop").count() == 0


def test_reload_and_back_show_no_key_again(visit, look):
    window = visit(look)
    window.follow("New API key")
    window.page.get_by_label("Name").fill("Laptop")
    window.press("Create key")
    shown = window.page.locator("#te-value-key").inner_text()
    with window.expecting(409):
        window.page.reload()
    assert "You already submitted this form" in window.page.inner_text("main")
    window.page.go_back()
    window.page.wait_for_load_state()
    assert shown not in window.page.content()
    assert Credential.objects.filter(name="Laptop").count() == 1


def test_key_is_rotated_with_an_overlap(scene, visit, look):
    window = visit(look)
    window.follow("Rotate Notebook")
    window.page.get_by_label("Keep for 1 day").check()
    window.press("Rotate key")
    window.inspect(look)
    assert works(window.page.locator("#te-value-key").inner_text())
    assert "The old secret works until" in window.page.inner_text("main")
    window.follow("Done, I've saved it")
    assert "Rotating" in window.page.inner_text("main")
    window.follow("Rotate Notebook")
    window.inspect(look)
