"""The live site, the browser, and signed-in windows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

from django.conf import settings
from django.test import Client, override_settings
from pytest_django.live_server_helper import LiveServer

from tests.support.browser import chromium
from tests.support.browser.page_driver import Window
from tests.support.browser.viewports import Look

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SCOPES = {"reports:read": "Read reports", "reports:write": "Write reports"}

# No certificate stands before this site.
TOKEN_EXCHANGE = {"REQUIRE_HTTPS": False, "SCOPES": SCOPES}


@contextmanager
def browsing() -> Iterator[Browser]:
    """Start Chromium."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - may not be installed

    # Playwright's loop runs in this thread as long as the browser does; nothing here awaits.
    unsafe = mock.patch.dict(os.environ, DJANGO_ALLOW_ASYNC_UNSAFE="true")
    with unsafe, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.chromium(),
            args=[*chromium.ARGUMENTS],
            # It keeps left pages, as a person's browser does.
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()


@contextmanager
def serving(**token_exchange: Any) -> Iterator[str]:
    """Serve the site with a strict content security policy; return its URL."""
    with override_settings(
        ROOT_URLCONF="tests.browser.urls",
        STATICFILES_DIRS=[chromium.HERE / "static"],
        MIDDLEWARE=["tests.support.browser.csp.StrictPolicyMiddleware", *settings.MIDDLEWARE],
        TOKEN_EXCHANGE={**settings.TOKEN_EXCHANGE, **TOKEN_EXCHANGE, **token_exchange},
    ):
        server = LiveServer("localhost")
        try:
            yield server.url
        finally:
            server.stop()


@contextmanager
def looking(browser: Browser, site: str, user: Any, look: Look) -> Iterator[Window]:
    """Open a window in which ``user`` is signed in."""
    client = Client()
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    with browser.new_context(
        viewport={"width": look.width, "height": look.height},
        color_scheme=look.scheme,
        locale="en",
        timezone_id="UTC",
    ) as context:
        context.set_default_timeout(10_000)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site)
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site}])
        yield Window(context.new_page(), site=site)
