"""The dashboard in the browser."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.support.browser.sample_data import count_exchanges
from tests.support.browser.viewports import WIDE_LIGHT

# One window is enough to do it in; each page is inspected under all looks.
pytestmark = [pytest.mark.browser, pytest.mark.parametrize("look", [WIDE_LIGHT], ids=str)]


@pytest.fixture
def counted(scene):
    count_exchanges(scene, now=timezone.now())


def test_dashboard_shows_a_day_and_a_week(window, counted):
    window.open(reverse("admin:index"))
    window.follow("Dashboard")
    window.inspect()
    assert window.page.get_by_role("link", name="Partner feed").count() == 1
    window.page.locator(".te-periods a:not([aria-current])").click()
    window.page.wait_for_load_state()
    window.inspect()


def test_tables_repeat_the_charts(window, counted):
    window.open(reverse("admin:token_exchange_dashboard_changelist"))
    charts = window.page.locator("#content svg[role=img], #content figure svg")
    assert charts.count() >= 2
    for number in range(window.page.locator("#content details").count()):
        window.page.locator("#content details summary").nth(number).press("Enter")
    window.inspect()
    assert window.page.locator("#content details[open] table tbody tr").count() >= 24


def test_used_previous_secret_is_linked(window, counted, scene):
    window.open(reverse("admin:token_exchange_dashboard_changelist"))
    window.page.get_by_role("link", name="End the overlap of Mobile back end").click()
    window.page.wait_for_load_state()
    window.press("End the overlap now")
    assert "Overlap ended." in window.messages()


def test_dashboard_of_one_credential(window, counted, scene):
    window.open(reverse("admin:token_exchange_dashboard_changelist"))
    window.page.get_by_role("textbox", name="Credential").fill(scene.app.identifier)
    window.press("Show")
    assert scene.app.identifier in window.page.url
    window.inspect()


def test_empty_dashboard_says_so(window):
    window.open(reverse("admin:token_exchange_dashboard_changelist"))
    assert "No exchanges in this period." in window.text()
    window.inspect()
