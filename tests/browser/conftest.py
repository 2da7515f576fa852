"""Fixtures: the browser, the live site, and windows of signed-in users."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from tests.support.browser import chromium
from tests.support.browser.page_driver import Window
from tests.support.browser.sample_data import Scene, populate
from tests.support.browser.site import browsing, looking, serving
from tests.support.browser.viewports import NARROW_DARK, WIDE_LIGHT, Look

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip browser tests that this machine cannot run."""
    if reason := chromium.what_is_missing():
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for all tests; each test has isolated windows."""
    with browsing() as browser:
        yield browser


@pytest.fixture(scope="package")
def site(browser: Browser, django_db_setup: None) -> Iterator[str]:
    """The address of the site."""
    with serving() as site:
        yield site


@pytest.fixture(params=[WIDE_LIGHT, NARROW_DARK], ids=str)
def look(request: pytest.FixtureRequest) -> Look:
    """The viewports of a flow: both widths and both colour schemes."""
    look: Look = request.param
    return look


@pytest.fixture
def open_window(
    browser: Browser, site: str, transactional_db: None
) -> Iterator[Callable[..., Window]]:
    """Open a window for a user; any complaint fails the test."""
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
    """The sample data."""
    return populate(now=timezone.now())


@pytest.fixture
def window(open_window: Callable[..., Window], scene: Scene, look: Look) -> Window:
    """The window of an operator with all permissions, in each viewport."""
    return open_window(scene.operator, look)
