"""A key created or rotated in self-service never exceeds its caller."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
import time_machine

from tests.http.client import assert_refused
from tests.self_service.members import KEYS, make_member
from tests.support.clients import HttpsClient
from tests.support.factories import make_api_key, make_organization, make_user, works

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
OWN = "https://issuer.test"

NOW = datetime(2030, 1, 1, tzinfo=UTC)


class Case(NamedTuple):
    """A field: what the caller has, what the key requests, and the error if that is too much."""

    name: str
    has: Any
    wants: Any
    error: str | None


BOUNDS = [
    ("scopes", ["keys:manage", "a", "b"], ["a"], None),
    ("scopes", ["keys:manage", "a", "b"], ["keys:manage", "a", "b"], None),
    ("scopes", ["keys:manage", "a"], ["a", "c"], "invalid_scope"),
    ("scopes", ["keys:manage", "token_exchange:revocations"], [], None),
    (
        "scopes",
        ["keys:manage", "token_exchange:revocations"],
        ["token_exchange:revocations"],
        "invalid_scope",
    ),
    ("audience", [], [OWN], None),
    ("audience", [], ["https://b.test"], "invalid_target"),
    ("audience", [OWN, "https://b.test"], ["https://b.test"], None),
    ("audience", [OWN, "https://b.test"], [OWN, "https://c.test"], "invalid_target"),
    ("allowed_networks", [], ["192.0.2.0/24"], None),
    ("allowed_networks", ["127.0.0.0/8"], ["127.0.0.0/8"], None),
    ("allowed_networks", ["127.0.0.0/8"], ["127.1.0.0/16", "127.0.0.1"], None),
    ("allowed_networks", ["127.0.0.0/8"], ["126.0.0.0/7"], "invalid_request"),
    ("allowed_networks", ["127.0.0.0/8"], ["127.0.0.1", "192.0.2.1"], "invalid_request"),
    ("allowed_networks", ["127.0.0.0/8"], ["0.0.0.0/0"], "invalid_request"),
    ("allowed_networks", ["127.0.0.0/8"], ["::/0"], "invalid_request"),
    ("allowed_networks", ["127.0.0.0/9", "127.128.0.0/9"], ["127.0.0.0/8"], None),
    ("allowed_networks", ["127.0.0.0/8", "2001:db8::/32"], ["2001:db8:1::/48"], None),
    ("allowed_networks", ["127.0.0.0/8", "2001:db8::/32"], ["2001:d00::/24"], "invalid_request"),
    ("expires_at", None, HOUR, None),
    ("expires_at", HOUR, HOUR, None),
    ("expires_at", HOUR, HOUR / 2, None),
    ("expires_at", HOUR, HOUR + timedelta(seconds=1), "invalid_request"),
]
# In stored keys, an empty value means everything, or this service's own audience.
STORED = [
    ("audience", [OWN], [], None),
    ("audience", [OWN, "https://b.test"], [], None),
    ("audience", [], [], None),
    ("allowed_networks", ["127.0.0.0/8"], [], "more"),
    ("expires_at", HOUR, None, "more"),
    ("expires_at", None, None, None),
]


each_bound = pytest.mark.parametrize("case", [Case(*each) for each in BOUNDS], ids=str)
each_stored = pytest.mark.parametrize("case", [Case(*each) for each in BOUNDS + STORED], ids=str)


def at(value):
    return NOW + value if isinstance(value, timedelta) else value


def as_sent(case):
    if case.name == "scopes":
        return {"scope": " ".join(case.wants)}
    if case.name == "expires_at":
        return {"expires_at": at(case.wants).isoformat()}
    return {case.name: case.wants}


@pytest.fixture(autouse=True)
def _clock():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def session(_clock, entitlement):
    """A user signed in by session."""
    client = HttpsClient()
    client.user = make_user()
    client.force_login(client.user)
    return client


def post(client, path, **body):
    return client.post(path, body, content_type="application/json")


def entitle_to_what_it_has(entitlement, case):
    entitlement["max_lifetime" if case.name == "expires_at" else case.name] = case.has


class TestNewKey:
    @each_bound
    def test_by_token(self, https_client, case):
        member = make_member(https_client, **{case.name: at(case.has)})
        self.check(member.create(**as_sent(case)), case.error)

    @each_bound
    def test_by_session(self, session, entitlement, case):
        entitle_to_what_it_has(entitlement, case)
        self.check(post(session, KEYS, **as_sent(case)), case.error)

    def check(self, answer, error):
        if error is None:
            assert answer.status_code == 201, answer.content
        else:
            assert_refused(answer, 400, error)


def endings(identifier):
    return [("POST", f"{KEYS}/{identifier}/rotate"), ("DELETE", f"{KEYS}/{identifier}")]


class TestStoredKey:
    """A key created by someone else must also be within the bounds to be rotated or revoked."""

    @each_stored
    def test_by_token(self, https_client, case):
        member = make_member(https_client, **{case.name: at(case.has)})
        key = member.add_key(**{case.name: at(case.wants)})
        token = member.token()
        for method, path in endings(key.credential.identifier):
            self.check(member.call(method, path, token=token), case.error)

    @each_stored
    def test_by_session(self, session, entitlement, case):
        entitle_to_what_it_has(entitlement, case)
        values = {"organization": entitlement["organization"], case.name: at(case.wants)}
        key = make_api_key(owner=session.user, **values)
        for method, path in endings(key.credential.identifier):
            self.check(session.generic(method, path), case.error)

    def check(self, answer, error):
        if error is None:
            assert answer.status_code == 200, answer.content
        else:
            description = assert_refused(answer, 403, "access_denied")
            assert description == "The key has more access than the caller can manage."

    def test_of_another_organization_is_out_of_reach(self, https_client, session, entitlement):
        member = make_member(https_client)
        theirs = member.add_key(organization=make_organization())
        other = make_api_key(owner=session.user, organization=make_organization())
        token = member.token()
        for method, path in endings(theirs.credential.identifier):
            self.check(member.call(method, path, token=token), "more")
        for method, path in endings(other.credential.identifier):
            self.check(session.generic(method, path), "more")
        assert works(theirs.raw_secret)
        assert works(other.raw_secret)


class TestNarrowedToken:
    """A token with less access than its key cannot regain it through another key."""

    @pytest.fixture
    def member(self, https_client):
        return make_member(https_client, audience=[OWN, "https://b.test"])

    def test_gives_no_more_scope_than_it_has(self, member):
        token = member.token(scope="keys:manage")
        answer = member.create(token=token, scope="reports:read")
        assert_refused(answer, 400, "invalid_scope")
        assert member.create(token=token).json()["scope"] == ""

    def test_gives_no_more_audience_than_it_has(self, member):
        token = member.token(audience=OWN)
        answer = member.create(token=token, audience="https://b.test")
        assert_refused(answer, 400, "invalid_target")
        assert member.create(token=token).json()["audience"] == []

    @pytest.mark.parametrize("narrow", [{"scope": "keys:manage"}, {"audience": OWN}])
    def test_gets_no_secret_of_its_own_key(self, member, narrow):
        token, identifier = member.token(**narrow), member.issued.credential.identifier
        assert_refused(member.rotate(identifier, token=token), 403, "access_denied")
        assert_refused(member.delete(identifier, token=token), 403, "access_denied")
