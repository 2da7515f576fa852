"""Commands that revoke a credential, or rotate a leaked one, and what was created with it."""

from __future__ import annotations

import pytest

from tests.management.commands.conftest import run, text
from tests.self_service.members import make_member
from tests.support.factories import make_api_key, works
from token_exchange.models import Credential

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

ENDING = [
    pytest.param(["revoke_credential"], id="revoke"),
    pytest.param(["rotate_credential", "--compromised"], id="compromised"),
]


@pytest.fixture
def member(https_client):
    return make_member(https_client)


@pytest.fixture
def parent(member):
    return member.issued.credential.identifier


@pytest.fixture
def created(member):
    return member.create().json()


@pytest.fixture
def rotated(member):
    key = member.add_key(scopes=["reports:read"]).credential
    return member.rotate(key.identifier, overlap=0).json()


class TestDefault:
    @pytest.mark.parametrize("command", ENDING)
    def test_ends_and_lists_what_was_created_or_rotated(self, command, parent, created, rotated):
        answer = run(*command, parent)
        assert answer["also_revoked"] == [created["id"]]
        (other,) = answer["also_rotated"]
        assert other["identifier"] == rotated["id"]
        assert [works(key) for key in (created["api_key"], rotated["api_key"], other["key"])] == [
            *(False, False, True)
        ]
        assert Credential.objects.get(identifier=created["id"]).revoked_at is not None

    def test_text_names_each(self, parent, created, rotated):
        lines = text("revoke_credential", parent).splitlines()
        assert lines[:2] == [
            f"Revoked {parent} and its tokens.",
            f"Also revoked {created['id']}, which was created with it.",
        ]
        start = f"Also rotated {rotated['id']}, which was rotated with it. New secret: "
        assert works(lines[2].removeprefix(start))

    @pytest.mark.parametrize("command", ENDING)
    def test_answer_without_any_has_no_more_members(self, command):
        answer = run(*command, make_api_key().credential.identifier)
        assert answer.keys().isdisjoint({"also_revoked", "also_rotated", "kept"})


class TestKeepDescendants:
    @pytest.mark.parametrize("command", ENDING)
    def test_keeps_and_lists_them(self, command, parent, created, rotated):
        answer = run(*command, parent, "--keep-descendants")
        assert set(answer["kept"]) == {created["id"], rotated["id"]}
        assert "also_revoked" not in answer
        assert (works(created["api_key"]), works(rotated["api_key"])) == (True, True)

    def test_text_names_each(self, parent, created):
        shown = text("rotate_credential", parent, "--compromised", "--keep-descendants")
        assert shown.endswith(f"\nKept {created['id']}, which was created or rotated with it.\n")

    def test_answer_without_any_has_no_more_members(self):
        answer = run("revoke_credential", make_api_key().credential.identifier)
        assert "kept" not in answer

    @pytest.mark.parametrize("arguments", [[], ["--overlap", "1h"], ["--end-overlap"]])
    def test_needs_a_compromise(self, error_of, parent, arguments):
        command = ["rotate_credential", parent, "--keep-descendants", *arguments]
        assert error_of(*command) == "--keep-descendants needs --compromised."


class TestRevokedBefore:
    def test_what_was_kept_is_ended_later(self, parent, created):
        run("revoke_credential", parent, "--keep-descendants", "--reason", "Old")
        answer = run("revoke_credential", parent)
        assert answer["also_revoked"] == [created["id"]]
        assert answer["revocation_reason"] == "Old"
        assert not works(created["api_key"])

    def test_text_says_that_it_was_revoked_before(self, parent, created):
        answer = run("revoke_credential", parent, "--keep-descendants")
        assert text("revoke_credential", parent).splitlines() == [
            f"{parent} was already revoked at {answer['revoked_at']}.",
            f"Also revoked {created['id']}, which was created with it.",
        ]
