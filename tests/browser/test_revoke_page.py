"""Revoking credentials in the browser."""

from __future__ import annotations

import pytest

from tests.support.admin_urls import admin_url
from token_exchange.models import APIKey

pytestmark = pytest.mark.browser


def test_revocation_shows_consequences_and_reason(window, scene):
    window.open(admin_url("apikey", "change", scene.active))
    window.follow("Revoke")
    window.inspect()
    assert "from 10.0.0.7" in window.text()
    window.page.get_by_label("Reason").fill("Replaced by <b>another</b> & over")
    window.press("Revoke")
    assert "revoked" in window.messages()
    window.open(admin_url("apikey", "change", scene.active))
    assert "Replaced by <b>another</b> & over" in window.text()
    window.inspect()
    assert window.page.get_by_role("link", name="Revoke", exact=True).count() == 0


def test_reasons_are_suggested(window, scene):
    window.open(admin_url("apikey", "revoke", scene.active))
    values = window.page.locator("datalist option").evaluate_all("all => all.map(o => o.value)")
    assert "Leaked, or suspected to be" in values


def test_selected_keys_are_revoked(window):
    window.open(admin_url("apikey", "changelist"))
    window.run_on_all("Revoke selected API keys")
    window.inspect()
    assert "Laptop script" in window.text()
    window.page.get_by_label("Reason").fill("Moved away.")
    window.press("Revoke")
    assert not APIKey.objects.filter(revoked_at=None).exists()
    window.inspect()


def test_cancel_changes_nothing(window, scene):
    window.open(admin_url("apikey", "revoke", scene.active))
    window.follow("Cancel")
    scene.active.refresh_from_db()
    assert scene.active.revoked_at is None
    assert str(scene.active.pk) in window.page.url
