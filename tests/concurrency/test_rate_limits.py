"""Rate limits that many processes count at once."""

from __future__ import annotations

import pytest
from django.conf import settings

from tests.concurrency import tasks
from tests.concurrency.process_pool import run_crowd
from tests.support.factories import api_key_header, basic_header, make_api_key, make_client_app

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgresql,
    pytest.mark.skipif(
        "LocMem" in settings.CACHES["default"]["BACKEND"],
        reason="needs a cache in CACHE_URL that processes share",
    ),
]


@pytest.fixture(autouse=True)
def _ten_an_hour(token_exchange_settings):
    rates = {"token": "10/24h", "auth_token": "10/24h", "failure": "10/24h"}
    token_exchange_settings(RATE_LIMITS=rates)


def statuses(path, headers):
    return sorted(status for status, _ in run_crowd(tasks.post_once, path, headers))


def test_of_successes_no_more_than_the_quota_pass():
    assert statuses("/v1/token", api_key_header(make_api_key())) == [200] * 10 + [429] * 6
    assert statuses("/auth_token", basic_header(make_client_app())) == [200] * 10 + [429] * 6


def test_of_failures_no_more_than_the_quota_are_told():
    headers = {"authorization": "ApiKey nonsense"}
    assert statuses("/v1/token", headers) == [401] * 10 + [429] * 6
