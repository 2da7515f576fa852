"""The self-service pages list what was created or rotated with a key, and end it by default."""

from __future__ import annotations

import pytest

from tests.self_service.members import KEYS
from tests.support.factories import api_key_header, bearer_header, works
from token_exchange.models import Credential

pytestmark = pytest.mark.django_db


def call(visitor, issued, path, **body):
    """Call the API with a token of the key; return the secret that it answers with."""
    client = type(visitor.client)()
    token = client.post("/v1/token", headers=api_key_header(issued)).json()["access_token"]
    answer = client.post(path, body, content_type="application/json", headers=bearer_header(token))
    assert answer.status_code in {200, 201}, answer.content
    return answer.json()["api_key"]


@pytest.fixture
def parent(visitor):
    return visitor.add_key(scopes=["keys:manage", "reports:read"])


@pytest.fixture
def created(visitor, parent):
    return call(visitor, parent, KEYS, label="Made by the old laptop")


@pytest.fixture
def rotated(visitor, parent):
    identifier = visitor.add_key(name="Cron job", scopes=["reports:read"]).credential.identifier
    return call(visitor, parent, f"{KEYS}/{identifier}/rotate", overlap=0)


class TestRevokePage:
    def test_lists_them_and_ends_them(self, visitor, parent, created, rotated):
        path = f"{parent.credential.identifier}/revoke/"
        text = visitor.get(path).text
        assert "Made by the old laptop" in text
        assert "Cron job" in text
        assert "(created)" in text
        assert "(rotated)" in text
        visitor.send(path)
        assert (works(created), works(rotated)) == (False, False)
        assert Credential.objects.filter(revoked_at=None).count() == 1

    def test_keeps_them_if_the_user_says_so(self, visitor, parent, created, rotated):
        visitor.send(f"{parent.credential.identifier}/revoke/", keep_descendants="on")
        assert (works(created), works(rotated)) == (True, True)
        assert not works(parent.raw_secret)

    def test_asks_nothing_if_there_are_none(self, visitor, parent):
        assert "keep_descendants" not in visitor.get(f"{parent.credential.identifier}/revoke/").text


class TestRotatePage:
    def test_lists_them_and_ends_them_if_the_secret_leaked(self, visitor, parent, created, rotated):
        path = f"{parent.credential.identifier}/rotate/"
        text = visitor.get(path).text
        assert "If the old secret leaked:" in text
        assert "Made by the old laptop" in text
        visitor.send(path, overlap="compromised")
        assert (works(created), works(rotated)) == (False, False)

    def test_keeps_them_if_the_user_says_so(self, visitor, parent, created):
        path = f"{parent.credential.identifier}/rotate/"
        visitor.send(path, overlap="compromised", keep_descendants="on")
        assert works(created)

    def test_planned_rotation_keeps_them(self, visitor, parent, created):
        visitor.send(f"{parent.credential.identifier}/rotate/", overlap="0")
        assert works(created)
        assert not works(parent.raw_secret)
