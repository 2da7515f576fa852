from __future__ import annotations

from datetime import timedelta

import pytest

from tests.management.commands.conftest import NOW, run, text
from tests.support.factories import make_api_key, make_client_app, make_organization, works
from token_exchange.issuer.credentials import Act, authenticate_client_app, revoke, rotate
from token_exchange.models import Credential

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

HOUR = timedelta(hours=1)


class TestRotateCredential:
    def test_prints_a_key_that_works_beside_the_old_one(self):
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

    def test_ends_the_old_one_at_once_where_asked(self):
        issued = make_api_key()
        answer = run("rotate_credential", issued.credential.identifier, "--overlap", "0")
        assert answer["previous_secret_expires_at"] is None
        assert (works(issued.raw_secret), works(answer["key"])) == (False, True)
        issued.credential.refresh_from_db()
        assert issued.credential.generation == 1

    def test_ends_the_tokens_too_after_a_compromise(self):
        issued = make_api_key()
        answer = run("rotate_credential", issued.credential.identifier, "--compromised")
        assert answer["previous_secret_expires_at"] is None
        assert (works(issued.raw_secret), works(answer["key"])) == (False, True)
        issued.credential.refresh_from_db()
        assert issued.credential.generation == 2

    def test_is_refused_while_an_overlap_lives(self, complaint, clock):
        issued = make_api_key()
        identifier = issued.credential.identifier
        run("rotate_credential", identifier, "--overlap", "1h")
        assert complaint("rotate_credential", identifier) == (
            "The previous secret works until 2026-01-01 01:00:00 UTC. End the overlap first "
            "(rotate_credential ID --end-overlap), or rotate as compromised (--compromised)."
        )
        clock.shift(HOUR)
        assert run("rotate_credential", identifier)["state"] == "rotating"

    def test_ends_both_secrets_after_a_compromise_while_an_overlap_lives(self):
        issued = make_api_key()
        identifier = issued.credential.identifier
        second = run("rotate_credential", identifier)
        third = run("rotate_credential", identifier, "--compromised")
        assert [works(key) for key in (issued.raw_secret, second["key"], third["key"])] == [
            *(False, False, True)
        ]

    def test_shows_people_the_key_and_until_when_the_old_one_works(self):
        issued = make_api_key(name="Export", organization=make_organization(slug="example"))
        shown = text("rotate_credential", issued.credential.identifier, "--overlap", "1h")
        assert "previous secret works until: 2026-01-01T01:00:00+00:00\n" in shown
        assert f"identifier:                  {issued.credential.identifier}\n" in shown
        assert "nobody can show it again" in shown

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (
                ["--overlap", "745h"],
                "--overlap: 745 hours is more than 30 days (2592000 seconds), which TOKEN_EXCHANGE",
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
    def test_refuses_what_cannot_be(self, complaint, arguments, expected):
        issued = make_api_key()
        assert expected in complaint("rotate_credential", issued.credential.identifier, *arguments)

    @pytest.mark.parametrize("compromised", [[], ["--compromised"]])
    def test_refuses_what_has_ended(self, complaint, compromised):
        revoked, expired = make_api_key().credential, make_api_key().credential
        revoke(revoked, act=Act(now=NOW))
        Credential.objects.filter(pk=expired.pk).update(expires_at=NOW)
        for credential in (revoked, expired):
            assert complaint("rotate_credential", credential.identifier, *compromised) == (
                "The credential is revoked or expired. Issue a new one."
            )


class TestEndOverlap:
    @pytest.mark.parametrize("make", [make_api_key, make_client_app])
    def test_ends_the_previous_secret_and_gives_no_new_one(self, make):
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

    def test_leaves_the_current_secret_alone(self):
        issued = make_api_key()
        current = rotate(issued.credential, overlap=HOUR, act=Act(now=NOW))
        run("rotate_credential", issued.credential.identifier, "--end-overlap")
        assert (works(issued.raw_secret), works(current.raw_secret)) == (False, True)

    def test_tells_people(self):
        credential = make_api_key().credential
        rotate(credential, overlap=HOUR, act=Act(now=NOW))
        assert text("rotate_credential", credential.identifier, "--end-overlap") == (
            f"Ended the previous secret of {credential.identifier}; the current one works on.\n"
        )

    @pytest.mark.parametrize("hours", [None, 1])
    def test_is_refused_without_an_overlap_that_lives(self, complaint, clock, hours):
        credential = make_api_key().credential
        if hours is not None:
            rotate(credential, overlap=hours * HOUR, act=Act(now=NOW))
            clock.shift(hours * HOUR)
        assert complaint("rotate_credential", credential.identifier, "--end-overlap") == (
            "There is no overlap to end: no previous secret works any more."
        )


class TestRevokeCredential:
    @pytest.mark.parametrize("make", [make_api_key, make_client_app])
    def test_ends_it_for_good(self, make):
        credential = make().credential
        answer = run("revoke_credential", credential.identifier, "--reason", "Left the company.")
        assert answer["identifier"] == credential.identifier
        assert answer["state"] == "revoked"
        assert answer["revoked_at"] == "2026-01-01T00:00:00+00:00"
        credential.refresh_from_db()
        assert credential.revocation_reason == "Left the company."
        assert credential.revoked_at == NOW

    def test_tells_people(self):
        credential = make_api_key().credential
        assert text("revoke_credential", credential.identifier) == (
            f"Revoked {credential.identifier}; its tokens are refused as well.\n"
        )

    def test_is_refused_the_second_time(self, complaint, clock):
        identifier = make_api_key().credential.identifier
        run("revoke_credential", identifier, "--reason", "Left the company.")
        clock.shift(HOUR)
        assert complaint("revoke_credential", identifier, "--reason", "Again.") == (
            "The credential was already revoked at 2026-01-01T00:00:00+00:00, "
            "with the reason 'Left the company.'."
        )

    def test_is_refused_the_second_time_where_nobody_said_why(self, complaint):
        identifier = make_api_key().credential.identifier
        run("revoke_credential", identifier)
        assert complaint("revoke_credential", identifier) == (
            "The credential was already revoked at 2026-01-01T00:00:00+00:00, without a reason."
        )

    @pytest.mark.parametrize("reason", ["a\x00", "a\nb", "\ud800"])
    def test_refuses_a_reason_of_more_than_a_line(self, complaint, reason):
        identifier = make_api_key().credential.identifier
        assert complaint("revoke_credential", identifier, "--reason", reason) == (
            "Control characters are not allowed."
        )

    def test_refuses_a_reason_that_is_too_long(self, complaint):
        identifier = make_api_key().credential.identifier
        assert "at most 255 characters" in complaint(
            "revoke_credential", identifier, "--reason", "x" * 256
        )


@pytest.mark.parametrize("command", ["rotate_credential", "revoke_credential"])
class TestIdentifierOfNothing:
    @pytest.mark.parametrize("identifier", ["", "sk_live.x", "\x00", "a\nb", "\ud800", "x" * 9999])
    def test_is_refused(self, complaint, command, identifier):
        make_api_key()
        assert complaint(command, identifier) == (
            "There is no credential with this identifier; list_credentials shows all."
        )

    @pytest.mark.parametrize("end", [None, -1, -48])
    def test_is_refused_without_repeating_a_key_that_was_pasted(self, complaint, command, end):
        """What is printed on stderr often ends in somebody's log."""
        issued = make_api_key()
        assert complaint(command, issued.raw_secret[:end]) == (
            f"That is a whole secret; its ID is {issued.credential.identifier}, "
            "and it may now stand in your shell's history."
        )

    def test_is_refused_without_repeating_a_client_secret_that_was_pasted(self, complaint, command):
        issued = make_client_app()
        begin = issued.credential.identifier[:-6]
        assert complaint(command, issued.raw_secret) == (
            f"That is a whole secret; its client_id begins with {begin} (list_credentials shows "
            "it), and it may now stand in your shell's history."
        )

    def test_says_nothing_of_a_secret_that_is_not_ours(self, complaint, command):
        secret = make_api_key().raw_secret.replace("sk_live", "sk_elsewhere")
        assert complaint(command, secret) == (
            "There is no credential with this identifier; list_credentials shows all."
        )

    def test_is_refused_if_there_is_none(self, complaint, command):
        assert complaint(command) == "Error: the following arguments are required: ID"
