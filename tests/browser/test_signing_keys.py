"""Rotating and removing signing keys in the browser."""

from __future__ import annotations

import pytest

from tests.support.admin_urls import admin_url
from tests.support.browser.viewports import NARROW_DARK
from token_exchange.models import SigningKey

# One window is enough to do it in; each page is inspected under all looks.
pytestmark = [pytest.mark.browser, pytest.mark.parametrize("look", [NARROW_DARK], ids=str)]


def test_next_key_is_published(window):
    window.open(admin_url("signingkey", "changelist"))
    window.follow("Rotate signing key")
    window.inspect()
    box = window.page.get_by_role("checkbox")
    box.check()
    window.press("Rotate signing key")
    assert "published" in window.messages()
    window.inspect()
    current = SigningKey.objects.latest("sequence")
    assert window.page.locator(".te-current").count() == 1
    assert window.page.get_by_role("row", name=f"Current {current.kid}").count() == 1


def test_leaked_key_is_removed(window):
    key = SigningKey.objects.earliest("sequence")
    window.open(admin_url("signingkey", "change", key))
    window.follow("Remove")
    window.inspect()
    assert "Clients whose tokens stop working need to exchange again." in window.text()
    window.press("Remove signing key")
    assert "Key removed." in window.messages()
    window.inspect()
    assert window.page.get_by_role("link", name="Remove", exact=True).count() == 0
