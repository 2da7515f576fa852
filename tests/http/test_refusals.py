"""Refused credentials are indistinguishable to the caller."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from tests.http.client import assert_refused, stored_rows, wire
from tests.http.conftest import Caller, make_caller, make_header
from tests.support.factories import api_key_header, make_api_key, make_organization, make_user
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import Credential, Organization
from token_exchange_core import secret_strings

pytestmark = pytest.mark.django_db

PATHS = ["/v1/token", "/auth_token"]


def unknown(path: str) -> Caller:
    caller = make_caller(path)
    Credential.objects.filter(pk=caller.issued.credential.pk).delete()
    return caller


def wrong_secret(path: str) -> Caller:
    """Well formed, with a valid checksum and the right identifier, but a wrong secret."""
    caller = make_caller(path)
    body = caller.issued.raw_secret[: -secret_strings.CHECKSUM_LENGTH]
    last = "A" if body[-1] != "A" else "B"
    raw_secret = body[:-1] + last
    raw_secret += secret_strings._checksum(raw_secret)
    issued = credentials.IssuedSecret(credential=caller.issued.credential, raw_secret=raw_secret)
    header = make_header(path, issued)
    return Caller(path, issued, header)


def other_kind(path: str) -> Caller:
    """The identifier belongs to a credential of the other kind."""
    caller = make_caller(path)
    kinds = {"/v1/token": "client_app", "/auth_token": "api_key"}
    Credential.objects.filter(pk=caller.issued.credential.pk).update(kind=kinds[path])
    return caller


def revoked(path: str) -> Caller:
    caller = make_caller(path)
    credentials.revoke(caller.issued.credential, act=Act(now=timezone.now()))
    return caller


def expired(path: str) -> Caller:
    caller = make_caller(path)
    Credential.objects.update(expires_at=timezone.now())
    return caller


def rotated_without_overlap(path: str) -> Caller:
    caller = make_caller(path)
    credentials.rotate(caller.issued.credential, overlap=timedelta(0), act=Act(now=timezone.now()))
    return caller


def compromised(path: str) -> Caller:
    caller = make_caller(path)
    credentials.rotate(caller.issued.credential, compromised=True, act=Act(now=timezone.now()))
    return caller


def overlap_is_over(path: str) -> Caller:
    caller = make_caller(path)
    past = timezone.now() - timedelta(days=1)
    credentials.rotate(caller.issued.credential, overlap=timedelta(hours=24), act=Act(now=past))
    return caller


def organization_inactive(path: str) -> Caller:
    caller = make_caller(path)
    Organization.objects.update(is_active=False)
    return caller


def network_not_allowed(path: str) -> Caller:
    return make_caller(path, allowed_networks=["192.0.2.0/24", "2001:db8::/32"])


def misspelt(path: str) -> Caller:
    """One changed letter, which the checksum reveals."""
    caller = make_caller(path)
    good = caller.issued.raw_secret
    raw_secret = good[:-1] + ("A" if good[-1] != "A" else "B")
    issued = credentials.IssuedSecret(credential=caller.issued.credential, raw_secret=raw_secret)
    return Caller(path, issued, make_header(path, issued))


def owner_inactive(path: str) -> Caller:
    owner = make_user()
    caller = make_caller(path, owner=owner)
    owner.is_active = False
    owner.save()
    return caller


def owner_deleted(path: str) -> Caller:
    owner = make_user()
    caller = make_caller(path, owner=owner)
    owner.delete()
    return caller


def owner_gone(path: str) -> Caller:
    """The owner was deleted in the database, past Django."""
    caller = make_caller(path, owner=make_user())
    Credential.objects.update(owner=None)
    return caller


FAULTS = [
    *(unknown, wrong_secret, misspelt, revoked, expired, rotated_without_overlap, compromised),
    *(overlap_is_over, organization_inactive, network_not_allowed, other_kind),
]
OF_USERS = [owner_inactive, owner_deleted, owner_gone]
CASES = [(path, fault) for path in PATHS for fault in FAULTS]
CASES += [("/v1/token", fault) for fault in OF_USERS]
TEXTS = {"/v1/token": "Invalid API Key", "/auth_token": "Client authentication failed."}


class TestIdenticalBytes:
    @pytest.mark.parametrize(("path", "fault"), CASES)
    def test_every_refused_credential_gets_the_answer_of_an_unknown_one(
        self, https_client, path, fault
    ):
        stranger = unknown(path)
        expected = https_client.post(path, headers=stranger.headers)
        assert assert_refused(expected, 401, "invalid_client") == TEXTS[path]
        caller = fault(path)
        before = stored_rows()
        response = https_client.post(path, headers=caller.headers)
        assert wire(response) == wire(expected)
        assert stored_rows() == before

    @pytest.mark.parametrize("fault", FAULTS)
    def test_delete_answers_the_same(self, https_client, fault):
        expected = https_client.post("/auth_token", headers=unknown("/auth_token").headers)
        caller = fault("/auth_token")
        before = stored_rows()
        response = https_client.delete("/auth_token", headers=caller.headers)
        assert wire(response) == wire(expected)
        assert stored_rows() == before

    @pytest.mark.parametrize(("path", "fault"), CASES)
    def test_a_malformed_body_does_not_change_that(self, https_client, path, fault):
        expected = https_client.post(path, headers=unknown(path).headers)
        caller = fault(path)
        response = https_client.post(path, b"[", "application/json", headers=caller.headers)
        assert wire(response) == wire(expected)

    def test_only_the_log_knows_the_reason(self, https_client, caplog):
        caller = revoked("/v1/token")
        https_client.post(caller.path, headers=caller.headers)
        record = next(each for each in caplog.records if "exchange.refused" in each.getMessage())
        assert record.event_fields["reason"] == "credential_revoked"
        assert record.event_fields["identifier"] == caller.issued.credential.identifier


class TestComingBack:
    """Temporary refusals end with their cause."""

    def test_an_organization_that_is_active_again(self, https_client, caller):
        Organization.objects.update(is_active=False)
        assert https_client.post(caller.path, headers=caller.headers).status_code == 401
        Organization.objects.update(is_active=True)
        assert https_client.post(caller.path, headers=caller.headers).status_code == 200

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize(
        ("address", "status"),
        [
            *(("192.0.2.1", 200), ("::ffff:192.0.2.1", 200), ("2001:db8::1", 200)),
            *(("192.0.3.1", 401), ("2001:db9::1", 401), ("", 401), ("unix:", 401)),
        ],
    )
    def test_only_from_an_allowed_network(self, https_client, path, address, status):
        caller = network_not_allowed(path)
        response = https_client.post(path, headers=caller.headers, REMOTE_ADDR=address)
        assert response.status_code == status

    @pytest.mark.parametrize("path", PATHS)
    def test_both_secrets_work_during_the_overlap(self, https_client, path):
        with time_machine.travel("2030-01-01T12:00Z", tick=False) as clock:
            caller = make_caller(path, organization=make_organization())
            new = credentials.rotate(
                caller.issued.credential, overlap=timedelta(minutes=5), act=Act(now=timezone.now())
            )
            new_headers = make_header(path, new)
            clock.shift(299.9)
            during = [https_client.post(path, headers=h) for h in (caller.headers, new_headers)]
            clock.shift(0.1)
            after = [https_client.post(path, headers=h) for h in (caller.headers, new_headers)]
        assert [response.status_code for response in during] == [200, 200]
        assert [response.status_code for response in after] == [401, 200]

    def test_a_token_of_a_users_key_ends_with_the_user(self, https_client):
        owner = make_user()
        key = make_api_key(owner=owner)
        assert https_client.post("/v1/token", headers=api_key_header(key)).status_code == 200
        owner.delete()
        key.credential.refresh_from_db()
        assert key.credential.revoked_at is not None
        assert key.credential.subject_type == "user"
