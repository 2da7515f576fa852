"""An operator brings in the next signing key, and ends one that leaked."""

from __future__ import annotations

import pytest

from tests.admin.admin_urls import admin_url
from tests.browser.viewports import NARROW_DARK
from token_exchange.models import SigningKey

# One window is enough to do it in; each page is inspected under all looks.
pytestmark = [pytest.mark.browser, pytest.mark.parametrize("look", [NARROW_DARK], ids=str)]


def test_publishes_the_next_key(window):
    window.open(admin_url("signingkey", "changelist"))
    window.follow("Rotate the signing key")
    window.inspect()
    box = window.page.get_by_role("checkbox")
    box.check()
    window.press("Rotate the signing key")
    assert "has been published" in window.messages()
    window.inspect()
    current = SigningKey.objects.latest("sequence")
    assert window.page.locator(".te-current").count() == 1
    assert window.page.get_by_role("row", name=f"current {current.kid}").count() == 1


def test_removes_one_that_leaked(window):
    key = SigningKey.objects.earliest("sequence")
    window.open(admin_url("signingkey", "change", key))
    window.follow("Remove")
    window.inspect()
    assert "Clients whose tokens stop have to exchange again." in window.text()
    window.press("Remove the signing key")
    assert "The key has been removed." in window.messages()
    window.inspect()
    assert window.page.get_by_role("link", name="Remove", exact=True).count() == 0
