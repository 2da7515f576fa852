"""Every admin page is accessible, obeys the policy and fits the window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import NoReverseMatch, reverse

from tests.support.browser.sample_data import Scene
from token_exchange.models import AccessToken, APIKey, ClientApp, SigningKey

pytestmark = pytest.mark.browser

MODELS = [
    model
    for model in apps.get_app_config("token_exchange").get_models(include_auto_created=True)
    if admin.site.is_registered(model)
]


def rows_of(model: type[Any], scene: Scene) -> list[Any]:
    """Return rows with content to show."""
    chosen: dict[type[Any], list[Any]] = {
        APIKey: [scene.rotating, scene.revoked],
        ClientApp: [scene.app],
        AccessToken: [scene.tokens[1]],
        SigningKey: list(SigningKey.objects.order_by("pk")),
    }
    return chosen.get(model) or [*model._default_manager.all()[:1]]


def paths(model: type[Any], scene: Scene) -> Iterator[str]:
    """Yield the URL of each admin page of this model."""
    for name in {pattern.name for pattern in admin.site.get_model_admin(model).get_urls()} - {None}:
        for args in [(), *((row.pk,) for row in rows_of(model, scene))]:
            try:
                yield reverse(f"admin:{name}", args=args)
            except NoReverseMatch:
                continue


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_pages_are_accessible_in_each_viewport(model, scene, open_window):
    window = open_window(scene.operator)
    pages = [path for path in sorted(paths(model, scene)) if window.is_page(path)]
    assert pages
    for path in pages:
        window.open(path)
        window.inspect()


def test_index_links_to_each_list(scene, open_window):
    window = open_window(scene.operator)
    for path in (reverse("admin:index"), reverse("admin:app_list", args=["token_exchange"])):
        window.open(path)
        window.inspect()
    names = window.page.locator("#content th a").all_inner_texts()
    assert {str(model._meta.verbose_name_plural).lower() for model in MODELS} <= {
        name.lower() for name in names
    }
