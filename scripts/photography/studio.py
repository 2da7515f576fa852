"""A site with a fixed clock, fixed rows and fixed secrets, and its screenshots."""

from __future__ import annotations

import io
import logging
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import django
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.support.browser.page_driver import Window
    from tests.support.browser.sample_data import Scene
    from tests.support.browser.viewports import Look

NOW = datetime(2026, 3, 10, 14, 20, tzinfo=UTC)
ISSUER = "https://api.example.com"
# Pages have few colours; more would only cost bytes.
COLOURS = 96


class Photographer:
    """Shows a page to the browser as somebody sees it, and keeps the picture."""

    def __init__(self, browser: Browser, site: str, scene: Scene) -> None:
        """Take what is looked at, and with what."""
        self.complaints: list[str] = []
        self._browser = browser
        self._site = site
        self._scene = scene

    def take(self, subject: Subject, path: Path) -> int:
        """Write the picture; return its size in bytes."""
        from tests.support.browser.site import looking  # noqa: PLC0415 - waits for Django

        user = getattr(self._scene, subject.user)
        with looking(self._browser, self._site, user, subject.look) as window:
            subject.show(window, self._scene)
            picture = window.page.screenshot(full_page=True, animations="disabled")
            self.complaints += window.complaints
        image = Image.open(io.BytesIO(picture)).convert("RGB")
        image.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
        return path.stat().st_size


class Subject:
    """A page under a look, and how one gets there."""

    def __init__(
        self, look: Look, show: Callable[[Window, Scene], None], *, user: str = "operator"
    ) -> None:
        """Take also the name that the user has in the scene."""
        self.look = look
        self.show = show
        self.user = user


@contextmanager
def studio() -> Iterator[Photographer]:
    """Serve a site of its own, with the same clock, rows and identifiers each time."""
    with ExitStack() as stack:
        dice = random.Random(12)
        stack.enter_context(mock.patch("secrets.token_bytes", dice.randbytes))
        django.setup()
        stack.enter_context(time_machine.travel(NOW, tick=False))
        drawn = mock.Mock(side_effect=lambda _algorithm: _key(dice))
        stack.enter_context(mock.patch("token_exchange_core.keys._generate", drawn))
        # What the log has to tell is part of the play.
        logging.disable()
        yield _photographer(stack)


def _key(dice: random.Random) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(dice.randbytes(32))


def _photographer(stack: ExitStack) -> Photographer:
    from django.db import connection  # noqa: PLC0415 - waits for Django
    from django.test import override_settings  # noqa: PLC0415

    from tests.support import entitlements  # noqa: PLC0415
    from tests.support.browser.sample_data import count_exchanges, populate  # noqa: PLC0415
    from tests.support.browser.site import SCOPES, browsing, serving  # noqa: PLC0415

    stack.enter_context(override_settings(TIME_ZONE="UTC", DEBUG=False))
    name: Any = connection.creation.create_test_db(verbosity=0)
    stack.callback(connection.creation.destroy_test_db, name, verbosity=0)
    hook = {"SELF_SERVICE_ENTITLEMENT": entitlements.PATH}
    site = stack.enter_context(serving(ISSUER=ISSUER, **hook))
    browser = stack.enter_context(browsing())
    scene = populate(now=NOW)
    entitlements.values.update(organization=scene.organization, scopes=[*SCOPES])
    count_exchanges(scene, now=NOW)
    return Photographer(browser, site, scene)
