"""Revoking access tokens in the browser."""

from __future__ import annotations

import pytest

from tests.support.admin_urls import admin_url
from tests.support.browser.viewports import NARROW_DARK

# One window is enough to do it in; each page is inspected under all looks.
pytestmark = [pytest.mark.browser, pytest.mark.parametrize("look", [NARROW_DARK], ids=str)]


def test_one_token_is_revoked(window, scene):
    token = scene.tokens[1]
    window.open(admin_url("accesstoken", "changelist"))
    window.search(token.jti)
    window.follow(token.jti)
    window.follow("Revoke")
    window.inspect()
    window.press("Revoke")
    token.refresh_from_db()
    assert token.revoked_at is not None
    window.inspect()
    assert window.page.get_by_role("link", name="Revoke", exact=True).count() == 0


def test_all_live_tokens_are_revoked(window, scene):
    window.open(admin_url("accesstoken", "changelist") + "?state=live")
    window.run_on_all("Revoke selected access tokens")
    window.inspect()
    window.press("Revoke")
    window.open(admin_url("accesstoken", "changelist") + "?state=live")
    assert "0 access tokens" in window.text()
    window.inspect()
