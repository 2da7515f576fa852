"""The browser, the site that it looks at, and who is signed in there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from tests.browser import chromium
from tests.browser.page_driver import Window
from tests.browser.sample_data import Scene, populate
from tests.browser.site import browsing, looking, serving
from tests.browser.viewports import NARROW_DARK, WIDE_LIGHT, Look

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what cannot be looked at on this machine."""
    if reason := chromium.what_is_missing():
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for all tests; each has windows of its own, which share nothing."""
    with browsing() as browser:
        yield browser


@pytest.fixture(scope="package")
def site(browser: Browser, django_db_setup: None) -> Iterator[str]:
    """The address of the site."""
    with serving() as site:
        yield site


@pytest.fixture(params=[WIDE_LIGHT, NARROW_DARK], ids=str)
def look(request: pytest.FixtureRequest) -> Look:
    """What a flow is seen under: together both widths and both schemes."""
    look: Look = request.param
    return look


@pytest.fixture
def open_window(
    browser: Browser, site: str, transactional_db: None
) -> Iterator[Callable[..., Window]]:
    """Open a window for a user; what goes wrong in it fails the test."""
    opened = []

    def open_window(user: Any, look: Look = WIDE_LIGHT) -> Window:
        window = stack.enter_context(looking(browser, site, user, look))
        opened.append(window)
        return window

    with ExitStack() as stack:
        yield open_window
    assert [complaint for window in opened for complaint in window.complaints] == []


@pytest.fixture
def scene(transactional_db: None) -> Scene:
    """A desk on which much has happened already."""
    return populate(now=timezone.now())


@pytest.fixture
def window(open_window: Callable[..., Window], scene: Scene, look: Look) -> Window:
    """The window of somebody who may do everything, under each ``look``."""
    return open_window(scene.operator, look)
