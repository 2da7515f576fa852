"""Responses while the database, the cache or a signing key is unavailable."""

from __future__ import annotations

import logging
import socket
import threading
from datetime import timedelta

import pytest
from django.db import close_old_connections, connection, connections
from django.utils import timezone

from tests.http.client import assert_refused, stored_rows
from tests.http.conftest import make_caller
from token_exchange.issuer import signing_keys
from token_exchange.issuer.credentials import Act
from token_exchange.models import AccessToken, Credential, SigningKey
from token_exchange_core import process_state

JWKS = "/.well-known/jwks.json"


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def in_thread(call):
    """Call it on a separate connection, as another worker of the server would."""
    results = []

    def run():
        try:
            results.append(call())
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(timeout=30)
    return results[0]


@pytest.fixture
def no_database(caller, monkeypatch):
    """Make new connections fail with a closed port, or a file that cannot be opened."""
    settings_dict = connections.settings["default"]
    monkeypatch.setitem(settings_dict, "HOST", "127.0.0.1")
    monkeypatch.setitem(settings_dict, "PORT", closed_port())
    if connection.vendor == "sqlite":
        monkeypatch.setitem(settings_dict, "NAME", "/nonexistent/database.sqlite3")


def error_record(caplog):
    (record,) = [each for each in caplog.records if each.name == "token_exchange"]
    assert record.levelno == logging.ERROR
    return record


@pytest.mark.django_db(transaction=True)
class TestDatabaseAway:
    @pytest.mark.usefixtures("no_database")
    def test_exchanges_are_unavailable_for_a_while(self, https_client, caller, caplog):
        response = in_thread(lambda: https_client.post(caller.path, headers=caller.headers))
        description = assert_refused(response, 503, "temporarily_unavailable")
        assert description == "The service is temporarily unavailable. Please try again later."
        assert int(response["Retry-After"]) > 0
        record = error_record(caplog)
        assert record.event_fields["reason"] == "database_away"
        assert record.exc_info

    @pytest.mark.usefixtures("no_database")
    def test_keys_that_are_known_are_published_still(self, https_client):
        signing_keys.key_set()
        assert in_thread(lambda: https_client.get(JWKS)).status_code == 200

    @pytest.mark.usefixtures("no_database")
    def test_without_known_keys_there_is_no_set_rather_than_an_empty_one(self, https_client):
        process_state.clear_caches()
        response = in_thread(lambda: https_client.get(JWKS))
        assert_refused(response, 503, "temporarily_unavailable")

    @pytest.mark.usefixtures("no_database")
    def test_what_needs_no_database_is_answered(self, https_client, caller):
        response = in_thread(lambda: https_client.post(caller.path))
        assert_refused(response, 401, "invalid_client")

    @pytest.mark.postgresql
    def test_a_worker_recovers_when_its_connection_was_cut(self, https_client, caller):
        def pid():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                return cursor.fetchone()[0]

        def cut(victim):
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [victim])

        victim = pid()
        in_thread(lambda: cut(victim))
        during = https_client.post(caller.path, headers=caller.headers)
        close_old_connections()  # as Django does after each request
        after = https_client.post(caller.path, headers=caller.headers)
        assert_refused(during, 503, "temporarily_unavailable")
        assert after.status_code == 200

    @pytest.mark.postgresql
    def test_a_read_only_connection_hands_out_the_live_token(self, https_client):
        caller = make_caller("/auth_token")
        first = https_client.post(caller.path, headers=caller.headers)
        Credential.objects.update(last_used_at=None)
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = on")
        try:
            again = https_client.post(caller.path, headers=caller.headers)
        finally:
            connection.close()
        assert again.json() == first.json()


@pytest.mark.django_db
class TestNoSigningKey:
    def unavailable(self, https_client, caller):
        process_state.clear_caches()
        before = stored_rows()
        response = https_client.post(caller.path, headers=caller.headers)
        assert_refused(response, 503, "temporarily_unavailable")
        assert stored_rows() == before
        assert not AccessToken.objects.exists()

    @pytest.mark.parametrize("stored", ["", "x", "gAAAAABnonsense", "\u00e9"])
    def test_an_unreadable_key_is_no_reason_to_make_another(
        self, https_client, caller, stored, caplog
    ):
        SigningKey.objects.update(encrypted_private_key=stored)
        self.unavailable(https_client, caller)
        events = [record.event for record in caplog.records if hasattr(record, "event")]
        assert "signing_key.unreadable" in events

    def test_a_key_of_another_environment_is_unreadable(self, https_client, caller, settings):
        settings.SECRET_KEY = "another-environment" * 4
        self.unavailable(https_client, caller)

    def test_a_fallback_of_the_secret_key_reads_it(self, https_client, caller, settings):
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "another-environment" * 4
        response = https_client.post(caller.path, headers=caller.headers)
        assert response.status_code == 200

    def test_an_exchanged_key_is_unreadable(self, https_client, caller):
        """A row with the private key of another row signs nothing."""
        other = signing_keys.rotate_signing_key(act=Act(now=timezone.now()))
        private = other.encrypted_private_key
        SigningKey.objects.exclude(pk=other.pk).update(encrypted_private_key=private)
        self.unavailable(https_client, caller)

    def test_none_at_all_is_no_reason_to_make_one(self, https_client, caller):
        SigningKey.objects.all().delete()
        self.unavailable(https_client, caller)

    def test_a_clock_that_is_behind_signs_with_the_key_that_comes_next(self, https_client, caller):
        SigningKey.objects.update(activates_at=timezone.now() + timedelta(minutes=1))
        process_state.clear_caches()
        assert https_client.post(caller.path, headers=caller.headers).status_code == 200


@pytest.mark.django_db
class TestSettingsThatBroke:
    def test_are_our_fault_in_the_one_shape(self, https_client, caller, settings):
        settings.TOKEN_EXCHANGE = {**settings.TOKEN_EXCHANGE, "ISSUER": "nonsense"}
        response = https_client.post(caller.path, headers=caller.headers)
        assert_refused(response, 500, "server_error")


@pytest.mark.django_db
class TestOurFault:
    def test_is_a_server_error_in_the_one_shape(self, https_client, caller, caplog):
        Credential.objects.update(scopes=5)
        before = stored_rows()
        response = https_client.post(caller.path, headers=caller.headers)
        description = assert_refused(response, 500, "server_error")
        assert description == "The server met an unexpected condition."
        assert stored_rows() == before
        assert error_record(caplog).exc_info
