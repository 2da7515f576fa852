"""The commands rotate_credential and revoke_credential."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.management.commands.conftest import NOW, run, text
from tests.support.authentication import authenticate_client_app
from tests.support.factories import make_api_key, make_client_app, make_organization, works
from token_exchange.issuer.credentials import Act, revoke, rotate
from token_exchange.models import AuditEvent, Credential, Revocation

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

HOUR = timedelta(hours=1)
IN_HISTORY = "The secret may be in your shell's history now: if others can read that, rotate it."


class TestRotateCredential:
    def test_prints_a_key_and_the_previous_one_keeps_working(self):
        issued = make_api_key()
        answer = run("rotate_credential", issued.credential.identifier, "--overlap", "24h")
        assert answer["identifier"] == issued.credential.identifier
        assert answer["previous_secret_expires_at"] == "2026-01-02T00:00:00+00:00"
        assert answer["state"] == "rotating"
        assert (works(issued.raw_secret), works(answer["key"])) == (True, True)

    def test_prints_a_client_secret_that_works(self):
        issued = make_client_app()
        answer = run("rotate_credential", issued.credential.identifier)
        assert answer["client_id"] == issued.credential.identifier
        assert answer["previous_secret_expires_at"] == "2026-01-02T00:00:00+00:00"
        assert authenticate_client_app(
            answer["client_id"], answer["client_secret"], address="", now=NOW
        )

    def test_without_overlap_stops_the_previous_key(self):
        issued = make_api_key()
        answer = run("rotate_credential", issued.credential.identifier, "--overlap", "0")
        assert answer["previous_secret_expires_at"] is None
        assert (works(issued.raw_secret), works(answer["key"])) == (False, True)
        issued.credential.refresh_from_db()
        assert issued.credential.generation == 1

    def test_compromised_revokes_the_tokens_too(self):
        issued = make_api_key()
        answer = run("rotate_credential", issued.credential.identifier, "--compromised")
        assert answer["previous_secret_expires_at"] is None
        assert (works(issued.raw_secret), works(answer["key"])) == (False, True)
        issued.credential.refresh_from_db()
        assert issued.credential.generation == 2

    def test_is_refused_during_an_overlap(self, error_of, clock):
        issued = make_api_key()
        identifier = issued.credential.identifier
        run("rotate_credential", identifier, "--overlap", "1h")
        assert error_of("rotate_credential", identifier) == (
            "The previous secret works until 2026-01-01 01:00:00 UTC. End the overlap first "
            "(rotate_credential ID --end-overlap), or rotate as compromised (--compromised)."
        )
        clock.shift(HOUR)
        assert run("rotate_credential", identifier)["state"] == "rotating"

    def test_compromised_stops_both_secrets_during_an_overlap(self):
        issued = make_api_key()
        identifier = issued.credential.identifier
        second = run("rotate_credential", identifier)
        third = run("rotate_credential", identifier, "--compromised")
        assert [works(key) for key in (issued.raw_secret, second["key"], third["key"])] == [
            *(False, False, True)
        ]

    def test_prints_the_key_and_when_the_previous_one_expires(self):
        issued = make_api_key(name="Export", organization=make_organization(slug="example"))
        shown = text("rotate_credential", issued.credential.identifier, "--overlap", "1h")
        assert "previous secret expires at:  2026-01-01T01:00:00+00:00\n" in shown
        assert f"identifier:                  {issued.credential.identifier}\n" in shown
        assert "It cannot be shown again." in shown

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (
                ["--overlap", "745h"],
                "The overlap must be between 0 and 2592000 seconds.",
            ),
            (["--overlap", f"{10**12}d"], "--overlap: '1000000000000d' is not a duration"),
            (["--overlap", "-1"], "--overlap: '-1' is not a duration"),
            (["--overlap"], "--overlap: expected one argument"),
            (["--overlap", "1h", "--compromised"], "not allowed with argument"),
            (["--overlap", "1h", "--end-overlap"], "not allowed with argument"),
            (["--compromised", "--end-overlap"], "not allowed with argument"),
            (["--nonsense"], "unrecognized arguments: --nonsense"),
        ],
    )
    def test_refuses_invalid_arguments(self, error_of, arguments, expected):
        issued = make_api_key()
        assert expected in error_of("rotate_credential", issued.credential.identifier, *arguments)

    @pytest.mark.parametrize("compromised", [[], ["--compromised"]])
    def test_refuses_a_revoked_or_expired_credential(self, error_of, compromised):
        revoked, expired = make_api_key().credential, make_api_key().credential
        revoke(revoked, act=Act(now=NOW))
        Credential.objects.filter(pk=expired.pk).update(expires_at=NOW)
        for credential in (revoked, expired):
            assert error_of("rotate_credential", credential.identifier, *compromised) == (
                "The credential is revoked or expired. Issue a new one."
            )


class TestEndOverlap:
    @pytest.mark.parametrize("make", [make_api_key, make_client_app])
    def test_stops_the_previous_secret_and_issues_no_new_one(self, make):
        credential = make().credential
        rotate(credential, overlap=HOUR, act=Act(now=NOW))
        digest = credential.secret_digest
        answer = run("rotate_credential", credential.identifier, "--end-overlap")
        assert answer["identifier"] == credential.identifier
        assert answer["previous_secret_expires_at"] is None
        assert answer.keys() & {"key", "client_secret"} == set()
        assert answer.get("client_id", credential.identifier) == credential.identifier
        credential.refresh_from_db()
        assert (credential.secret_digest, credential.previous_secret_digest) == (digest, None)

    def test_keeps_the_current_secret(self):
        issued = make_api_key()
        current = rotate(issued.credential, overlap=HOUR, act=Act(now=NOW))
        run("rotate_credential", issued.credential.identifier, "--end-overlap")
        assert (works(issued.raw_secret), works(current.raw_secret)) == (False, True)

    def test_prints_a_sentence(self):
        credential = make_api_key().credential
        rotate(credential, overlap=HOUR, act=Act(now=NOW))
        assert text("rotate_credential", credential.identifier, "--end-overlap") == (
            f"Stopped the previous secret of {credential.identifier}. "
            "The current one keeps working.\n"
        )

    @pytest.mark.parametrize("hours", [None, 1])
    def test_is_refused_without_an_active_previous_secret(self, error_of, clock, hours):
        credential = make_api_key().credential
        if hours is not None:
            rotate(credential, overlap=hours * HOUR, act=Act(now=NOW))
            clock.shift(hours * HOUR)
        assert error_of("rotate_credential", credential.identifier, "--end-overlap") == (
            "There is no overlap to end: the credential has no active previous secret."
        )


class TestRevokeCredential:
    @pytest.mark.parametrize("make", [make_api_key, make_client_app])
    def test_revokes_the_credential(self, make):
        credential = make().credential
        answer = run("revoke_credential", credential.identifier, "--reason", "Left the company.")
        assert answer["identifier"] == credential.identifier
        assert answer["state"] == "revoked"
        assert answer["revoked_at"] == "2026-01-01T00:00:00+00:00"
        credential.refresh_from_db()
        assert credential.revocation_reason == "Left the company."
        assert credential.revoked_at == NOW

    def test_prints_a_sentence(self):
        credential = make_api_key().credential
        assert text("revoke_credential", credential.identifier) == (
            f"Revoked {credential.identifier} and its tokens.\n"
        )

    def test_says_the_second_time_that_it_was_done_before(self, clock):
        identifier = make_api_key().credential.identifier
        answer = run("revoke_credential", identifier, "--reason", "Left the company.")
        assert answer["was_revoked_before"] is False
        clock.shift(HOUR)
        before = [list(model.objects.values()) for model in (Credential, AuditEvent, Revocation)]
        answer = run("revoke_credential", identifier, "--reason", "Again.")
        assert answer["was_revoked_before"] is True
        assert answer["revocation_reason"] == "Left the company."
        assert text("revoke_credential", identifier) == (
            f"{identifier} was already revoked at 2026-01-01T00:00:00+00:00.\n"
        )
        after = [list(model.objects.values()) for model in (Credential, AuditEvent, Revocation)]
        assert after == before

    @pytest.mark.parametrize("reason", ["a\x00", "a\nb", "\ud800"])
    def test_refuses_a_reason_of_more_than_one_line(self, error_of, reason):
        identifier = make_api_key().credential.identifier
        assert error_of("revoke_credential", identifier, "--reason", reason) == (
            "Control characters are not allowed."
        )

    def test_refuses_a_reason_that_is_too_long(self, error_of):
        identifier = make_api_key().credential.identifier
        assert "at most 255 characters" in error_of(
            "revoke_credential", identifier, "--reason", "x" * 256
        )


@pytest.mark.parametrize("command", ["rotate_credential", "revoke_credential"])
class TestUnknownIdentifier:
    @pytest.mark.parametrize("identifier", ["", "sk_live.x", "\x00", "a\nb", "\ud800", "x" * 9999])
    def test_is_refused(self, error_of, command, identifier):
        make_api_key()
        assert error_of(command, identifier) == (
            "No credential has this identifier. List them all with list_credentials."
        )

    @pytest.mark.parametrize("end", [None, -1, -48])
    def test_is_refused_without_quoting_a_pasted_key(self, error_of, command, end):
        """What is printed on stderr often ends up in a log."""
        issued = make_api_key()
        assert error_of(command, issued.raw_secret[:end]) == (
            f"That is a secret. Use its ID, {issued.credential.identifier}. {IN_HISTORY}"
        )

    def test_is_refused_without_quoting_a_pasted_client_secret(self, error_of, command):
        issued = make_client_app()
        begin = issued.credential.identifier[:-6]
        assert error_of(command, issued.raw_secret) == (
            "That is a secret. Use its client_id, which list_credentials shows and which starts "
            f"with {begin}. {IN_HISTORY}"
        )

    def test_does_not_recognise_secrets_of_other_services(self, error_of, command):
        secret = make_api_key().raw_secret.replace("sk_live", "sk_elsewhere")
        assert error_of(command, secret) == (
            "No credential has this identifier. List them all with list_credentials."
        )

    def test_is_refused_if_it_is_missing(self, error_of, command):
        assert error_of(command) == "Error: the following arguments are required: ID"
