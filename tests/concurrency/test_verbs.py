"""Operations on one credential or key set in many processes at once: exactly one succeeds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.concurrency import tasks
from tests.concurrency.process_pool import run_crowd
from tests.support.factories import api_key_header, basic_header, make_api_key, make_client_app
from token_exchange.issuer import tokens
from token_exchange.models import AccessToken, SigningKey

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


@pytest.fixture(autouse=True)
def _unlimited(token_exchange_settings):
    token_exchange_settings(RATE_LIMITS=None)


class TestRotate:
    def test_one_wins_and_its_secret_works(self, https_client):
        key = make_api_key()
        secrets = run_crowd(tasks.rotate, key.credential.identifier)
        (won,) = [secret for secret in secrets if secret is not None]
        headers = [{"authorization": f"ApiKey {won}"}, api_key_header(key)]
        answers = [https_client.post("/v1/token", headers=each) for each in headers]
        assert [answer.status_code for answer in answers] == [200, 200]


class TestRevoke:
    def test_one_wins(self):
        key = make_api_key()
        outcomes = run_crowd(tasks.revoke, key.credential.identifier)
        assert outcomes.count(True) == 1
        key.credential.refresh_from_db()
        assert key.credential.revoked_at is not None


class TestPublishSigningKey:
    def test_one_wins(self):
        before = SigningKey.objects.count()
        kids = run_crowd(tasks.publish_signing_key)
        (won,) = [kid for kid in kids if kid is not None]
        assert SigningKey.objects.count() == before + 1
        assert SigningKey.objects.order_by("sequence").last().kid == won


class TestPurge:
    def test_purges_delete_each_row_once_and_disturb_no_exchange(self):
        key, app = make_api_key(), make_client_app()
        past = timezone.now() - timedelta(days=30)
        AccessToken.objects.bulk_create(
            AccessToken(
                jti=f"expired-{number}",
                credential=key.credential,
                generation=1,
                audience=["x"],
                kid="x",
                issued_at=past,
                expires_at=past,
            )
            for number in range(5000)
        )
        callers = [("/v1/token", api_key_header(key)), ("/auth_token", basic_header(app))]
        results = run_crowd(tasks.purge_or_post, callers)
        statuses = {status for kind, each in results if kind == "posted" for status in each}
        assert statuses == {200}
        assert sum(count for kind, count in results if kind == "purged") == 5000
        assert AccessToken.objects.filter(expires_at__lt=timezone.now()).count() == 0
        assert AccessToken.objects.filter(credential=app.credential).count() == 1
        assert AccessToken.objects.filter(credential=key.credential).count() == 40
        row = AccessToken.objects.get(credential=app.credential)
        assert (row.expires_at - timezone.now()).total_seconds() > tokens.REUSE_MARGIN_SECONDS
