"""Answers to authenticated requests, in a project that caches its pages."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse
from django.test import AsyncClient
from django.utils import timezone

from tests.support.factories import (
    api_key_header,
    basic_header,
    bearer_header,
    make_api_key,
    make_client_app,
)
from token_exchange.authentication import BearerAuthentication
from token_exchange.caching import keep_private, vary_by_authorization
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.middleware import PrivateResponseMiddleware

pytestmark = pytest.mark.django_db

UPDATE = "django.middleware.cache.UpdateCacheMiddleware"
FETCH = "django.middleware.cache.FetchFromCacheMiddleware"
PRIVATE = "token_exchange.middleware.PrivateResponseMiddleware"
CACHED = [
    "/site",
    "/page",
    "/class",
    "/method",
    "/function",
    "/open",
    "/open-page",
    "/session-too",
    "/empty-cell",
]


@pytest.fixture(autouse=True)
def _site_cache(_project: None, settings: Any) -> None:
    """Django's cache for the whole site, and the cached views."""
    settings.ROOT_URLCONF = "tests.authentication.cached_views"
    settings.MIDDLEWARE = [UPDATE, *settings.MIDDLEWARE, FETCH]


@pytest.fixture
def _private(_site_cache: None, settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, PRIVATE]


@pytest.fixture(params=["bearer", "key", "app"])
def holder(request, exchanged):
    """A credential with a header of each kind."""
    issued = make_client_app() if request.param == "app" else make_api_key()
    if request.param == "bearer":
        return issued.credential, bearer_header(exchanged(issued))
    header = basic_header if request.param == "app" else api_key_header
    return issued.credential, header(issued)


class TestStoredAnswers:
    @pytest.mark.parametrize("path", CACHED)
    def test_revoked_caller_is_not_answered_from_the_cache(self, https_client, path, holder):
        credential, headers = holder
        answer = https_client.get(path, headers=headers)
        assert (answer.status_code, answer.json()) == (200, credential.identifier)
        credentials.revoke(credential, act=Act(now=timezone.now()))
        assert https_client.get(path, headers=headers).status_code == 401

    @pytest.mark.parametrize("path", CACHED)
    def test_another_caller_gets_an_answer_of_its_own(self, https_client, exchanged, path):
        keys = [make_api_key(), make_api_key()]
        answers = [https_client.get(path, headers=bearer_header(exchanged(key))) for key in keys]
        assert [each.json() for each in answers] == [key.credential.identifier for key in keys]

    @pytest.mark.parametrize("path", ["/site", "/page", "/class", "/method", "/function"])
    def test_anonymous_caller_is_refused(self, https_client, path, holder):
        assert https_client.get(path, headers=holder[1]).status_code == 200
        assert https_client.get(path).status_code == 401

    def test_anonymous_answer_of_a_cached_method_is_not_served_to_callers(
        self, settings, https_client, holder
    ):
        settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if "cache" not in each.lower()]
        assert https_client.get("/open-method").json() == "AnonymousUser"
        answer = https_client.get("/open-method", headers=holder[1])
        assert answer.json() == holder[0].identifier

    @pytest.mark.parametrize("path", ["/open", "/open-page"])
    def test_anonymous_answer_is_stored_and_served_to_anonymous_callers_only(
        self, https_client, path, holder
    ):
        first, second = https_client.get(path), https_client.get(path)
        assert first.json() == second.json() == "AnonymousUser"
        assert second["Expires"] == first["Expires"]
        answer = https_client.get(path, headers=holder[1])
        assert answer.json() == holder[0].identifier

    def test_other_views_are_cached_as_before(self, https_client, exchanged):
        headers = bearer_header(exchanged())
        assert "Expires" in https_client.get("/plain", headers=headers)


class TestVary:
    @pytest.mark.parametrize("path", ["/site", "/open", "/page"])
    def test_names_authorization(self, get, exchanged, path):
        answer = get(path, f"Bearer {exchanged()}")
        assert "Authorization" in answer["Vary"]

    def test_names_authorization_once_and_keeps_the_views_own(self, get):
        names = get("/varied")["Vary"].split(", ")
        assert sorted(names) == ["Accept", "Authorization", "X-Mine"]

    def test_authenticator_works_without_a_view(self, rf):
        assert BearerAuthentication().authenticate(rf.get("/")) is None

    def test_request_without_a_view_is_kept_out_of_the_cache(self, rf):
        request = rf.get("/")
        request._cache_update_cache = True  # as Django's middleware does
        keep_private(request)
        vary_by_authorization(request)
        assert request._cache_update_cache is False


@pytest.mark.usefixtures("_private")
class TestMiddleware:
    def test_authenticated_answer_is_private(self, https_client, holder):
        answer = https_client.get("/site", headers=holder[1])
        assert answer["Cache-Control"] == "private"
        assert "Authorization" in answer["Vary"]

    @pytest.mark.parametrize(
        ("path", "directives"),
        [("/public", {"max-age=60", "private"}), ("/no-store", {"no-store", "private"})],
    )
    def test_other_directives_are_kept(self, https_client, holder, path, directives):
        answer = https_client.get(path, headers=holder[1])
        assert set(answer["Cache-Control"].split(", ")) == directives

    def test_anonymous_answer_is_left_alone(self, get):
        assert "private" not in get("/open")["Cache-Control"]

    def test_place_in_the_list_does_not_matter(self, settings, https_client, holder):
        settings.MIDDLEWARE = [PRIVATE, *settings.MIDDLEWARE[:-1]]
        assert https_client.get("/site", headers=holder[1])["Cache-Control"] == "private"

    def test_works_under_asgi(self, exchanged):
        get = async_to_sync(AsyncClient().get)
        answer = get("/site", headers=bearer_header(exchanged()), secure=True)
        assert (answer.status_code, answer["Cache-Control"]) == (200, "private")

    def test_asynchronous_stack_stays_asynchronous(self):
        async def view(request):
            keep_private(request)
            return HttpResponse()

        scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        answer = async_to_sync(PrivateResponseMiddleware(view))(ASGIRequest(scope, None))
        assert answer["Cache-Control"] == "private"


class TestOwnAnswers:
    @pytest.mark.parametrize("path", ["/site", "/page"])
    def test_refusal_may_not_be_stored(self, get, path):
        answer = get(path, "Bearer x")
        assert answer.status_code == 401
        assert answer["Cache-Control"] == "no-store, private, max-age=0"
        assert "Authorization" in answer["Vary"]
