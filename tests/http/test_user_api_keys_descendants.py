"""Self-service: revoking a key, or rotating a leaked one, ends what was created with it."""

from __future__ import annotations

import pytest

from tests.self_service.members import KEYS, make_member
from tests.support.factories import works
from token_exchange.models import Credential

pytestmark = pytest.mark.django_db

SCOPE = "keys:manage reports:read reports:write"


@pytest.fixture
def member(https_client):
    return make_member(https_client)


def revoke(member, identifier):
    return member.delete(identifier)


def report_leak(member, identifier):
    return member.rotate(identifier, compromised=True)


@pytest.mark.parametrize("end", [revoke, report_leak])
class TestDescendants:
    def test_are_ended_and_listed_without_a_secret(self, member, end):
        parent = member.add_key(scopes=SCOPE.split())
        token = member.token(parent)
        created = member.create(token=token).json()
        target = member.add_key(scopes=["reports:read"]).credential.identifier
        path = f"{KEYS}/{target}/rotate"
        rotated = member.call("POST", path, token=token, overlap=0).json()
        body = end(member, parent.credential.identifier).json()
        assert body["also_revoked"] == [created["id"]]
        assert body["also_rotated"] == [target]
        assert (works(created["api_key"]), works(rotated["api_key"])) == (False, False)
        assert member.rotate(target).status_code == 200

    def test_are_not_mentioned_if_there_are_none(self, member, end):
        body = end(member, member.add_key(scopes=[]).credential.identifier).json()
        assert body.keys().isdisjoint({"also_revoked", "also_rotated"})

    def test_cannot_save_themselves(self, member, end):
        """A stolen token creates a key, and ends its parent with that, before others do."""
        created = member.create(scope=SCOPE).json()
        headers = {"authorization": f"ApiKey {created['api_key']}"}
        token = member.client.post("/v1/token", headers=headers).json()["access_token"]
        identifier = member.issued.credential.identifier
        if end is revoke:
            answer = member.call("DELETE", f"{KEYS}/{identifier}", token=token)
        else:
            path = f"{KEYS}/{identifier}/rotate"
            answer = member.call("POST", path, token=token, compromised=True)
        assert answer.json()["also_revoked"] == [created["id"]]
        assert not works(created["api_key"])
        assert member.call("GET", token=token).status_code == 401


class TestRepeatedDelete:
    def test_does_nothing_more(self, member):
        parent = member.add_key(scopes=SCOPE.split())
        created = member.create(token=member.token(parent)).json()
        identifier = parent.credential.identifier
        assert member.delete(identifier).json() == {
            "success": True,
            "also_revoked": [created["id"]],
        }
        assert member.delete(identifier).json() == {"success": True}


class TestPlannedRotation:
    def test_ends_nothing(self, member):
        created = member.create().json()
        body = member.rotate(member.issued.credential.identifier).json()
        assert "also_revoked" not in body
        assert works(created["api_key"])
        assert Credential.objects.filter(revoked_at=None).count() == 2
