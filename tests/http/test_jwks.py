"""``/.well-known/jwks.json``: public keys only, with caching and CORS."""

from __future__ import annotations

import json
from datetime import timedelta

import jwt
import pytest
import time_machine
from django.utils import timezone

from tests.http.client import assert_refused, verified_claims
from tests.support.factories import basic_header, make_client_app
from token_exchange.issuer import signing_keys
from token_exchange.issuer.credentials import Act
from token_exchange.models import SigningKey
from token_exchange_core import keys, process_state

pytestmark = pytest.mark.django_db

PATH = "/.well-known/jwks.json"
MEMBERS = {
    "RS256": {"kty", "n", "e", "kid", "use", "alg"},
    "ES256": {"kty", "crv", "x", "y", "kid", "use", "alg"},
    "EdDSA": {"kty", "crv", "x", "kid", "use", "alg"},
}


def published(client):
    return json.loads(client.get(PATH).content)["keys"]


class TestSet:
    @pytest.mark.parametrize("algorithm", MEMBERS)
    def test_has_public_members_only(self, https_client, token_exchange_settings, algorithm):
        token_exchange_settings(ALGORITHM=algorithm)
        signing_keys.rotate_signing_key(all_new=True, act=Act(now=timezone.now()))
        (key,) = published(https_client)
        assert set(key) == MEMBERS[algorithm]
        assert (key["use"], key["alg"]) == ("sig", algorithm)
        assert key["kid"] == keys.thumbprint(key) == SigningKey.objects.get(removed_at=None).kid

    def test_has_keys_of_full_length(self, https_client, token_exchange_settings):
        for algorithm in ("RS256", "ES256"):
            token_exchange_settings(ALGORITHM=algorithm)
            signing_keys.rotate_signing_key(all_new=True, act=Act(now=timezone.now()))
            (key,) = published(https_client)
            public = jwt.PyJWK(key).key
            assert public.key_size == {"RS256": 3072, "ES256": 256}[algorithm]
            if algorithm == "ES256":
                assert len(key["x"]) == len(key["y"]) == 43

    def test_has_each_kid_once_the_oldest_first(self, https_client):
        old = SigningKey.objects.get()
        new = signing_keys.rotate_signing_key(act=Act(now=timezone.now()))
        assert [key["kid"] for key in published(https_client)] == [old.kid, new.kid]

    def test_an_unreadable_private_key_is_published_still(self, https_client):
        before = published(https_client)
        SigningKey.objects.update(encrypted_private_key="")
        process_state.clear_caches()
        assert published(https_client) == before

    def test_is_empty_while_there_is_no_key(self, https_client):
        SigningKey.objects.all().delete()
        process_state.clear_caches()
        assert published(https_client) == []
        assert not SigningKey.objects.exists()


class TestAnswer:
    def test_is_cacheable_for_anyone(self, https_client):
        response = https_client.get(PATH)
        assert response.status_code == 200
        assert response["Content-Type"] == "application/jwk-set+json"
        assert response["Cache-Control"] == "public, max-age=300"
        assert response["Access-Control-Allow-Origin"] == "*"
        assert not response.cookies
        assert "Vary" not in response
        assert "Pragma" not in response

    def test_max_age_is_a_setting(self, https_client, token_exchange_settings):
        token_exchange_settings(JWKS_MAX_AGE=60)
        assert https_client.get(PATH)["Cache-Control"] == "public, max-age=60"

    def test_asks_to_look_again_while_a_key_waits(self, https_client):
        signing_keys.rotate_signing_key(act=Act(now=timezone.now()))
        assert https_client.get(PATH)["Cache-Control"] == "public, no-cache"

    def test_head_has_the_headers_only(self, https_client):
        got, head = https_client.get(PATH), https_client.head(PATH)
        assert head.status_code == 200
        assert head.content == b""
        assert head["ETag"] == got["ETag"]
        assert head["Content-Type"] == got["Content-Type"]

    def test_credentials_are_not_looked_at(self, https_client):
        expected = https_client.get(PATH).content
        for header in ("Bearer x", "ApiKey \xe9", "Basic , ,"):
            assert https_client.get(PATH, headers={"authorization": header}).content == expected

    def test_post_is_refused(self, https_client):
        assert_refused(https_client.post(PATH), 405, "invalid_request")


class TestRevalidation:
    @pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', "*"])
    def test_an_unchanged_set_is_not_sent_again(self, https_client, form):
        etag = https_client.get(PATH)["ETag"]
        response = https_client.get(PATH, headers={"if-none-match": form.format(etag)})
        assert response.status_code == 304
        assert response.content == b""
        assert response["ETag"] == etag
        assert response["Cache-Control"] == "public, max-age=300"
        assert response["Access-Control-Allow-Origin"] == "*"

    def test_a_changed_set_is(self, https_client):
        etag = https_client.get(PATH)["ETag"]
        signing_keys.rotate_signing_key(act=Act(now=timezone.now()))
        response = https_client.get(PATH, headers={"if-none-match": etag})
        assert response.status_code == 200
        assert response["ETag"] != etag

    @pytest.mark.parametrize("header", ["x", '"x"', "\xe9", '"' * 99, ""])
    def test_any_other_tag_gets_the_set(self, https_client, header):
        assert https_client.get(PATH, headers={"if-none-match": header}).status_code == 200


class TestRotation:
    def test_a_verifier_that_keeps_the_set_for_its_max_age_knows_every_token(self, https_client):
        """Verify at each step with the key set fetched five minutes earlier."""
        lifetime = timedelta(hours=8)
        with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
            app = make_client_app(token_lifetime=lifetime)
            kept = []
            for minute in range(0, 30, 5):
                process_state.clear_caches()
                kept.append(jwt.PyJWKSet.from_dict({"keys": published(https_client)}))
                if minute == 10:
                    signing_keys.rotate_signing_key(act=Act(now=timezone.now()))
                response = https_client.post("/auth_token", headers=basic_header(app))
                https_client.delete("/auth_token", headers=basic_header(app))
                token = response.json()["access_token"]["token"]
                assert kept[max(0, len(kept) - 2)][jwt.get_unverified_header(token)["kid"]]
                clock.shift(300)
            kids = {jwt.get_unverified_header(token)["kid"]}
            assert kids == {SigningKey.objects.order_by("sequence").last().kid}

    def test_a_retired_key_is_published_until_its_last_token_is_dead(self, https_client):
        with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
            app = make_client_app(token_lifetime=timedelta(hours=24))
            old = SigningKey.objects.get().kid
            signing_keys.rotate_signing_key(act=Act(now=timezone.now()))
            clock.shift(359)  # a second before the new key signs
            process_state.clear_caches()
            answer = https_client.post("/auth_token", headers=basic_header(app)).json()
            token = answer["access_token"]["token"]
            assert jwt.get_unverified_header(token)["kid"] == old
            clock.shift(86_399)
            process_state.clear_caches()
            assert verified_claims(https_client, token)
            clock.shift(302)
            process_state.clear_caches()
            assert old not in [key["kid"] for key in published(https_client)]

    def test_a_removed_key_is_gone_at_once(self, https_client):
        old = SigningKey.objects.get().kid
        signing_keys.rotate_signing_key(all_new=True, act=Act(now=timezone.now()))
        assert old not in [key["kid"] for key in published(https_client)]
