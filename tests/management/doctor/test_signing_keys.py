from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from tests.management.doctor.reports import examine
from token_exchange.issuer import signing_keys
from token_exchange.issuer.credentials import Act
from token_exchange.models import SigningKey
from token_exchange_core import keys

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
DETERMINISTIC = ("ok", "Two signatures of the same bytes are the same.")
ANOTHER = "another-secret-key-than-the-one-of-before-0123456789"


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        SigningKey.objects.all().delete()
        signing_keys.ensure_first_key(using="default", act=Act(now=NOW))
        yield traveller


@pytest.fixture
def kid() -> str:
    """The id of the first key."""
    return str(SigningKey.objects.get(sequence=1).kid)


def rotate(now: datetime) -> str:
    return str(signing_keys.rotate_signing_key(act=Act(now=now)).kid)


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "RS256"])
def test_all_is_well(token_exchange_settings, algorithm):
    token_exchange_settings(ALGORITHM=algorithm)
    SigningKey.objects.all().delete()
    signing_keys.ensure_first_key(using="default", act=Act(now=NOW))
    assert examine().of("signing keys") == [
        ("ok", f"{SigningKey.objects.get().kid} ({algorithm}) signs since 2026-01-01 00:00 UTC."),
        DETERMINISTIC,
    ]


def test_each_state(kid, clock):
    second = rotate(NOW)
    clock.shift(timedelta(minutes=6))
    third = rotate(NOW + timedelta(minutes=6))
    assert examine().of("signing keys") == [
        ("ok", f"{kid} (EdDSA) has retired 2026-01-01 00:06 UTC."),
        ("ok", f"{second} (EdDSA) signs since 2026-01-01 00:06 UTC."),
        ("ok", f"{third} (EdDSA) signs from 2026-01-01 00:12 UTC."),
        DETERMINISTIC,
    ]


@pytest.mark.parametrize("is_any_left", [True, False])
def test_no_key_signs(is_any_left):
    if is_any_left:
        SigningKey.objects.update(retires_at=NOW)
    else:
        SigningKey.objects.all().delete()
    report = examine()
    assert report.of("signing keys") == [("error", "No key signs, so no token is issued.")]
    assert report.hint("signing keys") == "Run: python manage.py rotate_signing_key"


class TestUnreadable:
    def test_key_that_signs(self, kid, settings):
        settings.SECRET_KEY = ANOTHER
        report = examine()
        told = (
            f"{kid} (EdDSA) signs since 2026-01-01 00:00 UTC; its private half cannot be "
            "decrypted, so it signs nothing."
        )
        assert report.of("signing keys") == [("error", told)]
        assert report.hint("signing keys") == (
            "Restore the secret it was made with: SECRET_KEY, perhaps in SECRET_KEY_FALLBACKS, or "
            f"SIGNING_KEY_ENCRYPTION_KEYS. If it is lost, run: python manage.py remove_signing_key "
            f"{kid}, which lets another sign at once and ends the tokens of that key; or, to spare "
            "them, rotate_signing_key, which signs after JWKS_MAX_AGE and a minute."
        )

    def test_key_that_will_sign(self, kid, settings):
        settings.SECRET_KEY, before = ANOTHER, settings.SECRET_KEY
        waiting = rotate(NOW)
        settings.SECRET_KEY = before
        first, second, third = examine().of("signing keys")
        assert (first[0], second[0], third) == ("ok", "error", DETERMINISTIC)
        assert second[1].startswith(f"{waiting} (EdDSA) signs from 2026-01-01 00:06 UTC; ")

    def test_key_that_has_retired(self, kid, settings, clock):
        settings.SECRET_KEY = ANOTHER
        rotate(NOW)
        clock.shift(timedelta(minutes=6))
        report = examine()
        told = (
            f"{kid} (EdDSA) has retired 2026-01-01 00:06 UTC; its private half cannot be "
            "decrypted, so its auth tokens are replaced instead of handed out again."
        )
        assert report.of("signing keys")[0] == ("warning", told)

    def test_public_half(self, kid):
        SigningKey.objects.update(public_jwk={"kty": "nonsense"})
        report = examine()
        told = (
            f"{kid} (EdDSA) signs since 2026-01-01 00:00 UTC; its public half is spoiled, so its "
            "tokens are refused."
        )
        assert report.of("signing keys") == [("error", told), DETERMINISTIC]
        assert f"remove_signing_key {kid}" in report.hint("signing keys")

    def test_public_half_of_another_key(self):
        other = keys.SigningKey.generate("EdDSA").public.public_jwk
        SigningKey.objects.update(public_jwk=dict(other))
        assert "its public half is spoiled" in examine().of("signing keys")[0][1]


def test_key_that_a_fallback_decrypts(kid, settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = ANOTHER, [settings.SECRET_KEY]
    report = examine()
    assert report.of("signing keys") == [
        (
            "warning",
            f"{kid} (EdDSA) signs since 2026-01-01 00:00 UTC; only a fallback secret decrypts it.",
        ),
        DETERMINISTIC,
    ]
    told = "Run, before that secret goes: python manage.py reencrypt_signing_keys"
    assert report.hint("signing keys") == told
    signing_keys.reencrypt_signing_keys(now=NOW)
    assert {level for level, _ in examine().of("signing keys")} == {"ok"}


def test_another_algorithm_than_the_settings(token_exchange_settings):
    token_exchange_settings(ALGORITHM="ES256")
    told = "The newest key is for EdDSA, but TOKEN_EXCHANGE['ALGORITHM'] is ES256."
    assert ("warning", told) in examine().of("signing keys")
    rotate(NOW)
    assert {level for level, _ in examine().of("signing keys")} == {"ok"}


class TestOldKey:
    def test_may_wait_for_a_task_that_runs_each_day(self, token_exchange_settings, clock):
        token_exchange_settings(SIGNING_KEY_LIFETIME=30 * 86_400)
        clock.move_to(NOW + 31 * DAY)
        assert {level for level, _ in examine().of("signing keys")} == {"ok"}
        clock.shift(timedelta(seconds=1))
        told = "It signs for 31 days already; SIGNING_KEY_LIFETIME is 30."
        report = examine()
        assert ("warning", told) in report.of("signing keys")
        assert "token_exchange.tasks.rotate_signing_keys" in report.hint("signing keys")

    def test_is_well_once_the_next_is_published(self, clock):
        clock.move_to(NOW + 365 * DAY)
        rotate(NOW + 365 * DAY)
        assert {level for level, _ in examine().of("signing keys")} == {"ok"}

    def test_is_nobody_s_concern_without_a_lifetime(self, token_exchange_settings, clock):
        token_exchange_settings(SIGNING_KEY_LIFETIME=None)
        clock.move_to(NOW + 3650 * DAY)
        assert {level for level, _ in examine().of("signing keys")} == {"ok"}


def test_signatures_that_differ(token_exchange_settings, monkeypatch):
    """As those of ECDSA do unless the library makes them as RFC 6979 says."""
    token_exchange_settings(ALGORITHM="ES256")
    SigningKey.objects.all().delete()
    signing_keys.ensure_first_key(using="default", act=Act(now=NOW))
    by_chance = ec.ECDSA(SHA256())
    monkeypatch.setattr(keys._ALGORITHMS["ES256"], "_signature_algorithm", by_chance)
    level, text = examine().of("signing keys")[-1]
    assert level == "error"
    assert text.startswith("ES256 signs the same bytes differently each time, ")
