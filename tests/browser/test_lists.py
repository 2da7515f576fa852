"""Finding a credential in the change lists."""

from __future__ import annotations

import pytest

from tests.support.admin_urls import admin_url
from tests.support.browser.viewports import NARROW_DARK, WIDE_LIGHT
from tests.support.factories import make_api_key

# One window is enough to do it in; each page is inspected under all looks.
pytestmark = [pytest.mark.browser, pytest.mark.parametrize("look", [WIDE_LIGHT], ids=str)]


def listed(window):
    return window.page.locator("#result_list .te-name").all_inner_texts()


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("Active", ["Nightly export", "Notebook"]),
        ("Rotating", ["Mobile back end"]),
        ("Expiring", ["Partner feed"]),
        ("Expired", ["Trial import"]),
        ("Revoked", ["Laptop script"]),
    ],
)
def test_list_is_filtered_by_state(window, choice, expected):
    window.open(admin_url("apikey", "changelist"))
    window.follow(choice)
    assert listed(window) == expected
    window.inspect()


def test_search_finds_the_beginning_of_a_name(window):
    window.open(admin_url("apikey", "changelist"))
    window.search("mob")
    assert listed(window) == ["Mobile back end"]
    window.inspect()


def test_search_without_results_says_so(window):
    window.open(admin_url("apikey", "changelist"))
    window.search("nothing of that name")
    assert "0 API keys" in window.text()
    window.inspect()


def test_secret_in_the_search_is_not_repeated(window, scene):
    issued = make_api_key(organization=scene.organization)
    window.open(admin_url("apikey", "changelist"))
    window.search(issued.raw_secret)
    assert "That looks like a secret" in window.messages()
    assert issued.raw_secret not in window.page.content() + window.page.url
    window.inspect()


def test_list_is_filtered_by_organization(window, scene):
    window.open(admin_url("clientapp", "changelist"))
    window.follow("Another Company")
    assert listed(window) == ["Invoice sync"]


def test_live_tokens_are_linked(window, scene):
    window.open(admin_url("apikey", "changelist") + "?state=rotating")
    window.page.locator(".field-live_tokens a").click()
    window.page.wait_for_load_state()
    assert "2 access tokens" in window.text()


def test_each_column_scrolls_into_a_narrow_window(window):
    window.wear(NARROW_DARK)
    window.open(admin_url("apikey", "changelist"))
    width = window.page.viewport_size["width"]
    for cell in window.page.locator("#result_list tbody tr").first.locator("td, th").all():
        cell.scroll_into_view_if_needed()
        box = cell.bounding_box()
        assert box["x"] < width
        assert box["x"] + box["width"] > 0
