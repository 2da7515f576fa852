"""Refused credentials: one description and the same cost for all faults."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from tests.authentication.direct import API_KEY, CLIENT_APP, assert_refused, basic
from tests.support.factories import api_key_header, make_api_key, make_user
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import Credential, Organization
from token_exchange_core.secret_strings import make_client_id, make_identifier, make_secret

pytestmark = pytest.mark.django_db


def is_unknown(issued):
    Credential.objects.filter(pk=issued.credential.pk).delete()


def is_of_another_secret(issued):
    Credential.objects.filter(pk=issued.credential.pk).update(
        secret_digest=make_secret(make_identifier("sk_live")).digest
    )


def is_revoked(issued):
    credentials.revoke(issued.credential, act=Act(now=timezone.now()))


def has_expired(issued):
    Credential.objects.filter(pk=issued.credential.pk).update(expires_at=timezone.now())


def is_rotated_without_overlap(issued):
    credentials.rotate(issued.credential, overlap=timedelta(0), act=Act(now=timezone.now()))


def has_outlived_its_overlap(issued):
    before = timezone.now() - timedelta(hours=2)
    with time_machine.travel(before, tick=False):
        credentials.rotate(issued.credential, overlap=timedelta(hours=2), act=Act(now=before))


def has_an_inactive_organization(issued):
    Organization.objects.update(is_active=False)


def is_of_another_kind(issued):
    Credential.objects.filter(pk=issued.credential.pk).update(
        kind="client_app" if issued.credential.kind == "api_key" else "api_key"
    )


def comes_from_elsewhere(issued):
    Credential.objects.filter(pk=issued.credential.pk).update(allowed_networks=["192.0.2.0/24"])


def is_for_another_service(issued):
    Credential.objects.filter(pk=issued.credential.pk).update(audience=["https://other.test"])


WAYS_TO_FAIL = (
    is_unknown,
    is_of_another_secret,
    is_revoked,
    has_expired,
    is_rotated_without_overlap,
    has_outlived_its_overlap,
    has_an_inactive_organization,
    is_of_another_kind,
    comes_from_elsewhere,
    is_for_another_service,
)


class TestRefused:
    @pytest.mark.parametrize(("path", "make", "header"), [API_KEY, CLIENT_APP])
    def test_every_reason_gives_the_same_bytes(self, https_client, path, make, header):
        answers = set()
        for fail in WAYS_TO_FAIL:
            issued = make()
            Organization.objects.update(is_active=True)
            assert https_client.get(path, headers=header(issued)).status_code == 200
            fail(issued)
            answer = https_client.get(path, headers=header(issued))
            assert_refused(answer, path)
            answers.add((answer.content, str(sorted(answer.items()))))
        assert len(answers) == 1

    def test_keys_of_users_too(self, https_client):
        for values in ({"is_active": False}, None):
            owner = make_user()
            issued = make_api_key(owner=owner)
            headers = api_key_header(issued)
            assert https_client.get("/key", headers=headers).status_code == 200
            if values:
                type(owner).objects.filter(pk=owner.pk).update(**values)
            else:
                Credential.objects.filter(pk=issued.credential.pk).update(owner=None)
            assert_refused(https_client.get("/key", headers=headers), "/key")

    @pytest.mark.parametrize(
        ("path", "header"),
        [
            ("/key", f"ApiKey {make_secret(make_identifier('sk_live')).raw_secret}"),
            (
                "/app",
                basic(
                    f"{make_client_id('ci_live')}:"
                    f"{make_secret(make_identifier('cs_live')).raw_secret}"
                ),
            ),
        ],
        ids=["api_key", "client_app"],
    )
    def test_nobodys_costs_one_select_like_anybodys(
        self, get, django_assert_num_queries, path, header
    ):
        with django_assert_num_queries(1):
            assert_refused(get(path, header), path)

    def test_malformed_costs_no_query(self, get, django_assert_num_queries):
        raw_secret = make_api_key().raw_secret
        with django_assert_num_queries(0):
            get("/key", f"ApiKey {raw_secret[:-1]}")
            get("/key", f"ApiKey {raw_secret.replace('sk_live', 'sk_test')}")

    def test_of_another_environment(self, get, token_exchange_settings):
        issued = make_api_key()
        token_exchange_settings(ENVIRONMENT="test")
        assert_refused(get("/key", f"ApiKey {issued.raw_secret}"), "/key")

    def test_identifier_is_compared_with_case(self, get):
        """Whatever the database's collation thinks."""
        issued = make_api_key()
        identifier = issued.credential.identifier
        changed = f"sk_live.{identifier.removeprefix('sk_live.').swapcase()}"
        assert_refused(get("/key", f"ApiKey {make_secret(changed).raw_secret}"), "/key")


class TestAudience:
    """A credential for other services only opens none of ours."""

    @pytest.mark.parametrize(("path", "make", "header"), [API_KEY, CLIENT_APP])
    def test_of_others_is_refused(self, https_client, path, make, header):
        issued = make(audience=["https://other.test"])
        assert_refused(https_client.get(path, headers=header(issued)), path)

    @pytest.mark.parametrize(("path", "make", "header"), [API_KEY, CLIENT_APP])
    def test_with_ours_is_good(self, https_client, path, make, header):
        issued = make(audience=["https://other.test", "https://issuer.test"])
        assert https_client.get(path, headers=header(issued)).status_code == 200
