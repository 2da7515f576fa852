"""The browser, the site that it looks at, and who is signed in there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.utils import timezone
from pytest_django import DjangoDbBlocker
from pytest_django.live_server_helper import LiveServer

from tests.browser import machine
from tests.browser.looks import NARROW_DARK, WIDE_LIGHT, Look
from tests.browser.scene import Scene, populate
from tests.browser.window import Window

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TOKEN_EXCHANGE = {
    # No certificate stands before this site.
    "REQUIRE_HTTPS": False,
    "SCOPES": {"reports:read": "Read reports", "reports:write": "Write reports"},
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what cannot be looked at on this machine."""
    if reason := machine.what_is_missing():
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - may not be installed

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright's loop runs in this thread as long as the browser does; nothing here awaits.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        # It keeps left pages, as a person's browser does.
        browser = playwright.chromium.launch(
            executable_path=machine.chromium(),
            args=[*machine.ARGUMENTS],
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def site(
    browser: Browser, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[str]:
    """The site of the tests, served under a strict policy; its address."""
    with override_settings(
        ROOT_URLCONF="tests.browser.urls",
        STATICFILES_DIRS=[machine.HERE / "static"],
        MIDDLEWARE=["tests.browser.policy.StrictPolicyMiddleware", *settings.MIDDLEWARE],
        TOKEN_EXCHANGE={**settings.TOKEN_EXCHANGE, **TOKEN_EXCHANGE},
    ):
        server = LiveServer("localhost")
        yield server.url
        server.stop()


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
        context = browser.new_context(
            viewport={"width": look.width, "height": look.height},
            color_scheme=look.scheme,
            locale="en",
            timezone_id="UTC",
        )
        context.set_default_timeout(10_000)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site)
        client = Client()
        client.force_login(user)
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site}])
        window = Window(context.new_page(), site=site)
        opened.append((context, window))
        return window

    yield open_window
    complaints = []
    for context, window in opened:
        context.close()
        complaints += window.complaints
    assert complaints == []


@pytest.fixture
def scene(transactional_db: None) -> Scene:
    """A desk on which much has happened already."""
    return populate(now=timezone.now())


@pytest.fixture
def window(open_window: Callable[..., Window], scene: Scene, look: Look) -> Window:
    """The window of somebody who may do everything, under each ``look``."""
    return open_window(scene.operator, look)
