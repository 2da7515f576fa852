"""Signals: sent after the commit, with the documented arguments; failing receivers are harmless."""

from __future__ import annotations

import ast
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from tests.support.factories import api_key_header, make_api_key, make_user
from tests.support.lifecycle import BY_ITSELF, HOUR, NAMES, do_everything, let_happen
from token_exchange import signals
from token_exchange.issuer import credentials
from token_exchange.models import Credential

pytestmark = pytest.mark.django_db


@pytest.fixture
def did(https_client, django_capture_on_commit_callbacks):
    """Do everything, let it commit, and return the secrets."""

    def do(**values: Any) -> list[str]:
        with django_capture_on_commit_callbacks(execute=True):
            return do_everything(https_client, **values)

    return do


@pytest.fixture
def happened(https_client, django_capture_on_commit_callbacks):
    """Let happen what happens by itself, let it commit, and return the secrets."""

    def happen() -> list[str]:
        with django_capture_on_commit_callbacks(execute=True):
            return let_happen(https_client)

    return happen


@pytest.fixture
def heard(hear):
    """What each signal says from here on of what somebody does."""
    return {name: hear(getattr(signals, name)) for name in NAMES}


@pytest.fixture
def heard_of(hear):
    """What each says of what happens by itself."""
    return {name: hear(getattr(signals, name)) for name in BY_ITSELF}


class TestEverySignal:
    def test_is_named_here(self):
        found = {name for name, each in vars(signals).items() if isinstance(each, signals.Signal)}
        assert found == {*NAMES, *BY_ITSELF}

    def test_is_sent_for_what_it_is_for(self, heard, did):
        did(by=make_user(username="admin"))
        assert {name: len(said) for name, said in heard.items()} == {
            "credential_issued": 2,
            "credential_changed": 1,
            "credential_rotated": 2,
            "credential_overlap_ended": 1,
            "credential_revoked": 1,
            "credential_tokens_invalidated": 1,
            "previous_secret_used": 1,
            "access_token_revoked": 1,
            "signing_key_published": 1,
            "signing_key_removed": 1,
        }

    def test_is_sent_for_what_happens_by_itself(self, heard_of, happened):
        happened()
        assert {name: len(said) for name, said in heard_of.items()} == {
            "credential_expiring": 1,
            "previous_secret_still_used": 1,
            "credential_leaked": 1,
        }

    def test_has_the_arguments_that_are_documented(self, heard, did, heard_of, happened):
        did()
        happened()
        tree = ast.parse(Path(signals.__file__).read_text(encoding="utf-8"))
        documented = {}
        for statement, after in zip(tree.body, tree.body[1:], strict=False):
            if isinstance(statement, ast.Assign) and isinstance(after, ast.Expr):
                _, _, arguments = ast.literal_eval(after.value).partition("Arguments:")
                documented[statement.targets[0].id] = set(re.findall(r"``([a-z_]+)``", arguments))
        sent = {name: set(said[0]) for name, said in {**heard, **heard_of}.items()}
        assert sent == documented

    def test_says_who_did_it(self, heard, did):
        admin = make_user(username="admin")
        did(by=admin)
        for name, said in heard.items():
            if name not in {"credential_tokens_invalidated", "previous_secret_used"}:
                assert {each["by"] for each in said} == {admin}, name

    def test_carries_no_secret(self, heard, did, heard_of, happened):
        secrets = did() + happened()
        for said in [*heard.values(), *heard_of.values()]:
            for arguments in said:
                assert not any(secret in str(arguments) for secret in secrets)


class TestCommit:
    def test_is_waited_for(self, heard, https_client, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            do_everything(https_client)
            assert not any(heard.values())
        assert all(heard.values())

    def test_is_waited_for_by_what_happens_by_itself(
        self, heard_of, https_client, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            let_happen(https_client)
            assert not any(heard_of.values())
        assert all(heard_of.values())

    def test_rolled_back_is_never_told(
        self, heard, https_client, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
            do_everything(https_client)
            transaction.set_rollback(True)
        assert not any(heard.values())
        assert not Credential.objects.exists()


class TestReceiverThatRaises:
    @pytest.fixture
    def _breaking(self):
        def break_everything(**_arguments: Any) -> None:
            raise RuntimeError("a receiver of somebody else's")

        every = [getattr(signals, name) for name in NAMES]
        for each in every:
            each.connect(break_everything, weak=False)
        yield
        for each in every:
            each.disconnect(break_everything)

    @pytest.mark.usefixtures("_breaking")
    def test_breaks_nothing(self, did, hear, caplog):
        said = {name: hear(getattr(signals, name)) for name in NAMES}
        with caplog.at_level(logging.INFO):
            did()
        assert all(said.values())
        assert Credential.objects.filter(revoked_at=None).count() == 1
        events = [each.event for each in caplog.records if each.name == "token_exchange"]
        assert "credential.revoked" in events

    @pytest.mark.usefixtures("_breaking")
    def test_breaks_no_exchange(self, https_client, django_capture_on_commit_callbacks):
        key = make_api_key()
        credentials.rotate(key.credential, now=timezone.now(), overlap=HOUR)
        with django_capture_on_commit_callbacks(execute=True):
            answer = https_client.post("/v1/token", headers=api_key_header(key))
        assert answer.status_code == 200
