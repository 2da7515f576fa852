"""Content security policy and caching of the admin pages."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.contrib.staticfiles import finders
from django.utils import timezone

from tests.admin.clients import make_token
from tests.admin.conftest import hidden_fields
from tests.support.admin_urls import admin_url, credential_url
from tests.support.factories import make_api_key, make_organization
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import APIKey, AuditEvent, SigningKey

pytestmark = pytest.mark.django_db

INLINE = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|=.(javascript|data):")
SOURCE = re.compile(r'(?:<script[^>]*\ssrc|<link[^>]*\shref)="([^"]+)"')


def all_pages(operator):
    """Each page that an operator meets from the list to the end of a key, as it was answered."""
    issued = make_api_key()
    key = issued.credential
    token = make_token(issued)
    yield operator.get(admin_url("apikey", "changelist"))
    values = {"name": "x", "organization": make_organization().pk}
    values |= hidden_fields(operator.get(admin_url("apikey", "add")))
    yield from (operator.post(admin_url("apikey", "add"), values) for _ in range(2))
    credentials.rotate(key, act=Act(now=timezone.now()))
    yield from (operator.get(credential_url(key, each)) for each in ("change", "rotate", "revoke"))
    yield operator.post(credential_url(key, "rotate"), {"version": "stale"})
    yield operator.send(credential_url(key, "rotate"), overlap="compromised")
    yield operator.choose(
        admin_url("apikey", "changelist"), "revoke_selected", *APIKey.objects.all()
    )
    yield operator.get(admin_url("accesstoken", "changelist"))
    yield from (
        operator.get(admin_url("accesstoken", each, token)) for each in ("change", "revoke")
    )
    yield from (operator.get(admin_url("signingkey", each)) for each in ("changelist", "rotate"))
    signing_key = SigningKey.objects.get()
    yield from (
        operator.get(admin_url("signingkey", each, signing_key)) for each in ("change", "remove")
    )
    yield operator.get(admin_url("organization", "add"))
    yield operator.get(admin_url("auditevent", "changelist"), {"from": "2026-01-01"})
    yield from (
        operator.get(admin_url("auditevent", "change", each)) for each in AuditEvent.objects.all()
    )


def test_pages_have_no_inline_script_or_style(operator):
    for response in all_pages(operator):
        assert INLINE.findall(response.text) == []


def test_pages_reference_existing_static_files(operator):
    for response in all_pages(operator):
        sources = SOURCE.findall(response.text)
        ours = [each for each in sources if each.startswith("/static/")]
        assert sorted(set(sources) - set(ours)) in ([], ["/admin/jsi18n/"])
        assert [each for each in ours if finders.find(each.removeprefix("/static/")) is None] == []


def test_secret_page_is_not_cached_whatever_the_site_sets(rf, operator):
    request = rf.get("/")
    request.user = operator.user
    response = admin.site.get_model_admin(APIKey).render(request, "show_once.html", secrets=[])
    assert response.headers["Cache-Control"] == "no-store, private, max-age=0"


def test_pages_are_not_cached(operator):
    for response in all_pages(operator):
        directives = {"no-store", "private", "max-age=0"}
        assert directives <= set(response.headers["Cache-Control"].split(", "))


def test_pages_are_fresh_in_a_site_that_caches_all_pages(operator, settings):
    settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        *settings.MIDDLEWARE,
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    key = make_api_key().credential
    before = {
        name: operator.get(url).text
        for name, url in (
            ("list", admin_url("apikey", "changelist")),
            ("change", credential_url(key, "change")),
            ("rotate", credential_url(key, "rotate")),
        )
    }
    credentials.revoke(key, act=Act(now=timezone.now()))
    assert operator.get(admin_url("apikey", "changelist")).text != before["list"]
    assert operator.get(credential_url(key, "change")).text != before["change"]
    assert operator.get(credential_url(key, "rotate")).text != before["rotate"]
