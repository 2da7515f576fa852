"""Would the other tests here see what is wrong?"""

from __future__ import annotations

import pytest

from tests.browser.viewports import LOOKS, WIDE_LIGHT

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
def test_hear_what_goes_wrong(window, what, complaint):
    window.open(f"/wrong/{what}/")
    (found,) = complaints_of(window)
    assert complaint in found


def test_hear_an_answer_that_nobody_expects(window):
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
def test_see_barriers_under_each_look(window, what, complaint):
    window.open(f"/wrong/{what}/")
    window.inspect()
    found = complaints_of(window)
    assert [str(each) for each in LOOKS] == [each.partition(" ")[0] for each in found]
    assert all(complaint in each for each in found)


def test_see_that_a_focus_cannot_be_seen(window):
    window.open("/wrong/focus/")
    window.tab_to(window.page.get_by_role("link", name="Seen", exact=True))
    assert window.complaints == []
    window.tab_to(window.page.get_by_role("link", name="Unseen"))
    (found,) = complaints_of(window)
    assert "focus cannot be seen" in found
