"""The command list_credentials."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.management.commands.conftest import NOW, run, text
from tests.support.factories import make_api_key, make_client_app, make_organization, make_user
from token_exchange.issuer.credentials import Act, revoke, rotate
from token_exchange.models import Credential

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

HOUR = timedelta(hours=1)


class TestListCredentials:
    @pytest.fixture
    def listed(self, clock):
        ours, theirs = make_organization(slug="ours"), make_organization(slug="theirs")
        user = make_user(username="owner")
        return {
            "active": make_api_key(name="Active", organization=ours, owner=user, scopes=["a"]),
            "rotating": make_client_app(name="Rotating", organization=ours),
            "expired": make_api_key(name="Expired", organization=theirs, expires_at=NOW + HOUR),
            "revoked": make_client_app(name="Revoked", organization=theirs),
        }

    @pytest.fixture(autouse=True)
    def _life(self, listed, clock):
        rotate(listed["rotating"].credential, overlap=2 * HOUR, act=Act(now=NOW))
        revoke(listed["revoked"].credential, act=Act(now=NOW, reason="Leaked."))
        clock.shift(HOUR)

    def names(self, *arguments: str) -> list[str]:
        return [each["name"] for each in run("list_credentials", *arguments)["credentials"]]

    def test_lists_all_the_oldest_first(self, listed):
        assert self.names() == ["Active", "Rotating", "Expired", "Revoked"]
        first = run("list_credentials")["credentials"][0]
        assert first["identifier"] == listed["active"].credential.identifier
        assert (first["owner"], first["organization"], first["scopes"]) == ("owner", "ours", ["a"])

    def test_can_be_filtered(self):
        assert self.names("--organization", "theirs") == ["Expired", "Revoked"]
        assert self.names("--kind", "api_key") == ["Active", "Expired"]
        for state in ("active", "rotating", "expired", "revoked"):
            assert self.names("--state", state) == [state.capitalize()]
        assert self.names("--organization", "ours", "--kind", "client_app") == ["Rotating"]
        assert self.names("--organization", "ours", "--state", "revoked") == []

    def test_finds_a_credential_by_each_of_its_states(self, listed):
        key = make_api_key(name="Both", expires_at=NOW + 3 * HOUR)
        rotate(key.credential, overlap=2 * HOUR, act=Act(now=NOW + HOUR))
        assert self.names("--state", "rotating") == ["Rotating", "Both"]
        assert self.names("--state", "expiring") == ["Both"]
        (facts,) = run("list_credentials", "--state", "expiring")["credentials"]
        assert (facts["state"], facts["states"]) == ("rotating", ["rotating", "expiring"])
        assert "rotating, expiring" in text("list_credentials", "--state", "expiring")

    def test_limit_shows_the_newest(self):
        assert self.names("--limit", "2") == ["Expired", "Revoked"]
        assert self.names("--limit", "2", "--kind", "api_key") == ["Active", "Expired"]
        assert self.names("--limit", "1", "--state", "active") == ["Active"]

    def test_shows_no_secret_and_no_digest(self, listed):
        shown = text("list_credentials") + repr(run("list_credentials"))
        digests = [
            digest
            for row in Credential.objects.values_list("secret_digest", "previous_secret_digest")
            for digest in row
            if digest is not None
        ]
        assert len(digests) == 5
        for secret in (*digests, *(issued.raw_secret for issued in listed.values())):
            assert secret not in shown

    def test_sends_one_query(self, django_assert_num_queries):
        with django_assert_num_queries(1):
            run("list_credentials")

    def test_prints_a_table(self, listed):
        lines = text("list_credentials", "--organization", "theirs").splitlines()
        assert " ".join(lines[0].split()) == (
            "identifier kind states organization name last used at expires at"
        )
        assert [line.split() for line in lines[1:]] == [
            [
                listed["expired"].credential.identifier,
                *("api_key", "expired", "theirs", "Expired", "-", "2026-01-01T01:00:00+00:00"),
            ],
            [
                listed["revoked"].credential.identifier,
                *("client_app", "revoked", "theirs", "Revoked", "-", "-"),
            ],
        ]

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (["--organization", "nobody"], "No organization has the slug 'nobody'."),
            (["--kind", "other"], "invalid choice: 'other'"),
            (["--limit", "0"], "'0' is not a whole number of at least 1"),
            (["--limit", "many"], "'many' is not a whole number of at least 1"),
            (["--state", "a\nb"], "invalid choice: 'a\\nb'"),
        ],
    )
    def test_refuses_invalid_arguments(self, error_of, arguments, expected):
        assert expected in error_of("list_credentials", *arguments)
