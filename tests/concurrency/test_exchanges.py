"""Exchanges in many processes at once."""

from __future__ import annotations

import jwt
import pytest
from django.utils import timezone

from tests.concurrency import tasks
from tests.concurrency.process_pool import PROCESSES, THREADS, crowd, run_crowd
from tests.support.factories import (
    api_key_header,
    basic_header,
    is_good,
    make_api_key,
    make_client_app,
)
from token_exchange.issuer import credentials, signing_keys
from token_exchange.issuer.credentials import Act
from token_exchange.models import AccessToken, Credential

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


@pytest.fixture(autouse=True)
def _unlimited(token_exchange_settings):
    token_exchange_settings(RATE_LIMITS=None)


@pytest.fixture
def key():
    return make_api_key()


@pytest.fixture
def app():
    return make_client_app()


@pytest.fixture
def callers(key, app):
    return [("/v1/token", api_key_header(key)), ("/auth_token", basic_header(app))]


def token_of(body):
    token = body["access_token"]
    return token["token"] if isinstance(token, dict) else token


class TestFirstRequests:
    @pytest.mark.parametrize("algorithm", ["EdDSA", "ES256"])
    def test_of_one_client_all_get_one_token(self, app, token_exchange_settings, algorithm):
        token_exchange_settings(ALGORITHM=algorithm)
        signing_keys.rotate_signing_key(all_new=True, act=Act(now=timezone.now()))
        answers = run_crowd(tasks.post_once, "/auth_token", basic_header(app))
        assert [status for status, _ in answers] == [200] * PROCESSES * THREADS
        (token,) = {token_of(body) for _, body in answers}
        assert is_good(token)
        assert AccessToken.objects.count() == 1

    def test_of_one_key_each_get_their_own(self, key):
        answers = run_crowd(tasks.post_once, "/v1/token", api_key_header(key))
        tokens = {token_of(body) for _, body in answers}
        assert len(tokens) == AccessToken.objects.count() == PROCESSES * THREADS
        assert all(is_good(token) for token in tokens)


def storm(callers, turn):
    """Let all exchange, turn, and return the answers once each began some after the turn."""
    with crowd(tasks.post_until_turned, callers) as running:
        running.signals.await_progress(50)
        turn()
        running.signals.turned.set()
        return [answer for answers in running.collect() for answer in answers]


class TestStorm:
    def end(self, callers, verb, credentials_of):
        def turn():
            for issued in credentials_of:
                verb(Credential.objects.get(pk=issued.credential.pk), act=Act(now=timezone.now()))

        answers = storm(callers, turn)
        assert {status for _, _, status, _ in answers} == {200, 401}
        assert {status for turned, _, status, _ in answers if turned} == {401}
        assert {path for _, path, status, _ in answers if status == 200} == {
            path for path, _ in callers
        }
        tokens = {token_of(body) for _, _, status, body in answers if status == 200}
        assert not [token for token in tokens if is_good(token)]

    def test_nothing_begun_after_revoke_succeeds_and_no_token_survives(self, callers, key, app):
        self.end(callers, credentials.revoke, [key, app])

    def test_nothing_begun_after_a_compromise_succeeds_and_no_token_survives(
        self, callers, key, app
    ):
        def compromise(credential, *, act):
            credentials.rotate(credential, compromised=True, act=act)

        self.end(callers, compromise, [key, app])

    def test_a_rotation_with_overlap_disturbs_nobody(self, callers, key, app):
        def turn():
            for issued in (key, app):
                credentials.rotate(issued.credential, act=Act(now=timezone.now()))

        answers = storm(callers, turn)
        assert {status for _, _, status, _ in answers} == {200}
        assert all(is_good(token_of(body)) for _, _, _, body in answers)

    def test_delete_ends_what_was_handed_out_and_what_follows_is_good(self, app, https_client):
        headers = basic_header(app)
        answers = storm(
            [("/auth_token", headers)],
            lambda: https_client.delete("/auth_token", headers=headers),
        )
        assert {status for _, _, status, _ in answers} == {200}
        by_generation = {}
        for turned, _, _, body in answers:
            token = token_of(body)
            claims = jwt.decode(token, options={"verify_signature": False})
            assert claims["gen"] == 2 or not turned
            by_generation.setdefault(claims["gen"], set()).add(token)
        assert {generation: len(tokens) for generation, tokens in by_generation.items()} == {
            1: 1,
            2: 1,
        }
        assert not is_good(*by_generation[1])
        assert is_good(*by_generation[2])

    def test_no_token_keeps_the_scope_that_an_edit_took_away(self):
        key, app = (make(scopes=["a", "b"]) for make in (make_api_key, make_client_app))
        callers = [("/v1/token", api_key_header(key)), ("/auth_token", basic_header(app))]

        def narrow():
            for issued in (key, app):
                credential = Credential.objects.get(pk=issued.credential.pk)
                credentials.edit(credential, {"scopes": ["a"]})

        answers = storm(callers, narrow)
        assert {status for _, _, status, _ in answers} == {200}
        scopes = set()
        for turned, _, _, body in answers:
            token = token_of(body)
            scope = jwt.decode(token, options={"verify_signature": False})["scope"]
            scopes.add(scope)
            assert is_good(token) == (scope == "a")
            assert scope == "a" or not turned
        assert scopes == {"a b", "a"}

    def test_a_new_signing_key_disturbs_nobody(self, callers):
        answers = storm(
            callers, lambda: signing_keys.rotate_signing_key(act=Act(now=timezone.now()))
        )
        assert {status for _, _, status, _ in answers} == {200}
        assert all(is_good(token_of(body)) for _, _, _, body in answers)
