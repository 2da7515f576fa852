"""Re-use of auth tokens, and the cases that need a new one."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from tests.http.client import stored_rows, verified_claims
from tests.support.factories import basic_header, is_good, make_client_app, make_organization
from token_exchange.issuer import credentials, signing_keys, tokens
from token_exchange.issuer.credentials import Act
from token_exchange.models import AccessToken, Credential, Organization, SigningKey
from token_exchange_core import process_state

pytestmark = pytest.mark.django_db

NOW = "2030-01-01T12:00:00.25+00:00"
LIFETIME = 28_800


@pytest.fixture(params=["RS256", "ES256", "EdDSA"])
def _algorithm(request, token_exchange_settings):
    token_exchange_settings(ALGORITHM=request.param)
    signing_keys.rotate_signing_key(all_new=True, act=Act(now=timezone.now()))


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        process_state.clear_caches()
        yield traveller


@pytest.fixture
def app(clock):
    return make_client_app(scopes=["a", "b"], audience=["https://issuer.test", "https://b.test"])


@pytest.fixture
def obtain(https_client, app):
    """Return the auth token object, by default with the app's first secret."""

    def post(issued=app):
        response = https_client.post("/auth_token", headers=basic_header(issued))
        assert response.status_code == 200, response.content
        return response.json()["access_token"]

    return post


@pytest.mark.usefixtures("_algorithm")
class TestWhileItLasts:
    def test_the_same_bytes_until_half_an_hour_is_left(self, obtain, clock):
        first = obtain()
        assert len({obtain()["token"] for _ in range(3)} | {first["token"]}) == 1
        clock.shift(LIFETIME - 1801)
        assert obtain() == first
        assert AccessToken.objects.count() == 1

    def test_at_half_an_hour_a_new_one_of_full_lifetime(self, obtain, clock, https_client):
        first = obtain()
        clock.move_to(first["expiration"] - 1800.0)
        second = obtain()
        assert second["token"] != first["token"]
        assert second["expiration"] == first["expiration"] - 1800 + LIFETIME
        assert is_good(first["token"])
        assert is_good(second["token"])
        assert obtain() == second
        clock.move_to(first["expiration"] - 0.5)
        assert is_good(first["token"])
        clock.shift(0.5)
        assert not is_good(first["token"])
        assert obtain() == second

    def test_just_over_half_an_hour_is_still_the_same(self, obtain, clock):
        first = obtain()
        clock.move_to(first["expiration"] - 1800.001)
        assert obtain() == first

    def test_a_retired_key_signs_its_own_tokens_again(
        self, obtain, clock, https_client, token_exchange_settings
    ):
        first = obtain()
        old = signing_keys.key_set().current.kid
        token_exchange_settings(ALGORITHM="EdDSA")
        new = signing_keys.rotate_signing_key(act=Act(now=timezone.now()))
        assert obtain() == first
        clock.shift(3600)
        process_state.clear_caches()
        assert signing_keys.key_set().current.kid == new.kid != old
        assert obtain() == first
        assert verified_claims(https_client, first["token"], audience="https://b.test")
        assert AccessToken.objects.get().kid == old

    def test_no_process_is_needed_twice(self, obtain):
        first = obtain()
        process_state.clear_caches()
        assert obtain() == first


class TestAtRest:
    def test_no_signed_token_is_stored(self, obtain):
        token = obtain()["token"]
        unsigned, _, signature = token.rpartition(".")
        row = AccessToken.objects.get()
        assert row.signing_input == unsigned
        assert signature not in str(stored_rows())


class TestNotAgain:
    """Changes after which the next request issues a new token; some revoke the old one."""

    @pytest.fixture
    def first(self, obtain):
        return obtain()["token"]

    def minted(self, obtain, first, app):
        second = obtain(app)["token"]
        assert second != first
        assert obtain(app)["token"] == second
        return second

    def edit(self, app, **values):
        credential = Credential.objects.get(pk=app.credential.pk)
        credentials.edit(credential, values)

    def test_after_the_token_was_revoked(self, obtain, first, app):
        row = AccessToken.objects.get()
        tokens.revoke(row, act=Act(now=timezone.now()))
        assert not is_good(first)
        with pytest.raises(credentials.CredentialConflict):
            tokens.revoke(row, act=Act(now=timezone.now()))
        assert is_good(self.minted(obtain, first, app))

    def test_after_delete(self, obtain, first, app, https_client):
        https_client.delete("/auth_token", headers=basic_header(app))
        assert not is_good(first)
        assert is_good(self.minted(obtain, first, app))

    def test_after_a_compromise(self, obtain, first, app):
        new = credentials.rotate(app.credential, compromised=True, act=Act(now=timezone.now()))
        assert not is_good(first)
        assert is_good(self.minted(obtain, first, new))

    def test_but_after_a_plain_rotation_by_both_secrets(self, obtain, first, app):
        new = credentials.rotate(app.credential, act=Act(now=timezone.now()))
        assert obtain(new)["token"] == first
        assert obtain(app)["token"] == first

    @pytest.mark.parametrize(
        "narrowed",
        [
            {"scopes": ["a"]},
            {"scopes": ["a", "c"]},
            {"audience": ["https://issuer.test"]},
            {"token_lifetime": timedelta(hours=1)},
        ],
    )
    def test_after_the_policy_was_narrowed(self, obtain, first, app, narrowed):
        self.edit(app, **narrowed)
        assert not is_good(first)
        assert is_good(self.minted(obtain, first, app))

    def test_after_its_expiry_was_brought_forward(self, obtain, first, app, clock):
        self.edit(app, expires_at=timezone.now() + timedelta(hours=2))
        assert not is_good(first)
        second = obtain()
        assert second["token"] != first
        assert second["expiration"] <= timezone.now().timestamp() + 7200

    @pytest.mark.parametrize(
        "widened",
        [
            {"scopes": ["a", "b", "c"]},
            {"audience": ["https://issuer.test", "https://b.test", "https://c.test"]},
        ],
    )
    def test_after_the_policy_was_widened(self, obtain, first, app, widened):
        self.edit(app, **widened)
        assert is_good(first)
        assert is_good(self.minted(obtain, first, app))

    def test_after_the_organizations_maximum_was_lowered(self, obtain, first, app):
        Organization.objects.update(max_token_lifetime=timedelta(hours=7, minutes=59, seconds=30))
        assert is_good(first)
        second = obtain()
        assert second["token"] != first
        assert second["expiration"] == int(timezone.now().timestamp()) + 28_770
        assert obtain() == second

    def test_but_again_once_its_rest_is_within_the_maximum(self, obtain, first, clock):
        Organization.objects.update(max_token_lifetime=timedelta(hours=2))
        clock.shift(6 * 3600 + 1)
        assert obtain()["token"] == first

    def test_after_its_key_was_removed(self, obtain, first, app):
        signing_keys.rotate_signing_key(all_new=True, act=Act(now=timezone.now()))
        assert not is_good(first)
        assert is_good(self.minted(obtain, first, app))

    def test_after_its_key_became_unreadable(self, obtain, first, app, clock):
        signing_keys.rotate_signing_key(act=Act(now=timezone.now()))
        clock.shift(3600)
        SigningKey.objects.filter(retires_at__lt=timezone.now()).update(encrypted_private_key="x")
        process_state.clear_caches()
        assert is_good(first)
        assert is_good(self.minted(obtain, first, app))

    def test_after_revoke_there_is_none(self, first, app, https_client):
        credentials.revoke(app.credential, act=Act(now=timezone.now()))
        response = https_client.post("/auth_token", headers=basic_header(app))
        assert response.status_code == 401
        assert not is_good(first)
        assert AccessToken.objects.count() == 1

    def test_to_another_client_of_the_organization(self, obtain, first, app):
        other = make_client_app(organization=app.credential.organization, scopes=["a", "b"])
        assert obtain(other)["token"] != first


class TestClocks:
    def test_a_process_whose_clock_is_behind_hands_out_the_same_token(self, obtain, clock):
        first = obtain()
        clock.shift(-20)
        assert obtain() == first
        assert AccessToken.objects.count() == 1

    def test_a_short_lifetime_is_never_used_again(self, obtain, https_client):
        app = make_client_app(
            organization=make_organization(), token_lifetime=timedelta(seconds=1800)
        )
        assert obtain(app)["token"] != obtain(app)["token"]

    def test_the_token_of_a_credential_that_ends_is_used_again(self, obtain, clock):
        app = make_client_app(expires_at=timezone.now() + timedelta(hours=2))
        first = obtain(app)
        clock.shift(60.7)
        assert obtain(app) == first

    def test_a_token_of_a_clock_that_was_far_ahead_is_not_handed_on(self, obtain, clock):
        first = obtain()
        clock.shift(-61)
        second = obtain()
        assert second["expiration"] == first["expiration"] - 61


class TestAnotherIssuer:
    def test_has_tokens_of_its_own(self, obtain, token_exchange_settings, clock):
        """A new name, or the database of another environment: the old token is refused."""
        token_exchange_settings(AUDIENCE="https://issuer.test")
        first = obtain()
        token_exchange_settings(ISSUER="https://new.test", AUDIENCE="https://issuer.test")
        assert not is_good(first["token"])
        assert is_good(obtain()["token"])

    def test_nor_does_the_organization_stay_when_it_changes(self, obtain, app):
        first = obtain()
        organization = make_organization()
        Credential.objects.update(organization=organization)
        assert not is_good(first["token"])
        assert is_good(obtain()["token"])
