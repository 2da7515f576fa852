"""Which pages are photographed, and how does one get there?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from photography.studio import Subject
from tests.admin.pages import page
from tests.browser.looks import NARROW_DARK, WIDE_DARK, WIDE_LIGHT
from tests.browser.scene import Scene
from tests.browser.window import Window


def _at(model: str, name: str, of: str | None = None) -> Callable[[Window, Scene], None]:
    """Open a page by its address, that of one of the scene's rows if there is one."""

    def show(window: Window, scene: Scene) -> None:
        row: Any = None if of is None else getattr(scene, of)
        window.open(page(model, name, row[1] if isinstance(row, list) else row))

    return show


def _issuing(window: Window, _scene: Scene) -> None:
    window.open(page("apikey", "add"))
    window.choose("Organization", "Example Company")
    window.page.get_by_label("Name", exact=False).fill("Nightly import")
    window.page.get_by_role("checkbox", name="Read reports reports:read").check()


def _issued(window: Window, scene: Scene) -> None:
    _issuing(window, scene)
    window.press("Issue")


SUBJECTS = {
    "api-keys": Subject(WIDE_LIGHT, _at("apikey", "changelist")),
    "issue": Subject(WIDE_LIGHT, _issuing),
    "secret": Subject(WIDE_LIGHT, _issued),
    "secret-narrow-dark": Subject(NARROW_DARK, _issued),
    "api-key": Subject(WIDE_LIGHT, _at("apikey", "change", "rotating")),
    "api-key-dark": Subject(WIDE_DARK, _at("apikey", "change", "rotating")),
    "rotate": Subject(WIDE_LIGHT, _at("apikey", "rotate", "active")),
    "compromised": Subject(WIDE_LIGHT, _at("apikey", "compromise", "active")),
    "revoke": Subject(WIDE_LIGHT, _at("apikey", "revoke", "active")),
    "access-tokens": Subject(WIDE_LIGHT, _at("accesstoken", "changelist")),
    "signing-keys": Subject(WIDE_LIGHT, _at("signingkey", "changelist")),
    "audit-trail": Subject(WIDE_LIGHT, _at("auditevent", "changelist")),
}
