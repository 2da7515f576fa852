"""The number of database queries of self-service, however many keys there are."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.self_service.members import KEYS, make_member

pytestmark = pytest.mark.django_db(transaction=True)

IGNORED = {"BEGIN", "SAVEPOINT", "RELEASE", "COMMIT", "ROLLBACK"}
LOCK_TIMEOUT = ("lock_timeout", "innodb_lock_wait_timeout")


@pytest.fixture
def member(https_client, elapsed):
    member = make_member(https_client)
    member.call("GET")
    return member


def statements(send):
    with CaptureQueriesContext(connection) as captured:
        answer = send()
    assert answer.status_code in {200, 201}, answer.content
    return [query["sql"] for query in captured]


def limits_a_wait(statement):
    return any(name in statement for name in LOCK_TIMEOUT)


def verbs(send):
    """Return the first words of the statements, without those that limit waits for locks."""
    sent = [each for each in statements(send) if not limits_a_wait(each)]
    found = [each.split()[0].rstrip(";") for each in sent]
    return [each for each in found if each not in IGNORED]


def test_a_list_asks_for_the_user_and_the_keys(member):
    token = member.token()
    assert verbs(lambda: member.call("GET", token=token)) == ["SELECT"] * 2
    for _ in range(30):
        member.add_key()
    assert verbs(lambda: member.call("GET", token=token)) == ["SELECT"] * 2


def test_a_new_key_is_made_under_two_locks(member):
    token = member.token()
    assert verbs(lambda: member.create(token=token, label="A")) == [
        "SELECT",  # the token's user
        *("UPDATE", "UPDATE"),  # locks the user and the calling key
        *("SELECT", "SELECT"),  # the key with its organization, and the token
        "SELECT",  # the number of keys
        *["SELECT"] * 3,  # full_clean: the organization and the users
        *("INSERT", "SELECT", "INSERT"),  # the key, and what it was made with
        "INSERT",  # the audit event
    ]


def test_a_rotation_locks_the_key_as_well(member):
    token = member.token()
    identifier = member.add_key().credential.identifier
    found = verbs(lambda: member.call("POST", f"{KEYS}/{identifier}/rotate", token=token))
    assert found == [
        "SELECT",  # the token's user
        *("UPDATE", "UPDATE", "SELECT", "SELECT"),  # what the caller may do
        *("UPDATE", "SELECT"),  # the key
        *("UPDATE", "SELECT"),  # its new secret
        *("SELECT", "INSERT", "INSERT"),  # what that was made with, and the audit event
    ]


@pytest.mark.postgresql
def test_waits_for_locks_are_limited_by_three_statements(member):
    token = member.token()
    sent = statements(lambda: member.create(token=token))
    assert len(list(filter(limits_a_wait, sent))) == 3  # read the limit, set it, restore it
