"""Each page of the desk obeys a strict content security policy: ``default-src 'self'``."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.contrib.staticfiles import finders
from django.utils import timezone

from tests.admin.clients import make_token
from tests.admin.conftest import hidden_fields
from tests.admin.pages import credential_page, page
from tests.support.factories import make_api_key, make_organization
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import APIKey, AuditEvent, SigningKey

pytestmark = pytest.mark.django_db

INLINE = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|=.(javascript|data):")
SOURCE = re.compile(r'(?:<script[^>]*\ssrc|<link[^>]*\shref)="([^"]+)"')


def all_pages(desk):
    """Each page that an operator meets from the list to the end of a key, as it was answered."""
    issued = make_api_key()
    key = issued.credential
    token = make_token(issued)
    yield desk.get(page("apikey", "changelist"))
    values = {"name": "x", "organization": make_organization().pk}
    values |= hidden_fields(desk.get(page("apikey", "add")))
    yield from (desk.post(page("apikey", "add"), values) for _ in range(2))
    credentials.rotate(key, act=Act(now=timezone.now()))
    yield from (desk.get(credential_page(key, each)) for each in ("change", "rotate", "revoke"))
    yield desk.post(credential_page(key, "rotate"), {"version": "stale"})
    yield desk.send(credential_page(key, "rotate"), overlap="compromised")
    yield desk.choose(page("apikey", "changelist"), "revoke_selected", *APIKey.objects.all())
    yield desk.get(page("accesstoken", "changelist"))
    yield from (desk.get(page("accesstoken", each, token)) for each in ("change", "revoke"))
    yield from (desk.get(page("signingkey", each)) for each in ("changelist", "rotate"))
    signing_key = SigningKey.objects.get()
    yield from (desk.get(page("signingkey", each, signing_key)) for each in ("change", "remove"))
    yield desk.get(page("organization", "add"))
    yield desk.get(page("auditevent", "changelist"), {"from": "2026-01-01"})
    yield from (desk.get(page("auditevent", "change", each)) for each in AuditEvent.objects.all())


def test_holds_neither_script_nor_style_of_its_own(desk):
    for response in all_pages(desk):
        assert INLINE.findall(response.text) == []


def test_names_only_files_that_are_there(desk):
    for response in all_pages(desk):
        sources = SOURCE.findall(response.text)
        ours = [each for each in sources if each.startswith("/static/")]
        assert sorted(set(sources) - set(ours)) in ([], ["/admin/jsi18n/"])
        assert [each for each in ours if finders.find(each.removeprefix("/static/")) is None] == []


def test_is_kept_by_no_cache_even_where_the_site_would_allow_it(rf, desk):
    request = rf.get("/")
    request.user = desk.user
    response = admin.site.get_model_admin(APIKey).page(request, "show_once.html", secrets=[])
    assert response.headers["Cache-Control"] == "no-store"


def test_is_kept_by_no_cache(desk):
    for response in all_pages(desk):
        assert "no-store" in response.headers["Cache-Control"]
