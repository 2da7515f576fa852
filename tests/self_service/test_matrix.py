"""Each of the users' own pages: who may come, and that hostile text stays text."""

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
    """A key of the visitor's whose texts are hostile."""
    token_exchange_settings(SCOPES={"reports:read": evil("label")})
    visitor.user.username = evil("username")
    visitor.user.save()
    visitor.entitlement["organization"] = make_organization(name=evil("organization"))
    key = visitor.add_key(scopes=["reports:read"]).credential
    Credential.objects.update(name=evil("name"), last_used_from=evil("used")[:64])
    return key


@EVERY_PAGE
def test_is_inert(visitor, key, pattern):
    url = url_of(pattern, key.identifier)
    values = {"label": evil("typed"), "overlap": evil("x"), "expiry": evil("x"), "drawn": evil("x")}
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
def test_is_for_nobody_who_is_not_signed_in(visitor, key, pattern, method):
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
def test_knows_no_keys_of_others_not_even_for_superusers(visitor, key, pattern, method):
    for user in (make_user(), make_user(is_superuser=True, is_staff=True)):
        other = Visitor(visitor.entitlement, user=user)
        answers = [
            getattr(other.client, method)(url_of(pattern, each), {"version": 1, "overlap": "0"})
            for each in (key.identifier, "sk_live.AAAAAAAAAAAA")
        ]
        assert answers[0].status_code == answers[1].status_code
        assert [key.identifier in each.text for each in answers] == [False, False]
    assert Credential.objects.get().revoked_at is None
