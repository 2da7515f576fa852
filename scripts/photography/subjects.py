"""Pages of the screenshots, and the steps that lead there."""

from __future__ import annotations

from collections.abc import Callable

from django.urls import reverse

from photography.studio import Subject
from tests.support.admin_urls import admin_url
from tests.support.browser.page_driver import Window
from tests.support.browser.sample_data import Scene
from tests.support.browser.viewports import NARROW_DARK, NARROW_LIGHT, WIDE_DARK, WIDE_LIGHT


def _at(model: str, name: str, of: str | None = None) -> Callable[[Window, Scene], None]:
    """Open a page by its address, that of one of the scene's rows if there is one."""

    def show(window: Window, scene: Scene) -> None:
        window.open(admin_url(model, name, of and getattr(scene, of)))

    return show


def _issuing(window: Window, _scene: Scene) -> None:
    window.open(admin_url("apikey", "add"))
    window.choose("Organization", "Example Company")
    window.page.get_by_label("Name", exact=False).fill("Nightly import")
    window.page.get_by_role("checkbox", name="Read reports reports:read").check()


def _issued(window: Window, scene: Scene) -> None:
    _issuing(window, scene)
    window.press("Issue")


def _dashboard(window: Window, _scene: Scene) -> None:
    window.open(admin_url("dashboard", "changelist"))


def _users_keys(window: Window, _scene: Scene) -> None:
    window.open(reverse("token_exchange_self_service:list"))


def _users_new_key(window: Window, _scene: Scene) -> None:
    window.open(reverse("token_exchange_self_service:new"))
    window.page.get_by_label("Name").fill("Laptop")
    window.page.get_by_label("Read reports").check()


SUBJECTS = {
    "dashboard": Subject(WIDE_LIGHT, _dashboard),
    "dashboard-dark": Subject(WIDE_DARK, _dashboard),
    "dashboard-narrow": Subject(NARROW_LIGHT, _dashboard),
    "api-keys": Subject(WIDE_LIGHT, _at("apikey", "changelist")),
    "issue": Subject(WIDE_LIGHT, _issuing),
    "api-key": Subject(WIDE_LIGHT, _at("apikey", "change", "rotating")),
    "api-key-dark": Subject(WIDE_DARK, _at("apikey", "change", "rotating")),
    "rotate": Subject(WIDE_LIGHT, _at("apikey", "rotate", "active")),
    "compromised": Subject(WIDE_LIGHT, _at("apikey", "rotate_compromised", "active")),
    "revoke": Subject(WIDE_LIGHT, _at("apikey", "revoke", "active")),
    "access-tokens": Subject(WIDE_LIGHT, _at("accesstoken", "changelist")),
    "signing-keys": Subject(WIDE_LIGHT, _at("signingkey", "changelist")),
    "organizations": Subject(WIDE_LIGHT, _at("organization", "changelist")),
    "audit-trail": Subject(WIDE_LIGHT, _at("auditevent", "changelist")),
    "self-service": Subject(WIDE_LIGHT, _users_keys, user="developer"),
    "self-service-new-narrow-dark": Subject(NARROW_DARK, _users_new_key, user="developer"),
    # Last, because what they issue would be seen on the others.
    "secret": Subject(WIDE_LIGHT, _issued),
    "secret-narrow-dark": Subject(NARROW_DARK, _issued),
}
