"""An operator finds a credential among many."""

from __future__ import annotations

import pytest

from tests.admin.admin_urls import admin_url
from tests.browser.viewports import NARROW_DARK, WIDE_LIGHT
from tests.support.factories import make_api_key

# One window is enough to do it in; each page is inspected under all looks.
pytestmark = [pytest.mark.browser, pytest.mark.parametrize("look", [WIDE_LIGHT], ids=str)]


def listed(window):
    return window.page.locator("#result_list .te-name").all_inner_texts()


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("active", ["Nightly export", "Notebook"]),
        ("rotating", ["Mobile back end"]),
        ("expiring", ["Partner feed"]),
        ("expired", ["Trial import"]),
        ("revoked", ["Laptop script"]),
    ],
)
def test_by_state(window, choice, expected):
    window.open(admin_url("apikey", "changelist"))
    window.follow(choice)
    assert listed(window) == expected
    window.inspect()


def test_by_the_beginning_of_a_name(window):
    window.open(admin_url("apikey", "changelist"))
    window.search("mob")
    assert listed(window) == ["Mobile back end"]
    window.inspect()


def test_finds_nothing_and_says_so(window):
    window.open(admin_url("apikey", "changelist"))
    window.search("nothing of that name")
    assert "0 API keys" in window.text()
    window.inspect()


def test_does_not_repeat_a_secret_that_was_pasted_into_the_search(window, scene):
    issued = make_api_key(organization=scene.organization)
    window.open(admin_url("apikey", "changelist"))
    window.search(issued.raw_secret)
    assert "That was a secret" in window.messages()
    assert issued.raw_secret not in window.page.content() + window.page.url
    window.inspect()


def test_of_one_organization(window, scene):
    window.open(admin_url("clientapp", "changelist"))
    window.follow("Another Company")
    assert listed(window) == ["Invoice sync"]


def test_leads_to_the_live_tokens(window, scene):
    window.open(admin_url("apikey", "changelist") + "?state=rotating")
    window.page.locator(".field-live_tokens a").click()
    window.page.wait_for_load_state()
    assert "2 access tokens" in window.text()


def test_each_column_can_be_brought_into_a_narrow_window(window):
    window.wear(NARROW_DARK)
    window.open(admin_url("apikey", "changelist"))
    width = window.page.viewport_size["width"]
    for cell in window.page.locator("#result_list tbody tr").first.locator("td, th").all():
        cell.scroll_into_view_if_needed()
        box = cell.bounding_box()
        assert box["x"] < width
        assert box["x"] + box["width"] > 0
