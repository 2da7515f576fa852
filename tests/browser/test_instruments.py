"""The browser tests detect errors, violations and invisible focus."""

from __future__ import annotations

import pytest

from tests.support.browser.viewports import LOOKS, WIDE_LIGHT

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("look", [WIDE_LIGHT], ids=str),
]


def complaints_of(window):
    found = window.complaints[:]
    window.complaints.clear()
    return found


@pytest.mark.parametrize(
    ("what", "complaint"),
    [
        ("script", "console: Executing inline script violates"),
        ("style", "console: Applying inline style violates"),
        ("image", "answered 404"),
        ("error", "error: Broken"),
    ],
)
def test_errors_are_collected(window, what, complaint):
    window.open(f"/wrong/{what}/")
    (found,) = complaints_of(window)
    assert complaint in found


def test_unexpected_status_is_collected(window):
    window.open("/wrong/page-that-is-not-there/", status=200)
    assert [each.partition(":")[0] for each in complaints_of(window)] == ["answered 404"]


@pytest.mark.parametrize(
    ("what", "complaint"),
    [
        ("button", "critical button-name"),
        ("contrast", "serious color-contrast"),
        ("width", "wider: <svg"),
    ],
)
def test_violations_are_found_in_each_viewport(window, what, complaint):
    window.open(f"/wrong/{what}/")
    window.inspect()
    found = complaints_of(window)
    assert [str(each) for each in LOOKS] == [each.partition(" ")[0] for each in found]
    assert all(complaint in each for each in found)


def test_invisible_focus_is_found(window):
    window.open("/wrong/focus/")
    window.tab_to(window.page.get_by_role("link", name="Seen", exact=True))
    assert window.complaints == []
    window.tab_to(window.page.get_by_role("link", name="Unseen"))
    (found,) = complaints_of(window)
    assert "focus cannot be seen" in found
