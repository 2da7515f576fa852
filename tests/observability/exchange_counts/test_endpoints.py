"""What each endpoint counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from tests.observability.exchange_counts.rows import of, rows
from tests.support.factories import api_key_header, basic_header, make_api_key, make_client_app
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import HourlyCount
from token_exchange.observability import exchange_counts

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def key():
    return make_api_key(scopes=["read"])


@pytest.fixture
def app():
    return make_client_app()


@pytest.fixture
def counted():
    """Write the counts and return the rows: ``counted()``."""

    def counted():
        exchange_counts.flush()
        return rows()

    return counted


class TestSuccess:
    def test_with_an_api_key_is_an_exchange(self, https_client, key, counted):
        for _ in range(3):
            assert https_client.post("/v1/token", headers=api_key_header(key)).status_code == 200
        assert counted() == of(key, "exchanged", 3)

    def test_with_a_client_app_is_an_exchange_and_then_a_reuse(self, https_client, app, counted):
        for _ in range(3):
            assert https_client.post("/auth_token", headers=basic_header(app)).status_code == 200
        assert counted() == of(app, "exchanged", 1) | of(app, "reused", 2)

    def test_is_counted_in_its_hour(self, https_client, key, counted):
        for time in ("2030-01-01T12:59:59+00:00", "2030-01-01T13:00:00+00:00"):
            with time_machine.travel(time, tick=False):
                https_client.post("/v1/token", headers=api_key_header(key))
        counted()
        hours = HourlyCount.objects.filter(identifier="").order_by("hour")
        assert list(hours.values_list("hour", "count")) == [
            (datetime(2030, 1, 1, 12, tzinfo=UTC), 1),
            (datetime(2030, 1, 1, 13, tzinfo=UTC), 1),
        ]

    def test_of_several_credentials_adds_up_for_their_organization(
        self, https_client, key, counted
    ):
        other = make_api_key(organization=key.credential.organization)
        for each in (key, other):
            https_client.post("/v1/token", headers=api_key_header(each))
        organization = str(key.credential.organization_id)
        assert counted() == {
            (organization, "", "exchanged"): 2,
            (organization, key.credential.identifier, "exchanged"): 1,
            (organization, other.credential.identifier, "exchanged"): 1,
        }

    def test_does_not_include_revoking_tokens(self, https_client, app, counted):
        assert https_client.delete("/auth_token", headers=basic_header(app)).status_code == 200
        assert counted() == {}


class TestRefusal:
    @pytest.mark.parametrize(
        ("path", "make", "header"),
        [
            ("/v1/token", make_api_key, api_key_header),
            ("/auth_token", make_client_app, basic_header),
        ],
    )
    def test_counts_for_a_known_credential(self, https_client, path, make, header, counted):
        revoked = make()
        credentials.revoke(revoked.credential, act=Act(now=timezone.now()))
        https_client.post(path, headers=header(revoked))
        assert counted() == of(revoked, "credential_revoked", 1)

    def test_for_a_wrong_secret_counts_for_the_identified_credential(
        self, https_client, key, counted
    ):
        credentials.rotate(key.credential, overlap=timedelta(0), act=Act(now=timezone.now()))
        https_client.post("/v1/token", headers=api_key_header(key))
        assert counted() == of(key, "wrong_secret", 1)

    def test_for_a_scope_counts_for_the_credential(self, https_client, key, counted):
        https_client.post("/v1/token", {"scope": "write"}, headers=api_key_header(key))
        assert counted() == of(key, "scope_not_granted", 1)

    def test_for_a_malformed_body_counts_for_the_credential(self, https_client, key, app, counted):
        sent = {"data": "{", "content_type": "application/json"}
        https_client.post("/v1/token", headers=api_key_header(key), **sent)
        https_client.post("/auth_token", headers=basic_header(app), **sent)
        assert counted() == of(key, "malformed_json", 1) | of(app, "malformed_json", 1)

    @pytest.mark.usefixtures("still_clock")
    def test_for_its_rate_limit_counts_for_the_credential(
        self, https_client, key, counted, token_exchange_settings
    ):
        token_exchange_settings(RATE_LIMITS={"token": "1/m"})
        for _ in range(2):
            https_client.post("/v1/token", headers=api_key_header(key))
        assert counted() == of(key, "exchanged", 1) | of(key, "rate_token", 1)

    @pytest.mark.usefixtures("still_clock")
    def test_for_the_rate_limit_of_its_address_counts_for_the_credential(
        self, https_client, key, counted, token_exchange_settings
    ):
        token_exchange_settings(RATE_LIMITS={"failure": "1/m"})
        credentials.revoke(key.credential, act=Act(now=timezone.now()))
        for _ in range(2):
            https_client.post("/v1/token", headers=api_key_header(key))
        assert counted() == of(key, "credential_revoked", 1) | of(key, "rate_failure", 1)

    def test_of_an_unknown_credential_counts_for_no_organization(self, https_client, key, counted):
        headers = api_key_header(key)
        key.credential.delete()
        https_client.post("/v1/token", headers=headers)
        https_client.post("/v1/token", headers={"authorization": "ApiKey nonsense"})
        https_client.post("/v1/token")
        reasons = ("unknown", "malformed_secret", "no_authorization")
        assert counted() == {("", "", reason): 1 for reason in reasons}

    def test_of_a_deleted_credential_counts_for_no_organization(self, https_client, key, counted):
        credentials.revoke(key.credential, act=Act(now=timezone.now()))
        https_client.post("/v1/token", headers=api_key_header(key))
        key.credential.delete()
        identifier = key.credential.identifier
        assert counted() == {("", each, "credential_revoked"): 1 for each in ("", identifier)}

    @pytest.mark.parametrize("send", ["get", "delete"])
    def test_of_other_requests_is_not_counted(self, https_client, send, counted):
        assert getattr(https_client, send)("/auth_token").status_code in {401, 405}
        assert https_client.get("/v1/revocations").status_code == 401
        assert counted() == {}
