from __future__ import annotations

from datetime import timedelta

import pytest

from tests.issuer.credentials.conftest import HOUR, MINUTE, NOW, SECOND, authenticate
from tests.support.authentication import authenticate_api_key, authenticate_client_app
from tests.support.factories import make_api_key, make_client_app, make_organization, make_user
from token_exchange.issuer.credentials import Act, AuthenticatedCredential, revoke, rotate
from token_exchange.models import Credential
from token_exchange.signals import previous_secret_used
from token_exchange_core.errors import InvalidClient
from token_exchange_core.secret_strings import make_client_id, make_secret

pytestmark = pytest.mark.django_db


def refusal(issued, **values) -> str:
    with pytest.raises(InvalidClient) as caught:
        authenticate(issued, **values)
    # What the caller may read is the same whatever the reason.
    assert caught.value.description == InvalidClient.description
    return caught.value.reason


class TestGoodCredential:
    @pytest.mark.parametrize("make", [make_api_key, make_client_app])
    def test_is_told_by_one_query(self, make, django_assert_num_queries):
        organization = make_organization(
            default_token_lifetime=timedelta(minutes=10), max_token_lifetime=timedelta(hours=2)
        )
        issued = make(
            organization=organization,
            scopes=["a", "b"],
            audience=["https://a.test"],
            token_lifetime=timedelta(minutes=5),
            expires_at=NOW + HOUR,
            now=NOW,
        )
        with django_assert_num_queries(1):
            found = authenticate(issued)
        assert found == AuthenticatedCredential(
            pk=issued.credential.pk,
            identifier=issued.credential.identifier,
            kind=issued.credential.kind,
            subject_type="organization",
            owner_id=None,
            organization_id=organization.pk,
            scopes=["a", "b"],
            audience=["https://a.test"],
            token_lifetime=timedelta(minutes=5),
            secret_version=1,
            generation=1,
            expires_at=NOW + HOUR,
            organization_default_token_lifetime=timedelta(minutes=10),
            organization_max_token_lifetime=timedelta(hours=2),
            used_previous_secret=False,
        )

    def test_brings_its_owner_in_the_same_query(self, django_assert_num_queries):
        user = make_user(email="owner@example.test")
        issued = make_api_key(owner=user)
        with django_assert_num_queries(1):
            owner = authenticate(issued, load_owner=True).owner
            assert (owner, owner.email) == (user, "owner@example.test")
        assert authenticate(issued).owner is None
        assert authenticate(issued).owner_id == user.pk

    def test_has_no_owner_to_bring_if_it_is_an_organizations(self):
        assert authenticate(make_api_key(), load_owner=True).owner is None


class TestSecretVersion:
    """Tells for which of a credential's secrets a token was minted."""

    def test_counts_the_rotations(self):
        versions = []
        issued = make_api_key(now=NOW)
        for _ in range(3):
            versions.append(authenticate(issued).secret_version)
            issued = rotate(issued.credential, overlap=timedelta(0), act=Act(now=NOW))
        assert versions == [1, 2, 3]

    @pytest.mark.parametrize("make", [make_api_key, make_client_app])
    def test_of_the_previous_secret_is_one_lower(self, make):
        first = make(now=NOW)
        second = rotate(first.credential, overlap=HOUR, act=Act(now=NOW))
        assert [authenticate(each).secret_version for each in (first, second)] == [1, 2]


class TestRefusal:
    def test_of_an_unknown_key(self):
        unknown = make_api_key()
        Credential.objects.all().delete()
        assert refusal(unknown) == "unknown"

    def test_of_another_secret_of_the_same_key(self):
        issued = make_api_key()
        other = make_secret(issued.credential.identifier).raw_secret
        with pytest.raises(InvalidClient) as caught:
            authenticate_api_key(other, address="", now=NOW)
        assert caught.value.reason == "wrong_secret"
        assert caught.value.identifier == issued.credential.identifier

    def test_of_another_apps_secret(self):
        one, other = make_client_app(), make_client_app()
        with pytest.raises(InvalidClient) as caught:
            authenticate_client_app(
                one.credential.identifier, other.raw_secret, address="", now=NOW
            )
        assert caught.value.reason == "wrong_secret"

    @pytest.mark.parametrize(
        ("make", "other"), [(make_api_key, "client_app"), (make_client_app, "api_key")]
    )
    def test_of_a_credential_of_the_other_kind(self, make, other):
        issued = make()
        Credential.objects.update(kind=other)
        assert refusal(issued) == "unknown"

    def test_of_what_is_no_secret_without_any_query(self, django_assert_num_queries):
        app = make_client_app()
        with django_assert_num_queries(0):
            for key in ("", "x", app.raw_secret, make_secret("sk_test.abcdefghijkl").raw_secret):
                with pytest.raises(InvalidClient) as caught:
                    authenticate_api_key(key, address="", now=NOW)
                assert caught.value.reason == "malformed_secret"
            for client_id in ("", "x", make_client_id("ci_test"), app.raw_secret):
                with pytest.raises(InvalidClient) as caught:
                    authenticate_client_app(client_id, app.raw_secret, address="", now=NOW)
                assert caught.value.reason == "malformed_client_id"

    @pytest.mark.parametrize("make", [make_api_key, make_client_app])
    def test_of_a_revoked_credential(self, make):
        issued = make()
        revoke(issued.credential, act=Act(now=NOW))
        assert refusal(issued) == "credential_revoked"

    def test_from_the_instant_of_expiry_on(self):
        issued = make_api_key(expires_at=NOW + HOUR, now=NOW)
        assert authenticate(issued, now=NOW + HOUR - SECOND)
        assert refusal(issued, now=NOW + HOUR) == "credential_expired"

    def test_while_the_organization_is_inactive(self):
        issued = make_api_key()
        organization = issued.credential.organization
        organization.is_active = False
        organization.save()
        assert refusal(issued) == "organization_inactive"
        organization.is_active = True
        organization.save()
        assert authenticate(issued)

    def test_while_the_owner_is_inactive(self):
        user = make_user(is_active=False)
        issued = make_api_key(owner=user)
        assert refusal(issued) == "owner_inactive"
        user.is_active = True
        user.save()
        assert authenticate(issued)

    def test_of_a_users_key_without_its_user(self):
        """It never becomes a key of the organization."""
        issued = make_api_key(owner=make_user())
        Credential.objects.filter(pk=issued.credential.pk).update(owner=None)
        assert refusal(issued) == "owner_gone"
        assert refusal(issued, load_owner=True) == "owner_gone"

    @pytest.mark.parametrize(
        ("address", "is_allowed"),
        [
            ("192.0.2.77", True),
            ("::ffff:192.0.2.77", True),
            ("192.0.3.1", False),
            ("2001:db8::1", True),
            ("2001:db9::1", False),
            ("", False),
            ("not an address", False),
        ],
    )
    def test_outside_the_allowed_networks(self, address, is_allowed):
        issued = make_api_key(allowed_networks=["192.0.2.0/24", "2001:db8::/32"])
        if is_allowed:
            assert authenticate(issued, address=address)
        else:
            assert refusal(issued, address=address) == "network_not_allowed"


class TestPreviousSecret:
    def test_works_until_the_overlap_ends(self):
        first = make_api_key(now=NOW)
        second = rotate(first.credential, overlap=HOUR, act=Act(now=NOW))
        assert authenticate(second).used_previous_secret is False
        assert authenticate(first, now=NOW + HOUR - SECOND).used_previous_secret is True
        assert refusal(first, now=NOW + HOUR) == "previous_secret_expired"
        assert authenticate(second, now=NOW + HOUR)

    def test_is_refused_at_once_without_an_overlap(self):
        first = make_client_app(now=NOW)
        rotate(first.credential, overlap=timedelta(0), act=Act(now=NOW))
        assert refusal(first) == "wrong_secret"

    def test_use_is_seen_once_a_minute(self, hear, used):
        said = hear(previous_secret_used)
        first = make_api_key(now=NOW)
        second = rotate(first.credential, overlap=HOUR, act=Act(now=NOW))
        assert used(first, address="192.0.2.9").previous_secret_last_used_at == NOW
        assert said == [
            {
                "credential_id": first.credential.pk,
                "identifier": first.credential.identifier,
                "address": "192.0.2.9",
            }
        ]
        assert used(first, now=NOW + MINUTE - SECOND).previous_secret_last_used_at == NOW
        assert len(said) == 1
        # The new secret's use, a moment ago, does not hide the old one's.
        used(second, now=NOW + MINUTE)
        credential = used(first, now=NOW + MINUTE)
        assert credential.previous_secret_last_used_at == NOW + MINUTE
        assert len(said) == 2

    def test_use_is_forgotten_with_the_next_rotation(self, used):
        first = make_api_key(now=NOW)
        rotate(first.credential, overlap=HOUR, act=Act(now=NOW))
        used(first)
        rotate(first.credential, act=Act(now=NOW + HOUR))
        assert first.credential.previous_secret_last_used_at is None
