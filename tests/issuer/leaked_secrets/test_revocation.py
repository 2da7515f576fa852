"""Reported secrets: which of them revoke a credential, and which revoke nothing."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.issuer.leaked_secrets.conftest import ADDRESS, NOW, report, revoked_credentials
from tests.self_service.members import make_member
from tests.support.factories import (
    api_key_header,
    is_good,
    make_api_key,
    make_client_app,
    make_organization,
    works,
)
from token_exchange.issuer import credentials, leaked_secrets
from token_exchange.issuer.credentials import Act
from token_exchange.models import AuditEvent, Credential
from token_exchange.signals import credential_leaked
from token_exchange_core.secret_strings import make_client_id, make_identifier, make_secret

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_clock")]


class TestFullSecret:
    def test_current_secret_revokes_its_credential(self, send, issued):
        other = make_api_key()
        assert send(issued.raw_secret).status_code == 202
        assert revoked_credentials() == [issued.credential.pk]
        assert works(other.raw_secret)

    def test_previous_secret_revokes_during_the_overlap(self, send, issued):
        credentials.rotate(issued.credential, overlap=HOUR, act=Act(now=NOW))
        send(issued.raw_secret)
        assert revoked_credentials() == [issued.credential.pk]

    def test_previous_secret_revokes_nothing_after_the_overlap(self, send, issued):
        credentials.rotate(issued.credential, overlap=HOUR, act=Act(now=NOW - HOUR))
        send(issued.raw_secret)
        assert revoked_credentials() == []

    def test_new_secret_revokes_during_the_overlap(self, send, issued):
        new = credentials.rotate(issued.credential, overlap=HOUR, act=Act(now=NOW))
        send(new.raw_secret)
        assert revoked_credentials() == [issued.credential.pk]

    def test_secret_rotated_as_compromised_revokes_nothing(self, send, issued):
        credentials.rotate(issued.credential, compromised=True, act=Act(now=NOW))
        send(issued.raw_secret)
        assert revoked_credentials() == []

    def test_expired_credential_is_revoked(self, send):
        key = make_api_key(now=NOW - DAY, expires_at=NOW - HOUR)
        send(key.raw_secret)
        assert revoked_credentials() == [key.credential.pk]

    def test_credential_of_an_inactive_organization_is_revoked(self, send):
        key = make_api_key(organization=make_organization(is_active=False))
        send(key.raw_secret)
        assert revoked_credentials() == [key.credential.pk]

    def test_tokens_are_revoked_as_well(self, send, https_client):
        key = make_api_key()
        token = https_client.post("/v1/token", headers=api_key_header(key)).json()["access_token"]
        send(key.raw_secret)
        assert not is_good(token)

    def test_white_space_around_a_secret_is_ignored(self, send, issued):
        send(f"\t {issued.raw_secret}\r\n")
        assert revoked_credentials() == [issued.credential.pk]

    def test_each_of_many_secrets_revokes_its_credential(self, send):
        organization = make_organization()
        every = [
            make(organization=organization)
            for make in (make_api_key, make_client_app)
            for _ in range(5)
        ]
        send(*(each.raw_secret for each in every[::-1]), "x", every[0].raw_secret)
        assert revoked_credentials() == [each.credential.pk for each in every]

    def test_secret_reported_twice_revokes_once(self, send, issued, hear):
        said = hear(credential_leaked)
        send(issued.raw_secret, issued.raw_secret)
        send(issued.raw_secret)
        assert len(said) == AuditEvent.objects.filter(event="credential.revoked").count() == 1


class TestOtherStrings:
    def spoil(self, issued):
        """Strings that each differ from the secret in one part."""
        raw, identifier = issued.raw_secret, issued.credential.identifier
        other = make_api_key()
        same_id = make_secret(raw.rpartition(".")[0])
        return {
            "identifier": identifier,
            "identifier and nothing": f"{raw.rpartition('.')[0]}.",
            "another secret of the same id": same_id.raw_secret,
            "no checksum": raw[:-6],
            "wrong checksum": raw[:-1] + ("A" if raw[-1] != "A" else "B"),
            "other case": raw.swapcase(),
            "digest": issued.credential.secret_digest,
            "id of another": other.raw_secret[:20] + raw[20:],
            "longer": raw + "A",
            "a line that has it": f"KEY={raw}",
            "another environment": raw.replace("_live", "_test"),
            "a kind that is not": raw.replace("cs_", "sk_").replace("sk_", "ci_"),
        }

    def test_string_that_is_no_full_secret_revokes_nothing(self, send, issued):
        for name, string in self.spoil(issued).items():
            assert send(string).content == b"{}", name
            assert revoked_credentials() == [], name

    def test_token_revokes_nothing(self, send, https_client):
        key = make_api_key()
        token = https_client.post("/v1/token", headers=api_key_header(key)).json()["access_token"]
        send(token)
        assert revoked_credentials() == []
        assert is_good(token)

    def test_secret_of_another_kind_revokes_nothing(self, send, monkeypatch):
        """Only an edit of the database by hand makes such a row."""
        key = make_api_key()
        Credential.objects.filter(pk=key.credential.pk).update(kind="client_app")
        send(key.raw_secret)
        assert revoked_credentials() == []


class TestAnswer:
    def test_answer_is_the_same_whatever_was_sent(self, send, issued):
        strings = [
            issued.raw_secret,
            issued.raw_secret,
            issued.credential.identifier,
            make_secret(make_identifier("sk_live")).raw_secret,
            make_client_id("ci_live"),
            "",
            "\x00",
            "é" * 512,
        ]
        answers = [send(each) for each in strings] + [send()]
        assert {(each.status_code, each.content) for each in answers} == {(202, b"{}")}
        assert len({tuple(sorted(each.items())) for each in answers}) == 1
        assert answers[0]["Cache-Control"] == "no-store, private, max-age=0"
        assert answers[0]["Content-Type"] == "application/json"


def queries(act):
    with CaptureQueriesContext(connection) as captured:
        act()
    return [query["sql"].split()[0] for query in captured]


class TestQueries:
    """A known identifier takes as many queries as an unknown one, however many are sent."""

    def test_report_without_a_match_takes_one_select(self, send):
        stale = make_api_key()
        credentials.rotate(stale.credential, compromised=True, act=Act(now=NOW))
        gone = make_api_key()
        credentials.revoke(gone.credential, act=Act(now=NOW))
        unknown = make_secret(make_identifier("sk_live"))
        app = make_secret(make_identifier("cs_live"))
        for each in (stale, gone, unknown, app):
            assert queries(lambda each=each: send(each.raw_secret)) == ["SELECT"]
        many = [make_secret(make_identifier("sk_live")).raw_secret for _ in range(98)]
        assert queries(lambda: send(*many, stale.raw_secret, gone.raw_secret)) == ["SELECT"]

    def test_query_has_the_identifiers_alone(self, send):
        key = make_api_key()
        credentials.rotate(key.credential, compromised=True, act=Act(now=NOW))
        with CaptureQueriesContext(connection) as captured:
            send(key.raw_secret)
        (query,) = captured
        assert f"IN ('{key.credential.identifier}')" in query["sql"]
        assert key.raw_secret[-49:] not in query["sql"]

    @pytest.mark.parametrize("strings", [[], ["x"], ["x"] * 100, ["sk_live.0123456789AB.x"]])
    def test_strings_that_cannot_be_secrets_take_no_query(self, send, strings):
        assert queries(lambda: send(*strings)) == []


class TestRace:
    def test_secret_replaced_after_the_read_revokes_nothing(self, https_client):
        """The owner rotates the key as compromised between the read and the lock."""
        key = make_api_key()
        new = []

        def rotate_after_the_read(execute, sql, *arguments):
            result = execute(sql, *arguments)
            if not new and sql.startswith("SELECT"):
                new.append(None)
                owner_sees = Credential.objects.get(pk=key.credential.pk)
                new.append(credentials.rotate(owner_sees, compromised=True, act=Act(now=NOW)))
            return result

        with connection.execute_wrapper(rotate_after_the_read):
            assert report(https_client, key.raw_secret).content == b"{}"
        assert revoked_credentials() == []
        assert works(new[1].raw_secret)
        assert not AuditEvent.objects.filter(event="credential.revoked").exists()

    def test_only_one_of_two_reports_revokes(self, https_client, hear):
        key = make_api_key()
        others = []

        def report_after_the_read(execute, sql, *arguments):
            result = execute(sql, *arguments)
            if not others and sql.startswith("SELECT"):
                others.append(None)
                others.append(
                    leaked_secrets.revoke_leaked(
                        leaked_secrets.parse_reported([key.raw_secret]), now=NOW, origin="another"
                    )
                )
            return result

        with connection.execute_wrapper(report_after_the_read):
            assert report(https_client, key.raw_secret).content == b"{}"
        assert [each.pk for each in others[1]] == revoked_credentials() == [key.credential.pk]
        assert AuditEvent.objects.get(event="credential.revoked").origin == "another"


def test_body_is_read_as_json_whatever_its_content_type(send, issued):
    """As ``curl -d`` sends it."""
    send(
        body=json.dumps([issued.raw_secret]),
        content_type="application/x-www-form-urlencoded",
    )
    assert revoked_credentials() == [issued.credential.pk]


class TestDescendants:
    """What was created or rotated with a leaked key stops working as well."""

    def test_are_ended(self, send, https_client):
        member = make_member(https_client)
        created = member.create().json()
        key = member.add_key(scopes=["reports:read"]).credential
        rotated = member.rotate(key.identifier, overlap=0).json()
        send(member.issued.raw_secret)
        assert (works(created["api_key"]), works(rotated["api_key"])) == (False, False)
        key.refresh_from_db()
        assert key.revoked_at is None
        event = AuditEvent.objects.filter(target=created["id"]).latest("pk")
        assert (event.event, event.origin) == ("credential.revoked", ADDRESS)

    def test_are_ended_by_the_next_report_if_the_first_failed(self, send, https_client):
        """As after a report that was cut off between the two."""
        member = make_member(https_client)
        created = member.create().json()
        cause = Credential.RevocationCause.LEAK
        credentials.revoke(member.issued.credential, cause=cause, keep_descendants=True)
        send(member.issued.raw_secret)
        assert not works(created["api_key"])

    def test_are_kept_where_an_operator_kept_them(self, send, https_client):
        member = make_member(https_client)
        created = member.create().json()
        credentials.revoke(member.issued.credential, keep_descendants=True)
        send(member.issued.raw_secret)
        assert works(created["api_key"])


def test_secret_that_was_replaced_since_it_was_read_ends_no_descendant(https_client):
    """The owner was faster, and kept what was created with the key."""
    member = make_member(https_client)
    child = member.create().json()
    parent = member.issued
    candidates = leaked_secrets.parse_reported([parent.raw_secret])
    rows = Credential.objects.filter(pk=parent.credential.pk)
    left = ["the first write"]

    def rotate_first(execute, sql, *arguments):
        if left and sql.startswith("UPDATE"):
            left.clear()
            act = Act(now=NOW)
            credentials.rotate(rows.get(), compromised=True, keep_descendants=True, act=act)
        return execute(sql, *arguments)

    with connection.execute_wrapper(rotate_first):
        revoked = leaked_secrets.revoke_leaked(candidates, now=NOW, origin=ADDRESS)
    assert revoked == []
    assert rows.get().revoked_at is None
    assert works(child["api_key"])
