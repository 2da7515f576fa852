"""BearerAuthentication on real views, over HTTP."""

from __future__ import annotations

import base64
import dataclasses
import logging
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from rest_framework.test import APIRequestFactory

from tests.authentication.challenges import read_challenges
from tests.authentication.refusal import CHALLENGE, assert_refused
from tests.authentication.views import Keep
from tests.support.factories import bearer_header, make_api_key, make_user
from token_exchange.authentication import BearerAuthentication
from token_exchange.issuer import credentials, signing_keys
from token_exchange.issuer.credentials import Act
from token_exchange_core import process_state
from token_exchange_core.errors import InvalidToken, ServerError
from token_exchange_core.tokens import Claims

pytestmark = pytest.mark.django_db


class TestGoodToken:
    def test_machine_is_a_principal(self, exchanged, show):
        key = make_api_key(scopes=["read"])
        body = show(exchanged(key)).json()
        identifier = key.credential.identifier
        assert body == {
            "user": identifier,
            "type": "Principal",
            "pk": identifier,
            "auth": "Claims",
        }

    def test_key_of_a_user_is_that_user(self, exchanged, show):
        owner = make_user()
        body = show(exchanged(owner=owner)).json()
        assert (body["user"], body["type"], body["pk"]) == (
            owner.username,
            "User",
            str(owner.pk),
        )

    def test_claims_are_frozen(self, exchanged, show):
        key = make_api_key(scopes=["read"])
        show(exchanged(key), "/keep")
        claims = Keep.last.auth
        assert isinstance(claims, Claims)
        assert claims.scopes == {"read"}
        assert claims.organization_id == str(key.credential.organization_id)
        with pytest.raises(dataclasses.FrozenInstanceError):
            claims.subject = "user:1"

    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR", "Bearer "])
    def test_scheme_is_compared_without_case(self, exchanged, https_client, scheme):
        header = {"authorization": f"{scheme} {exchanged()}"}
        assert https_client.get("/bearer", headers=header).status_code == 200

    @pytest.mark.parametrize("is_padded", [True, False])
    @pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
    def test_token_may_be_base64_encoded_once_more(self, exchanged, show, encode, is_padded):
        in_base64 = encode(exchanged().encode()).decode()
        answer = show(in_base64 if is_padded else in_base64.rstrip("="))
        assert answer.status_code == 200

    def test_not_twice(self, exchanged, show):
        once = base64.b64encode(exchanged().encode())
        assert_refused(show(base64.b64encode(once).decode()))

    @pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
    def test_other_algorithms(self, exchanged, show, token_exchange_settings, algorithm):
        token_exchange_settings(ALGORITHM=algorithm)
        signing_keys.rotate_signing_key(all_new=True, act=Act(now=timezone.now()))
        assert show(exchanged()).status_code == 200

    def test_token_of_a_retired_key(self, exchanged, show):
        token = exchanged(token_lifetime=timedelta(hours=1))
        signing_keys.rotate_signing_key(act=Act(now=timezone.now()))
        with time_machine.travel(timezone.now() + timedelta(minutes=10), tick=False):
            process_state.clear_caches()
            assert show(token).status_code == 200

    def test_token_without_its_request(self, exchanged):
        """Nothing but META is asked of a request, so a plain one will do."""
        request = APIRequestFactory().get("/", headers=bearer_header(exchanged()), secure=True)
        user, claims = BearerAuthentication().authenticate(request)
        assert user.identifier == claims.client_id


class TestNoToken:
    def test_challenge_names_no_error(self, https_client):
        """A challenge without an error code (RFC 6750, section 3.1)."""
        answer = https_client.get("/bearer")
        assert answer.status_code == 401
        assert read_challenges(answer["WWW-Authenticate"]) == [("Bearer", CHALLENGE)]
        assert set(answer.json()) == {"error", "error_description"}

    @pytest.mark.parametrize(
        "header", ["Digest x", "Token abc", "Negotiate a, b", "Bearerer abc", "MAC é"]
    )
    def test_foreign_scheme_is_not_ours(self, https_client, header):
        answer = https_client.get("/bearer", headers={"authorization": header})
        assert answer.status_code == 401
        assert read_challenges(answer["WWW-Authenticate"]) == [("Bearer", CHALLENGE)]

    def test_open_view_stays_open(self, https_client):
        assert https_client.get("/open").json()["user"] == "AnonymousUser"

    def test_open_view_still_refuses_a_bad_token(self, show):
        assert show("garbage", "/open").status_code == 401

    @pytest.mark.parametrize("path", ["/bearer?access_token={}", "/bearer?token={}"])
    def test_query_is_not_looked_at(self, exchanged, https_client, path):
        """In the header alone: a URL ends in logs (RFC 6750, section 5.3)."""
        answer = https_client.get(path.format(exchanged()))
        assert answer.status_code == 401
        assert read_challenges(answer["WWW-Authenticate"]) == [("Bearer", CHALLENGE)]

    def test_body_is_not_looked_at(self, exchanged, https_client):
        answer = https_client.post("/bearer", {"access_token": exchanged()})
        assert answer.status_code == 401


class TestMalformed:
    @pytest.mark.parametrize(
        "header",
        [
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer a.b.c d",
            "Bearer =",
            "Bearer a=b",
            'Bearer "a.b.c"',
            "Bearer a.b.c,Bearer a.b.c",
            "Bearer a.b.c, Basic YTpi",
            "Bearer caf\xe9",
            "Bearer \xff\xfe",
            "Bearer a\x00b",
            "Bearer a\tb",
            "Bearer {}",
            f"Bearer {'a' * 8200}",
            "Basic \xff",
            f"ApiKey {'a' * 8200}",
        ],
    )
    def test_request(self, https_client, header):
        """400 (RFC 6750, section 3.1), and never 500."""
        answer = https_client.get("/bearer", headers={"authorization": header})
        assert answer.status_code == 400
        assert answer.json()["error"] == "invalid_request"
        assert set(answer.json()) == {"error", "error_description"}
        assert answer["Cache-Control"] == "no-store, private, max-age=0"

    def test_plain_http(self, exchanged, client):
        answer = client.get("/bearer", headers=bearer_header(exchanged()))
        assert answer.status_code == 400
        assert answer.json()["error"] == "invalid_request"
        assert "use https" in answer.json()["error_description"]

    def test_plain_http_without_a_token_is_the_projects_business(self, client):
        assert client.get("/open").status_code == 200

    def test_plain_http_where_the_setting_allows_it(
        self, exchanged, client, token_exchange_settings
    ):
        token_exchange_settings(REQUIRE_HTTPS=False)
        assert client.get("/bearer", headers=bearer_header(exchanged())).status_code == 200


class TestOwnVerifier:
    def test_setting_names_another(self, https_client, token_exchange_settings):
        """As a service without our tables has it."""
        token_exchange_settings(VERIFIER="tests.authentication.test_bearer.verify_nobody")
        assert_refused(https_client.get("/bearer", headers=bearer_header("a.b.c")))

    @pytest.mark.parametrize("has_our_handler", [True, False])
    def test_that_breaks_shows_no_token(
        self, https_client, token_exchange_settings, settings, caplog, has_our_handler
    ):
        if not has_our_handler:
            settings.REST_FRAMEWORK = {}
        token_exchange_settings(VERIFIER="tests.authentication.test_bearer.verify_and_break")
        answer = https_client.get("/bearer", headers=bearer_header("hidden.hidden.hidden"))
        assert answer.status_code == 500
        assert ServerError.description in answer.json().values()
        assert "break" not in answer.text
        [failed] = [
            each for each in caplog.records if getattr(each, "event", "") == "bearer.failed"
        ]
        assert failed.levelno == logging.ERROR
        assert "ZeroDivisionError: no reason to break" in failed.event_fields["reason"]
        assert "hidden" not in str([each.__dict__ for each in caplog.records])


def verify_nobody(token: str, *, now: float) -> Any:
    raise InvalidToken(reason=f"not {token} at {now:.0f}")


def verify_and_break(token: str, *, now: float) -> Any:
    raise ZeroDivisionError("no reason to break")


class TestLog:
    def test_refusal_says_why_and_not_what(self, show, exchanged, caplog):
        key = make_api_key()
        token = exchanged(key)
        credentials.revoke(key.credential, act=Act(now=timezone.now()))
        caplog.clear()
        with caplog.at_level(logging.DEBUG):
            show(token)
        [record] = [each for each in caplog.records if each.name == "token_exchange"]
        assert record.levelno == logging.WARNING
        assert record.event == "bearer.refused"
        assert record.event_fields == {
            "reason": "credential_revoked",
            "identifier": None,
            "address": "127.0.0.1",
        }
        assert not any(part in str(record.__dict__) for part in token.split("."))
