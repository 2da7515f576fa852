"""Limits of users' keys when many requests arrive at once."""

from __future__ import annotations

import pytest
from django.utils import timezone

from tests.concurrency import user_key_tasks as tasks
from tests.concurrency.process_pool import crowd, run_crowd
from tests.self_service.members import KEYS, make_member
from tests.support.factories import works
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.issuer.self_service import DEFAULT_MAX_KEYS
from token_exchange.models import AuditEvent, Credential

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


@pytest.fixture
def member(https_client, token_exchange_settings):
    token_exchange_settings(RATE_LIMITS=None)
    return make_member(https_client)


def test_no_more_are_made_than_the_maximum(member):
    """Whichever of the user's keys they are made with."""
    tokens = [member.token(member.add_key(scopes=["keys:manage"])) for _ in range(4)]
    answers = run_crowd(tasks.call, tokens, [("POST", KEYS)])
    statuses = [status for _method, status, _body in answers]
    room = DEFAULT_MAX_KEYS - 5
    assert statuses.count(201) == room
    assert statuses.count(409) == len(statuses) - room
    assert Credential.objects.filter(owner=member.user).count() == DEFAULT_MAX_KEYS


def test_one_rotation_wins(member):
    made = member.create().json()
    answers = run_crowd(tasks.call, [member.token()], [("POST", f"{KEYS}/{made['id']}/rotate")])
    assert sorted({status for _method, status, _body in answers}) == [200, 409]
    (won,) = [body["api_key"] for _method, status, body in answers if status == 200]
    assert works(won)
    assert Credential.objects.get(identifier=made["id"]).secret_version == 2


def test_a_key_that_is_revoked_gets_no_secret_afterwards(member):
    made = member.create().json()
    key = f"{KEYS}/{made['id']}"
    answers = run_crowd(tasks.call, [member.token()], [("DELETE", key), ("POST", f"{key}/rotate")])
    assert {status for method, status, _body in answers if method == "DELETE"} == {200}
    assert {status for method, status, _body in answers if method == "POST"} <= {200, 409}
    secrets = [body["api_key"] for _method, _status, body in answers if "api_key" in body]
    assert not any(map(works, [made["api_key"], *secrets]))
    events = AuditEvent.objects.filter(target=made["id"]).order_by("pk")
    assert [each.event for each in events][-1] == "credential.revoked"
    assert [each.event for each in events].count("credential.revoked") == 1


def test_nobody_waits_in_a_circle(member):
    """Users and operators alike take the feed first, and then the rows."""
    identifier = member.add_key().credential.identifier
    results = run_crowd(tasks.compromise, member.token(), identifier)
    assert {status for statuses in results for status in statuses} == {200}
    events = AuditEvent.objects.filter(target=identifier, event="credential.compromised")
    assert Credential.objects.get(identifier=identifier).secret_version == 1 + events.count()


def test_nothing_is_made_once_the_calling_key_is_revoked(member, token_exchange_settings):
    with crowd(tasks.create_until_revoked, member.token()) as running:
        running.signals.await_progress(8)
        credentials.revoke(member.issued.credential, act=Act(now=timezone.now()))
        made = Credential.objects.filter(owner=member.user).count()
        running.signals.turned.set()
        results = running.collect()
    assert {status for each in results for turned, status in each if turned} == {401}
    assert Credential.objects.filter(owner=member.user).count() == made
    # Also what was being made when the key was revoked.
    assert not Credential.objects.filter(owner=member.user, revoked_at=None).exists()
