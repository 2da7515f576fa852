"""What happened, as lines of the log: one for each, under a name that does not change."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from tests.support.factories import make_api_key, make_organization, make_user
from tests.support.lifecycle import do_everything
from token_exchange.issuer import credentials, signing_keys
from token_exchange.issuer.credentials import Act
from token_exchange.models import AuditEvent, SigningKey

pytestmark = pytest.mark.django_db


@pytest.fixture
def did(https_client, django_capture_on_commit_callbacks):
    """Do everything, let it commit, and return the secrets."""

    def do(**values):
        with django_capture_on_commit_callbacks(execute=True):
            return do_everything(https_client, **values)

    return do


@pytest.fixture
def lines(caplog):
    """The records of our logger, from here on."""
    caplog.set_level(logging.DEBUG, "token_exchange")
    return lambda: [each for each in caplog.records if each.name == "token_exchange"]


@pytest.fixture
def happened(did, lines):
    """Everything, done by an administrator; the lines that came of it."""
    secrets = did(by=make_user(username="admin"))
    return secrets, lines()


class TestLines:
    def test_one_for_each_event_under_its_name(self, happened):
        events = [(each.event, each.levelname) for each in happened[1]]
        assert events == [
            # While it happened:
            ("token.issued", "INFO"),
            # After the commit:
            ("credential.issued", "INFO"),
            ("credential.issued", "INFO"),
            ("credential.rotated", "INFO"),
            ("credential.previous_secret_used", "WARNING"),
            ("credential.overlap_ended", "INFO"),
            ("credential.compromised", "WARNING"),
            ("credential.tokens_invalidated", "INFO"),
            ("token.revoked", "WARNING"),
            ("credential.changed", "INFO"),
            ("credential.revoked", "WARNING"),
            ("signing_key.removed", "WARNING"),
            ("signing_key.published", "INFO"),
        ]

    def test_who_did_it_is_in_each_that_a_person_does(self, happened):
        by = {each.event: each.event_fields.get("by") for each in happened[1]}
        nobodys = {
            "token.issued",
            "credential.previous_secret_used",
            "credential.tokens_invalidated",
        }
        assert {event for event, name in by.items() if name is None} == nobodys
        assert {name for event, name in by.items() if event not in nobodys} == {"admin"}

    def test_nobody_is_said_as_such(self, did, lines):
        did()
        assert {each.event_fields["by"] for each in lines() if "by" in each.event_fields} == {None}

    def test_no_secret_is_in_any_part_of_any_record(self, happened):
        secrets, records = happened
        assert len(secrets) == 8
        for record in records:
            whole = f"{record.getMessage()} {record.__dict__}"
            for secret in secrets:
                assert secret not in whole
                assert secret[-49:] not in whole

    def test_no_digest_and_no_private_key(self, did, lines):
        did()
        issued = make_api_key()
        key = SigningKey.objects.first()
        for record in lines():
            whole = f"{record.getMessage()} {record.__dict__}"
            assert issued.credential.secret_digest not in whole
            assert key.encrypted_private_key not in whole
            assert "digest" not in whole

    def test_each_says_which(self, happened):
        for record in happened[1]:
            assert {"identifier", "kid"} & set(record.event_fields), record.event


class TestFields:
    @pytest.fixture
    def line_of(self, lines, django_capture_on_commit_callbacks):
        def call(act):
            with django_capture_on_commit_callbacks(execute=True):
                act()
            return lines()[-1].event_fields

        return call

    def test_issued(self, line_of):
        organization, owner = make_organization(), make_user()
        fields = line_of(
            lambda: make_api_key(
                name="Nightly", organization=organization, owner=owner, scopes=["b", "a"]
            )
        )
        assert fields.pop("identifier").startswith("sk_live.")
        assert fields == {
            "name": "Nightly",
            "organization": str(organization.pk),
            "owner": str(owner.pk),
            "scopes": ["a", "b"],
            "by": None,
            "origin": None,
        }

    def test_issued_within_limits(self, line_of):
        expires_at = timezone.now() + timedelta(days=1)
        fields = line_of(
            lambda: make_api_key(
                audience=["https://api.test"],
                allowed_networks=["192.0.2.0/24"],
                token_lifetime=timedelta(minutes=5),
                expires_at=expires_at,
            )
        )
        limits = ("audience", "allowed_networks", "token_lifetime", "expires_at")
        assert [fields[each] for each in limits] == [
            ["https://api.test"],
            ["192.0.2.0/24"],
            "300 s",
            expires_at.isoformat(timespec="seconds"),
        ]

    def test_rotated(self, line_of):
        credential = make_api_key().credential
        fields = line_of(lambda: credentials.rotate(credential, act=Act(now=timezone.now())))
        assert fields == {
            "identifier": credential.identifier,
            "organization": str(credential.organization_id),
            "overlap_seconds": 86_400,
            "by": None,
            "origin": None,
        }

    def test_revoked(self, line_of):
        credential = make_api_key().credential
        fields = line_of(
            lambda: credentials.revoke(
                credential,
                act=Act(now=timezone.now(), origin="192.0.2.1", reason="Left the company"),
            )
        )
        assert fields == {
            "identifier": credential.identifier,
            "organization": str(credential.organization_id),
            "reason": "Left the company",
            "by": None,
            "origin": "192.0.2.1",
        }

    def test_owner_deleted(self, line_of):
        owner = make_user()
        credential = make_api_key(owner=owner).credential
        fields = line_of(owner.delete)
        assert fields["identifier"] == credential.identifier
        assert fields["reason"] == "The owner was deleted."

    def test_signing_key_published(self, line_of):
        fields = line_of(lambda: signing_keys.rotate_signing_key(act=Act(now=timezone.now())))
        key = SigningKey.objects.first()
        assert fields == {
            "kid": key.kid,
            "algorithm": "EdDSA",
            "signs_from": key.activates_at.isoformat(timespec="seconds"),
            "by": None,
            "origin": None,
        }

    def test_hostile_user_name_forges_no_line(self, line_of, lines):
        credential = make_api_key().credential
        operator = make_user(username="operator\ncredential.revoked identifier='sk_live.x'")
        line_of(lambda: credentials.revoke(credential, act=Act(now=timezone.now(), by=operator)))
        assert len(lines()[-1].getMessage().splitlines()) == 1

    def test_hostile_origin_forges_no_line_and_is_stored_everywhere(self, line_of, lines):
        credential = make_api_key().credential
        origin = "192.0.2.1\n\0credential.revoked" + "x" * 300
        line_of(lambda: credentials.revoke(credential, act=Act(now=timezone.now(), origin=origin)))
        assert len(lines()[-1].getMessage().splitlines()) == 1
        assert AuditEvent.objects.latest("pk").origin == f"192.0.2.1??credential.revoked{'x' * 226}"

    def test_names_are_plain_strings(self, line_of, lines):
        """Which any formatter writes as what they are."""
        line_of(make_api_key)
        assert type(lines()[-1].event) is str

    def test_what_is_rolled_back_is_not_logged(self, lines, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
            make_api_key()
            transaction.set_rollback(True)
        assert lines() == []
