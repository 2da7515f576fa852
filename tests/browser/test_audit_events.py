"""The audit trail in the browser."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.support.admin_urls import admin_url
from tests.support.browser.viewports import WIDE_LIGHT
from token_exchange.models import AuditEvent

# One window is enough to do it in; each page is inspected under all looks.
pytestmark = [pytest.mark.browser, pytest.mark.parametrize("look", [WIDE_LIGHT], ids=str)]


def test_event_shows_why_a_key_was_revoked(window, scene):
    window.open(admin_url("auditevent", "changelist"))
    window.follow("Credential revoked")
    window.inspect()
    row = window.page.locator("#result_list tbody tr")
    assert row.count() == 1
    assert "Found in a public repository." in row.inner_text()
    row.locator("th a").click()
    window.page.wait_for_load_state()
    window.inspect()
    assert scene.revoked.identifier in window.text()
    assert "10.0.0.7" in window.text()


def test_audit_trail_of_one_key_is_linked(window, scene):
    window.open(admin_url("apikey", "change", scene.rotating))
    window.follow("Audit trail")
    assert window.page.locator("#result_list tbody tr").count() == 2
    window.inspect()


@pytest.mark.parametrize("name", ["JSON", "CSV"])
def test_filtered_events_are_exported(window, scene, name):
    window.open(admin_url("auditevent", "changelist"))
    window.follow("Credential revoked")
    with window.page.expect_download() as downloading:
        window.page.get_by_role("link", name=f"Export as {name}").click()
    text = Path(downloading.value.path()).read_text(encoding="utf-8")
    rows = json.loads(text) if name == "JSON" else list(csv.DictReader(text.splitlines()))
    (event,) = AuditEvent.objects.filter(event="credential.revoked")
    assert [each["target"] for each in rows] == [event.target]
