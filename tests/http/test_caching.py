"""The endpoints and pages, in a project that caches everything with Django's cache middleware."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import include, path
from django.views.decorators.cache import cache_page

from tests.http.client import published_jwks
from tests.http.follower import revoke_tokens
from tests.support.clients import HttpsClient
from tests.support.factories import make_api_key, make_user
from token_exchange import views
from token_exchange.issuer.signing_keys import rotate_signing_key
from token_exchange.views.self_service import pages

pytestmark = pytest.mark.django_db

FOREVER = cache_page(10**6)

urlpatterns = [
    path("v1/revocations", FOREVER(views.revocations)),
    path("v1/user-api-keys", FOREVER(views.user_api_keys)),
    path(".well-known/jwks.json", FOREVER(views.jwks)),
    path("account/keys/", FOREVER(pages.list_keys)),
    path("", include("tests.urls")),
]


@pytest.fixture(autouse=True, params=["site", "page"])
def _cached(request: Any, settings: Any) -> None:
    if request.param == "page":
        settings.ROOT_URLCONF = "tests.http.test_caching"
    else:
        settings.MIDDLEWARE = [
            "django.middleware.cache.UpdateCacheMiddleware",
            *settings.MIDDLEWARE,
            "django.middleware.cache.FetchFromCacheMiddleware",
        ]


@pytest.fixture
def member(entitlement) -> Client:
    client = HttpsClient()
    client.user = make_user()
    client.force_login(client.user)
    return client


def test_feed_is_fresh(get_feed):
    assert json.loads(get_feed().content)["revocations"] == []
    revoke_tokens("a")
    assert [each["subject"] for each in json.loads(get_feed().content)["revocations"]] == ["a"]


def test_published_keys_are_fresh(https_client):
    before = published_jwks(https_client)
    rotate_signing_key()
    assert len(published_jwks(https_client).keys) == len(before.keys) + 1


def test_list_of_user_api_keys_is_fresh(member, entitlement):
    def listed() -> int:
        return len(member.get("/v1/user-api-keys").json()["api_keys"])

    assert listed() == 0
    make_api_key(owner=member.user, organization=entitlement["organization"])
    assert listed() == 1


def test_self_service_page_is_fresh(member, entitlement):
    assert b"Mine" not in member.get("/account/keys/").content
    make_api_key(owner=member.user, organization=entitlement["organization"], name="Mine")
    answer = member.get("/account/keys/")
    assert b"Mine" in answer.content
    assert answer["Cache-Control"] == "no-store, private, max-age=0"
    assert {"Authorization", "Cookie"} <= set(answer["Vary"].split(", "))


def test_self_service_pages_that_refuse_may_not_be_stored(member, https_client):
    answers = [member.put("/account/keys/"), https_client.get("/account/keys/")]
    assert [answer.status_code for answer in answers] == [405, 302]
    for answer in answers:
        assert answer["Cache-Control"] == "no-store, private, max-age=0"
