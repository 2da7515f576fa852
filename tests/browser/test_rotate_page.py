"""Rotating credentials in the browser."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.admin_urls import admin_url
from tests.support.browser.viewports import WIDE_LIGHT
from tests.support.factories import make_api_key, make_token, works
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import APIKey

pytestmark = pytest.mark.browser

SHOW = "Rotate and show the new secret"
REVOKE_ALL = "Revoke now and show the new secret"


@pytest.fixture
def issued(scene):
    return make_api_key(organization=scene.organization, name="In use", scopes=["reports:read"])


def overlap_of(issued):
    key = issued.credential
    key.refresh_from_db()
    return key.previous_secret_expires_at and key.previous_secret_expires_at - key.secret_issued_at


@pytest.mark.parametrize(
    ("label", "overlap"),
    [
        ("Stop immediately", None),
        ("1 hour", timedelta(hours=1)),
        ("1 day", timedelta(days=1)),
        ("7 days", timedelta(days=7)),
    ],
)
@pytest.mark.parametrize("look", [WIDE_LIGHT], ids=str)
def test_key_is_rotated_with_a_preset_overlap(window, issued, label, overlap):
    window.open(admin_url("apikey", "change", issued.credential))
    window.follow("Rotate")
    window.page.get_by_role("radio", name=label).check()
    window.press(SHOW)
    assert works(window.copied("API key"))
    assert works(issued.raw_secret) == (overlap is not None)
    assert overlap_of(issued) == overlap


def test_key_is_rotated_with_a_custom_overlap(window, issued):
    window.open(admin_url("apikey", "rotate", issued.credential))
    number = window.page.get_by_label("Number")
    assert number.is_hidden()
    window.page.get_by_role("radio", name="another duration").check()
    number.fill("3")
    window.page.get_by_label("Unit").select_option("days")
    window.inspect()
    window.press(SHOW)
    window.inspect()
    assert overlap_of(issued) == timedelta(days=3)


def test_overlap_beyond_the_maximum_is_refused(window, issued):
    window.open(admin_url("apikey", "rotate", issued.credential))
    window.page.get_by_role("radio", name="another duration").check()
    window.page.get_by_label("Number").fill("31")
    window.page.get_by_label("Unit").select_option("days")
    window.press(SHOW, status=400)
    window.inspect()
    assert "The maximum is 30 days." in window.text()
    assert window.page.get_by_label("Number").input_value() == "31"
    assert overlap_of(issued) is None


def test_reload_and_back_do_not_rotate_again(window, issued):
    window.open(admin_url("apikey", "rotate", issued.credential))
    window.press(SHOW)
    secret = window.value("API key")
    with window.expecting(200):
        window.page.reload()
    assert secret not in window.page.content()
    window.go_back()
    assert secret not in window.page.content()
    assert works(secret)


def test_overlap_is_ended_early(window, scene):
    window.open(admin_url("apikey", "change", scene.rotating))
    assert "3 minutes ago from 10.0.0.7" in window.text()
    window.press("End the overlap now")
    assert "Overlap ended." in window.messages()
    scene.rotating.refresh_from_db()
    assert not scene.rotating.has_previous_secret(now=timezone.now())
    window.inspect()


def test_next_rotation_waits_for_the_overlap(window, scene):
    window.open(admin_url("apikey", "rotate", scene.rotating))
    window.inspect()
    assert window.page.get_by_role("button", name=SHOW).count() == 0
    window.press("End the overlap now")
    window.open(admin_url("apikey", "rotate", scene.rotating))
    assert window.page.get_by_role("button", name=SHOW).count() == 1


def test_leaked_secret_and_its_tokens_are_revoked(window, issued):
    token = make_token(issued.credential)
    window.open(admin_url("apikey", "change", issued.credential))
    window.follow("Rotate: leaked…")
    window.inspect()
    assert "Live tokens: 1." in window.text()
    window.press(REVOKE_ALL)
    window.inspect()
    assert works(window.copied("API key"))
    assert not works(issued.raw_secret)
    issued.credential.refresh_from_db()
    assert issued.credential.generation > token.generation


def test_selected_keys_are_rotated_and_each_secret_is_shown(window, scene):
    window.open(admin_url("apikey", "changelist") + "?state=active")
    window.run_on_all("Rotate selected API keys")
    window.inspect()
    window.press(SHOW)
    window.inspect()
    names = window.page.locator(".te-secret h2").all_inner_texts()
    assert sorted(names) == ["Nightly export", "Notebook"]
    secrets = window.page.locator(".te-forget[id$=api-key]").all_inner_texts()
    assert [works(each) for each in secrets] == [True, True]


def test_outdated_form_rotates_nothing(window, issued):
    window.open(admin_url("apikey", "rotate", issued.credential))
    credentials.rotate(
        APIKey.objects.get(pk=issued.credential.pk),
        overlap=timedelta(0),
        act=Act(now=timezone.now()),
    )
    window.press(SHOW, status=409)
    window.inspect()
    assert "nothing was changed" in window.text()
