"""BearerAuthentication on real views: rules B1 to B11 of a resource server, over HTTP."""

from __future__ import annotations

import base64
import dataclasses
import json
import logging
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from jwt.utils import base64url_encode
from rest_framework.test import APIRequestFactory

from token_exchange import credentials, exchange, signing
from token_exchange.authentication import BearerAuthentication, Principal
from token_exchange.core.errors import ExpiredToken, InvalidToken, ServerError
from token_exchange.core.tokens import Claims
from token_exchange.credentials import IssuedSecret
from token_exchange.models import AccessToken, Credential, Organization

from .challenges import read_challenges
from .factories import api_key_header, bearer_header, make_api_key, make_organization, make_user
from .protected import Keep

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.protected")]

CHALLENGE = {"realm": "token_exchange"}
INVALID = {
    **CHALLENGE,
    "error": "invalid_token",
    "error_description": "The access token provided is invalid.",
}


@pytest.fixture(autouse=True)
def _our_handler(settings: Any) -> None:
    settings.REST_FRAMEWORK = {
        "EXCEPTION_HANDLER": "token_exchange.exceptions.exception_handler",
    }


@pytest.fixture
def exchanged(https_client: Any) -> Any:
    """Exchange an API key for a token."""

    def exchange_key(issued: Any = None, **values: Any) -> str:
        issued = issued or make_api_key(**values)
        answer = https_client.post("/v1/token", headers=api_key_header(issued))
        assert answer.status_code == 200, answer.content
        return answer.json()["access_token"]

    return exchange_key


@pytest.fixture
def get(https_client: Any) -> Any:
    """Call a view with a token."""

    def call(token: str, path: str = "/bearer") -> Any:
        return https_client.get(path, headers=bearer_header(token))

    return call


def forge(payload_changes: dict[str, Any] | None = None, **header_changes: Any) -> str:
    """Sign, with our own key, a token that the issuer would not have made."""
    key = signing.key_set().current
    header = {"alg": key.algorithm, "kid": key.kid, "typ": "at+jwt", **header_changes}
    now = int(timezone.now().timestamp())
    payload = {
        "iss": "https://issuer.test",
        "sub": "sk_live.abc",
        "aud": "https://issuer.test",
        "client_id": "sk_live.abc",
        "scope": "",
        "iat": now,
        "exp": now + 100,
        "jti": "unknown",
        "org": "1",
        "gen": 1,
        **(payload_changes or {}),
    }
    parts = (base64url_encode(json.dumps(each).encode()).decode() for each in (header, payload))
    return key.sign(".".join(parts))


def end_token(_key: IssuedSecret) -> None:
    exchange.revoke_access_token(AccessToken.objects.get(), now=timezone.now())


def end_credential(key: IssuedSecret) -> None:
    credentials.revoke(key.credential, now=timezone.now())


def end_generation(key: IssuedSecret) -> None:
    credentials.rotate(key.credential, now=timezone.now(), compromised=True)


def stop_organization(key: IssuedSecret) -> None:
    Organization.objects.filter(pk=key.credential.organization_id).update(is_active=False)


def stop_owner(key: IssuedSecret) -> None:
    key.credential.owner.is_active = False
    key.credential.owner.save()


def delete_owner(key: IssuedSecret) -> None:
    key.credential.owner.delete()


def lose_owner(key: IssuedSecret) -> None:
    Credential.objects.filter(pk=key.credential.pk).update(owner=None)


def change_owner(key: IssuedSecret) -> None:
    Credential.objects.filter(pk=key.credential.pk).update(owner=make_user())


def remove_signing_key(_key: IssuedSecret) -> None:
    signing.rotate_signing_key(now=timezone.now(), all_new=True)


def forget_row(_key: IssuedSecret) -> None:
    AccessToken.objects.all().delete()


WAYS_TO_END = (
    end_token,
    end_credential,
    end_generation,
    stop_organization,
    stop_owner,
    delete_owner,
    lose_owner,
    change_owner,
    remove_signing_key,
    forget_row,
)


def assert_refused(answer: Any, description: str = InvalidToken.description) -> None:
    assert answer.status_code == 401
    assert answer.json() == {"error": "invalid_token", "error_description": description}
    assert answer["Cache-Control"] == "no-store"
    assert read_challenges(answer["WWW-Authenticate"]) == [
        ("Bearer", {**INVALID, "error_description": description})
    ]


class TestGoodToken:
    def test_machine_is_a_principal(self, exchanged, get):
        key = make_api_key(scopes=["read"])
        body = get(exchanged(key)).json()
        identifier = key.credential.identifier
        assert body == {
            "user": identifier,
            "type": "Principal",
            "pk": identifier,
            "auth": "Claims",
        }

    def test_key_of_a_user_is_that_user(self, exchanged, get):
        owner = make_user()
        body = get(exchanged(owner=owner)).json()
        assert (body["user"], body["type"], body["pk"]) == (
            owner.username,
            "User",
            str(owner.pk),
        )

    def test_claims_are_frozen(self, exchanged, get):
        key = make_api_key(scopes=["read"])
        get(exchanged(key), "/keep")
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
    def test_token_may_be_base64_encoded_once_more(self, exchanged, get, encode, is_padded):
        in_base64 = encode(exchanged().encode()).decode()
        answer = get(in_base64 if is_padded else in_base64.rstrip("="))
        assert answer.status_code == 200

    def test_not_twice(self, exchanged, get):
        once = base64.b64encode(exchanged().encode())
        assert_refused(get(base64.b64encode(once).decode()))

    @pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
    def test_other_algorithms(self, exchanged, get, token_exchange_settings, algorithm):
        token_exchange_settings(ALGORITHM=algorithm)
        signing.rotate_signing_key(now=timezone.now(), all_new=True)
        assert get(exchanged()).status_code == 200

    def test_token_of_a_retired_key(self, exchanged, get):
        token = exchanged(token_lifetime=timedelta(hours=1))
        signing.rotate_signing_key(now=timezone.now())
        with time_machine.travel(timezone.now() + timedelta(minutes=10), tick=False):
            signing.forget_key_set()
            assert get(token).status_code == 200

    @pytest.mark.parametrize("owner", [False, True])
    def test_one_query(self, exchanged, get, django_assert_num_queries, owner):
        token = exchanged(owner=make_user() if owner else None)
        with django_assert_num_queries(1):
            assert get(token).status_code == 200

    def test_token_without_its_request(self, exchanged):
        """Nothing but META is asked of a request, so a plain one will do."""
        request = APIRequestFactory().get("/", headers=bearer_header(exchanged()), secure=True)
        user, claims = BearerAuthentication().authenticate(request)
        assert user.identifier == claims.client_id


class TestNoToken:
    def test_challenge_names_no_error(self, https_client):
        """B1; RFC 6750, section 3.1."""
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

    def test_open_view_still_refuses_a_bad_token(self, get):
        assert get("garbage", "/open").status_code == 401

    @pytest.mark.parametrize("path", ["/bearer?access_token={}", "/bearer?token={}"])
    def test_query_is_not_looked_at(self, exchanged, https_client, path):
        """B6."""
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
        """B2: 400, and never 500."""
        answer = https_client.get("/bearer", headers={"authorization": header})
        assert answer.status_code == 400
        assert answer.json()["error"] == "invalid_request"
        assert set(answer.json()) == {"error", "error_description"}
        assert answer["Cache-Control"] == "no-store"

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


class TestRefused:
    @pytest.mark.parametrize(
        "token",
        [
            "garbage",
            "a.b.c",
            "a.b",
            "a.b.c.d",
            "a..c",
            "eyJhbGciOiJub25lIn0.e30.x",
            "_-_-",
            "YQ==",
            "gICAgA==",
            "a" * 8000,
            f"{'a' * 2600}.{'a' * 2600}.{'a' * 2600}",
        ],
    )
    def test_no_token_of_ours(self, get, token):
        assert_refused(get(token))

    @pytest.mark.parametrize(
        ("payload", "header"),
        [
            ({"iss": "https://other.test"}, {}),
            ({"iss": "https://issuer.test/"}, {}),
            ({"aud": "https://other.test"}, {}),
            ({"aud": []}, {}),
            ({"nbf": 2**40}, {}),
            ({"exp": "soon"}, {}),
            ({"gen": True}, {}),
            ({"sub": None}, {}),
            ({"cnf": {"jkt": "x"}}, {}),
            ({}, {"typ": "JWT"}),
            ({}, {"typ": None}),
            ({}, {"alg": "none"}),
            ({}, {"alg": "HS256"}),
            ({}, {"alg": "RS256"}),
            ({}, {"kid": "unknown"}),
            ({}, {"kid": "' OR 1=1 --"}),
            ({}, {"kid": 1}),
            ({}, {"jku": "https://attacker.test/jwks.json"}),
            ({}, {"jwk": {}}),
            ({}, {"crit": ["exp"]}),
            ({}, {}),
        ],
    )
    def test_signed_by_us_but_no_token_of_ours(self, exchanged, get, payload, header):
        """B3, B7 to B11: one rule is broken each time; the last token has no row."""
        exchanged()
        token = forge(payload, **header)
        assert_refused(get(token))

    def test_every_way_to_end_a_token_gives_the_same_bytes(self, exchanged, get):
        answers = []
        for end in WAYS_TO_END:
            AccessToken.objects.all().delete()
            key = make_api_key(organization=make_organization(), owner=make_user())
            token = exchanged(key)
            assert get(token).status_code == 200
            end(key)
            answers.append(get(token))
            assert_refused(answers[-1])
            # Expired as well as ended: only the end is told, in the same bytes.
            with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False):
                answers.append(get(token))
        assert len({(each.content, str(sorted(each.items()))) for each in answers}) == 1

    def test_inactive_organization_works_again_afterwards(self, exchanged, get):
        key = make_api_key()
        token = exchanged(key)
        organizations = type(key.credential.organization).objects
        organizations.update(is_active=False)
        assert_refused(get(token))
        organizations.update(is_active=True)
        assert get(token).status_code == 200

    def test_expired_is_told(self, exchanged, get):
        """B3: the one fault with a text of its own."""
        with time_machine.travel(timezone.now(), tick=False) as clock:
            token = exchanged()
            clock.shift(1799)
            assert get(token).status_code == 200
            clock.shift(1)
            assert_refused(get(token), ExpiredToken.description)
        assert ExpiredToken.description == "The auth token provided has expired."

    def test_removed_key_is_refused_by_a_process_that_still_holds_it(self, exchanged, get):
        """``--all-new`` elsewhere: the row decides before this process reads the keys again."""
        token = exchanged()
        before = signing.key_set()
        signing.rotate_signing_key(now=timezone.now(), all_new=True)
        verifier = exchange.TokenVerifier(
            keys=lambda: before,
            check_alive=AccessToken.objects.check_alive,
            issuer="https://issuer.test",
            audience="https://issuer.test",
        )
        with pytest.raises(InvalidToken) as refused:
            verifier.verify(token, now=timezone.now().timestamp())
        assert refused.value.reason == "unknown_token"


class TestOwnVerifier:
    def test_setting_names_another(self, https_client, token_exchange_settings):
        """As a service without our tables has it."""
        token_exchange_settings(VERIFIER="tests.test_authentication.verify_nobody")
        assert_refused(https_client.get("/bearer", headers=bearer_header("a.b.c")))

    @pytest.mark.parametrize("has_our_handler", [True, False])
    def test_that_breaks_shows_no_token(
        self, https_client, token_exchange_settings, settings, caplog, has_our_handler
    ):
        if not has_our_handler:
            settings.REST_FRAMEWORK = {}
        token_exchange_settings(VERIFIER="tests.test_authentication.verify_and_break")
        answer = https_client.get("/bearer", headers=bearer_header("hidden.hidden.hidden"))
        assert answer.status_code == 500
        assert ServerError.description in answer.json().values()
        assert "break" not in answer.text
        [failed] = [
            each for each in caplog.records if getattr(each, "event", "") == "bearer.failed"
        ]
        assert failed.levelno == logging.ERROR
        assert "ZeroDivisionError: no reason to break" in failed.event_fields["traceback"]
        assert "hidden" not in str([each.__dict__ for each in caplog.records])


def verify_nobody(token: str, *, now: float) -> Any:
    raise InvalidToken(reason=f"not {token} at {now:.0f}")


def verify_and_break(token: str, *, now: float) -> Any:
    raise ZeroDivisionError("no reason to break")


class TestLog:
    def test_refusal_says_why_and_not_what(self, get, exchanged, caplog):
        key = make_api_key()
        token = exchanged(key)
        credentials.revoke(key.credential, now=timezone.now())
        caplog.clear()
        with caplog.at_level(logging.DEBUG):
            get(token)
        [record] = [each for each in caplog.records if each.name == "token_exchange"]
        assert record.levelno == logging.WARNING
        assert record.event == "bearer.refused"
        assert record.event_fields == {"reason": "credential_revoked", "address": "127.0.0.1"}
        assert not any(part in str(record.__dict__) for part in token.split("."))


class TestPrincipal:
    PRINCIPAL = Principal(identifier="sk_live.abc", organization_id="7", scopes=frozenset({"read"}))

    def test_answers_what_is_asked_of_a_user(self):
        principal = self.PRINCIPAL
        assert principal.is_authenticated is True
        assert principal.is_active is True
        assert principal.is_anonymous is False
        assert principal.is_staff is False
        assert principal.is_superuser is False
        assert principal.pk == principal.id == principal.get_username() == "sk_live.abc"
        assert str(principal) == "sk_live.abc"
        assert (principal.organization_id, principal.scopes) == ("7", {"read"})

    def test_has_no_permission_of_djangos(self):
        principal = self.PRINCIPAL
        assert principal.has_perm("auth.view_user") is False
        assert principal.has_perm("auth.view_user", object()) is False
        assert principal.has_perms([]) is False
        assert principal.has_perms(["auth.view_user"], object()) is False
        assert principal.has_module_perms("auth") is False

    def test_frozen_and_hashable(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            self.PRINCIPAL.identifier = "user:1"
        assert {self.PRINCIPAL: 1}[dataclasses.replace(self.PRINCIPAL)] == 1

    def test_scopes_may_be_none(self):
        assert Principal(identifier="a", organization_id="1").scopes == frozenset()
