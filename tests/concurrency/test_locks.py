"""Locks in front of a revocation: every wait has an end, and nothing is half done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, connections, transaction
from django.db.models import F

from tests.admin.conftest import OperatorClient, hidden_fields
from tests.management.doctor.reports import examine
from tests.self_service.members import make_member
from tests.support.factories import (
    basic_header,
    make_api_key,
    make_client_app,
    make_user,
    works,
)
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.management.doctor import revocation_feed as doctor_of_the_feed
from token_exchange.models import AuditEvent, Credential, Revocation, RevocationFeed
from token_exchange.models.revocation_writer import (
    FEED_WAIT_SECONDS,
    LOCK_WAIT_SECONDS,
    revoking,
)

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

SECONDS = 30


@contextmanager
def held(lock: Callable[[], object]) -> Iterator[int]:
    """Hold a lock in an idle transaction of another session, whose number this returns."""
    locked, release, pids = threading.Event(), threading.Event(), []

    def hold() -> None:
        try:
            with transaction.atomic():
                lock()
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_backend_pid()")
                    pids.append(cursor.fetchone()[0])
                locked.set()
                assert release.wait(SECONDS)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        try:
            assert locked.wait(SECONDS)
            yield pids[0]
        finally:
            release.set()
            holding.result(SECONDS)


def lock_feed() -> None:
    RevocationFeed.objects.update(position=F("position"))


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """The wait has an end; the limit leaves a slow machine much room."""
    began_at = time.monotonic()
    yield
    assert time.monotonic() - began_at < seconds + 10


def stored() -> list[Any]:
    tables = (Credential, AuditEvent, Revocation)
    return [list(model.objects.order_by("pk").values()) for model in tables]


class TestFeedHeldByAnIdleTransaction:
    def test_command_names_the_session(self):
        credential = make_api_key().credential
        before = stored()
        with (
            held(lock_feed) as pid,
            at_most(FEED_WAIT_SECONDS),
            pytest.raises(CommandError, match=f"Session {pid} of the database user .* blocks"),
        ):
            call_command("revoke_credential", credential.identifier)
        assert stored() == before

    def test_endpoint_answers_503(self, https_client):
        app = make_client_app()
        headers = basic_header(app)
        assert https_client.post("/auth_token", headers=headers).status_code == 200
        before = stored()
        with held(lock_feed), at_most(FEED_WAIT_SECONDS):
            answer = https_client.delete("/auth_token", headers=headers)
        assert answer.status_code == 503
        assert answer.json()["error"] == "temporarily_unavailable"
        assert int(answer["Retry-After"]) > 0
        assert stored() == before
        assert https_client.delete("/auth_token", headers=headers).status_code == 200

    @pytest.mark.parametrize("page", ["revoke", "change"])
    def test_admin_answers_503(self, page):
        operator = OperatorClient()
        operator.force_login(make_user(is_staff=True, is_superuser=True))
        credential = make_api_key(scopes=["read"]).credential
        url = f"/admin/token_exchange/apikey/{credential.pk}/{page}/"
        form = {"confirmed": "yes", "reason": "Left."}
        if page == "change":
            names = ("scopes", "audience", "token_lifetime", "expires_at", "expires_at_at")
            names += ("allowed_networks", "metadata")
            form = {**hidden_fields(operator.get(url)), **dict.fromkeys(names, ""), "name": "Same"}
        before = stored()
        with held(lock_feed), at_most(FEED_WAIT_SECONDS):
            answer = operator.post(url, form)
        assert answer.status_code == 503
        assert int(answer["Retry-After"]) > 0
        assert b"nothing was changed" in answer.content
        assert stored() == before

    def test_doctor_reports_the_session(self, monkeypatch):
        monkeypatch.setattr(doctor_of_the_feed, "FEED_WAIT_SECONDS", 0)
        assert {level for level, _ in examine().of("revocation feed")} == {"ok"}
        with held(lock_feed) as pid:
            report = examine()
        assert ("error", "A transaction holds the feed, so nothing can be revoked.") in report.of(
            "revocation feed"
        )
        assert f"pg_terminate_backend({pid})" in report.hint("revocation feed")

    def test_exchanges_and_verification_go_on(self, https_client):
        app = make_client_app()
        with held(lock_feed):
            answer = https_client.post("/auth_token", headers=basic_header(app))
            assert answer.status_code == 200
            token = answer.json()["access_token"]["token"]
            answer = https_client.get(
                "/v1/user-api-keys", headers={"authorization": f"Bearer {token}"}
            )
            assert answer.status_code == 403  # a machine's token, which was verified


class TestRowHeldByASlowRequest:
    def test_delays_nobody_who_waits_for_the_feed(self):
        """A user whose row is locked waits half a second, and holds the feed no longer."""
        user = make_user()
        mine, unrelated = make_api_key(owner=user).credential, make_api_key().credential

        def lock_user() -> None:
            get_user_model().objects.filter(pk=user.pk).update(is_active=True)

        def revoke_mine() -> None:
            try:
                with revoking(using="default"):
                    lock_user()
                    credentials.revoke(mine)
            finally:
                connections.close_all()

        with held(lock_user), ThreadPoolExecutor(1) as pool, at_most(LOCK_WAIT_SECONDS):
            waiting = pool.submit(revoke_mine)
            credentials.revoke(unrelated)
            with pytest.raises(OperationalError):
                waiting.result(SECONDS)
        unrelated.refresh_from_db()
        mine.refresh_from_db()
        assert (unrelated.revoked_at is None, mine.revoked_at is None) == (False, True)


class TestRowHeldInFrontOfWhatRevokesNothing:
    """Nobody waits without an end, although the feed is not needed."""

    def test_self_service_answers_503(self, https_client):
        member = make_member(https_client)
        created = member.create().json()
        token = member.token()
        path = f"/v1/user-api-keys/{created['id']}/rotate"
        user = get_user_model().objects.filter(pk=member.user.pk)
        before = stored()
        with held(lambda: user.update(is_active=True)), at_most(FEED_WAIT_SECONDS * 2):
            answers = [member.call("POST", token=token), member.call("POST", path, token=token)]
        assert [answer.status_code for answer in answers] == [503, 503]
        assert stored() == before

    def test_edit_of_a_name_gives_up(self):
        credential = make_api_key().credential
        row = Credential.objects.filter(pk=credential.pk)
        with (
            held(row.lock),
            at_most(FEED_WAIT_SECONDS),
            pytest.raises(OperationalError, match="lock timeout"),
        ):
            credentials.edit(credential, {"name": "Another"})


class TestFormerTimeout:
    def setting(self) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            return cursor.fetchone()[0]

    def test_comes_back_within_a_callers_transaction(self):
        credential = make_api_key().credential
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '7s'")
            credentials.revoke(credential)
            assert self.setting() == "7s"
            with pytest.raises(ZeroDivisionError), revoking(using="default"):
                raise ZeroDivisionError
            assert self.setting() == "7s"
        assert self.setting() == "0"


class TestDescendantWhoseRowIsLocked:
    """A lock on one key saves neither its parent nor the others."""

    def test_the_others_are_ended_and_the_rest_is_ended_later(self, https_client):
        member = make_member(https_client)
        first, second = (member.create().json() for _ in range(2))
        parent = member.issued.credential
        row = Credential.objects.filter(identifier=first["id"])
        with (
            held(row.lock),
            at_most(LOCK_WAIT_SECONDS),
            pytest.raises(OperationalError, match="lock timeout"),
        ):
            credentials.revoke(parent)
        keys = (member.issued.raw_secret, first["api_key"], second["api_key"])
        assert [works(each) for each in keys] == [False, True, False]
        credentials.end_descendants(parent, act=Act())
        assert not works(first["api_key"])


class TestSelectedRowsOfWhichOneIsLocked:
    def test_the_others_are_revoked_with_their_descendants(self, https_client):
        member = make_member(https_client)
        child = member.create().json()
        locked = make_api_key().credential
        rows = [member.issued.credential.pk, locked.pk]
        operator = OperatorClient()
        operator.force_login(make_user(is_staff=True, is_superuser=True))
        form = {"action": "revoke_selected", "_selected_action": rows, "confirmed": "yes"}
        with held(Credential.objects.filter(pk=locked.pk).lock), at_most(LOCK_WAIT_SECONDS):
            answer = operator.post("/admin/token_exchange/apikey/", form, follow=True)
        assert answer.status_code == 200
        assert "1 not revoked, because another transaction blocks" in answer.text
        assert not works(member.issued.raw_secret)
        assert not works(child["api_key"])
        locked.refresh_from_db()
        assert locked.revoked_at is None


class TestUserDeletedDuringSelfService:
    def test_neither_waits_for_the_other_for_ever(self, https_client, monkeypatch):
        """Both lock the user before the keys."""
        member = make_member(https_client)
        token = member.token()
        in_between, go_on = threading.Event(), threading.Event()

        def pause_before_the_key(execute, sql, *arguments):
            if sql.startswith("UPDATE") and "token_exchange_credential" in sql:
                in_between.set()
                go_on.wait(2)
            return execute(sql, *arguments)

        def create() -> int:
            try:
                with connection.execute_wrapper(pause_before_the_key):
                    return int(member.call("POST", token=token).status_code)
            finally:
                connections.close_all()

        def delete() -> None:
            try:
                member.user.delete()
            finally:
                connections.close_all()

        with ThreadPoolExecutor(2) as pool:
            creating = pool.submit(create)
            assert in_between.wait(SECONDS)
            deleting = pool.submit(delete)
            go_on.set()
            assert creating.result(SECONDS) == 201
            try:
                deleting.result(SECONDS)
            except OperationalError as error:
                assert "deadlock" not in str(error)  # noqa: PT017 - it gave up waiting
