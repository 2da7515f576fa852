"""No finding contains a secret, whatever fails."""

from __future__ import annotations

import pytest

from tests.management.doctor.reports import examine, shown
from tests.secrecy.storage_search import Secrets
from token_exchange.models import SigningKey

CACHE_PASSWORD = "password-of-the-cache-0123456789"
BROKER_PASSWORD = "password-of-the-broker-0123456789"
OLD_SECRET_KEY = "secret-key-of-yesterday-0123456789-abcdefghijklmnopq"

# An unescaped slash ends a URL's authority, so the rest of the password is part of the path.
PASSWORDS_IN_URLS = pytest.mark.parametrize("spoiled_by", ["", "/"])


@pytest.fixture
def secrets(settings) -> Secrets:
    found = Secrets()
    found.add(CACHE_PASSWORD, "the cache's password")
    found.add(BROKER_PASSWORD, "the broker's password")
    found.add(settings.SECRET_KEY, "SECRET_KEY")
    found.add(OLD_SECRET_KEY, "the previous SECRET_KEY")
    for key in SigningKey.objects.all():
        found.add(key.encrypted_private_key, "a private key, encrypted")
    return found


def printed() -> list[str]:
    report = examine()
    return [repr(report.answer), report.error, *shown(), *shown(force_color=True)]


@pytest.mark.django_db
class TestEverythingWrong:
    @pytest.fixture(autouse=True)
    def _encrypted_before(self, settings):
        settings.SECRET_KEY_FALLBACKS = [OLD_SECRET_KEY]

    @PASSWORDS_IN_URLS
    def test_unreachable_services(self, secrets, redis_cache, celery_app, closed_port, spoiled_by):
        host = f"127.0.0.1:{closed_port}/0"
        redis_cache(f"redis://:x{spoiled_by}{CACHE_PASSWORD}@{host}")
        celery_app(broker_url=f"redis://:x{spoiled_by}{BROKER_PASSWORD}@{host}")
        expected = printed()
        assert examine().answer["errors"] == 2
        assert secrets.found_in("the doctor's report", expected) == []

    def test_signing_keys_that_cannot_be_decrypted(self, secrets, settings):
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD_SECRET_KEY, []
        expected = printed()
        assert "cannot be decrypted" in expected[0]
        assert secrets.found_in("the doctor's report", expected) == []

    def test_invalid_settings(self, secrets, token_exchange_settings):
        token_exchange_settings(SIGNING_KEY_ENCRYPTION_KEYS=OLD_SECRET_KEY)
        expected = printed()
        assert "SIGNING_KEY_ENCRYPTION_KEYS" in expected[0]
        assert secrets.found_in("the doctor's report", expected) == []
