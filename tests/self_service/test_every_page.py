"""Every self-service page: access, and escaping of hostile text."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils.html import escape

from tests.self_service.conftest import Visitor
from tests.support.clients import HttpsClient
from tests.support.factories import make_organization, make_user
from tests.support.xss import EVIL, effects, evil
from token_exchange.models import Credential
from token_exchange.views.self_service import urls

pytestmark = pytest.mark.django_db

EVERY_PAGE = pytest.mark.parametrize("pattern", urls.urlpatterns, ids=str)


def url_of(pattern, identifier):
    args = (identifier,) if "identifier" in str(pattern.pattern) else ()
    return reverse(f"{urls.app_name}:{pattern.name}", args=args)


@pytest.fixture
def key(visitor, token_exchange_settings):
    """The visitor's key, with hostile text in every field."""
    token_exchange_settings(SCOPES={"reports:read": evil("label")})
    visitor.user.username = evil("username")
    visitor.user.save()
    visitor.entitlement["organization"] = make_organization(name=evil("organization"))
    key = visitor.add_key(scopes=["reports:read"]).credential
    Credential.objects.update(name=evil("name"), last_used_from=evil("used")[:64])
    return key


@EVERY_PAGE
def test_hostile_text_is_escaped(visitor, key, pattern):
    url = url_of(pattern, key.identifier)
    values = {
        "label": evil("typed"),
        "overlap": evil("x"),
        "expiry": evil("x"),
        "signed_identifier": evil("x"),
    }
    answers = [
        visitor.client.get(url),
        visitor.client.get(url, {"after": evil("after")}),
        visitor.client.post(url, values),
        visitor.send(url.removeprefix("/account/keys/"), label=evil("typed"), expiry="latest"),
        visitor.get(),
    ]
    for answer in answers:
        assert effects(answer) == []
        assert EVIL not in answer.text
    assert escape(evil("username")) in answers[0].text


@EVERY_PAGE
@pytest.mark.parametrize("method", ["get", "post"])
def test_page_needs_an_active_signed_in_user(visitor, key, pattern, method):
    inactive = Visitor(visitor.entitlement)
    inactive.user.is_active = False
    inactive.user.save()
    for client in (HttpsClient(), inactive.client):
        answer = getattr(client, method)(url_of(pattern, key.identifier))
        assert answer.status_code in {302, 405}
        assert evil("name") not in answer.text
    assert Credential.objects.get().revoked_at is None


@EVERY_PAGE
@pytest.mark.parametrize("method", ["get", "post"])
def test_keys_of_other_users_are_hidden_even_from_superusers(visitor, key, pattern, method):
    for user in (make_user(), make_user(is_superuser=True, is_staff=True)):
        other = Visitor(visitor.entitlement, user=user)
        answers = [
            getattr(other.client, method)(url_of(pattern, each), {"version": 1, "overlap": "0"})
            for each in (key.identifier, "sk_live.AAAAAAAAAAAA")
        ]
        assert answers[0].status_code == answers[1].status_code
        assert [key.identifier in each.text for each in answers] == [False, False]
    assert Credential.objects.get().revoked_at is None
