"""Findings about the signing keys."""

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
SINCE = "has been signing since 2026-01-01 00:00 UTC"
DETERMINISTIC = ("ok", "Signing is deterministic.")
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
def test_first_key_is_ok(token_exchange_settings, algorithm):
    token_exchange_settings(ALGORITHM=algorithm)
    SigningKey.objects.all().delete()
    signing_keys.ensure_first_key(using="default", act=Act(now=NOW))
    assert examine().of("signing keys") == [
        (
            "ok",
            f"{SigningKey.objects.get().kid} ({algorithm}) {SINCE}.",
        ),
        DETERMINISTIC,
    ]


def test_each_state_of_a_key_is_shown(kid, clock):
    second = rotate(NOW)
    clock.shift(timedelta(minutes=6))
    third = rotate(NOW + timedelta(minutes=6))
    assert examine().of("signing keys") == [
        ("ok", f"{kid} (EdDSA) retired on 2026-01-01 00:06 UTC."),
        ("ok", f"{second} (EdDSA) has been signing since 2026-01-01 00:06 UTC."),
        ("ok", f"{third} (EdDSA) signs from 2026-01-01 00:12 UTC."),
        DETERMINISTIC,
    ]


@pytest.mark.parametrize("is_any_left", [True, False])
def test_no_active_key_is_an_error(is_any_left):
    if is_any_left:
        SigningKey.objects.update(retires_at=NOW)
    else:
        SigningKey.objects.all().delete()
    report = examine()
    assert report.of("signing keys") == [
        ("error", "No signing key is active, so no token can be issued.")
    ]
    assert report.hint("signing keys") == "Run: python manage.py rotate_signing_key"


class TestDamagedKey:
    def test_current_key_is_an_error(self, kid, settings):
        settings.SECRET_KEY = ANOTHER
        report = examine()
        expected = (
            f"{kid} (EdDSA) has been signing since 2026-01-01 00:00 UTC; its private key cannot be "
            "decrypted, so it cannot sign."
        )
        assert report.of("signing keys") == [("error", expected)]
        assert report.hint("signing keys") == (
            "Restore the secret that encrypted it: SECRET_KEY (also in SECRET_KEY_FALLBACKS), or "
            "SIGNING_KEY_ENCRYPTION_KEYS. If that secret is lost, replace the key. To revoke its "
            f"tokens and sign now: python manage.py remove_signing_key {kid}. To keep its tokens, "
            "but issue no new ones until JWKS_MAX_AGE plus a minute has passed: python manage.py "
            "rotate_signing_key"
        )

    def test_next_key_is_an_error(self, kid, settings):
        settings.SECRET_KEY, before = ANOTHER, settings.SECRET_KEY
        waiting = rotate(NOW)
        settings.SECRET_KEY = before
        first, second, third = examine().of("signing keys")
        assert (first[0], second[0], third) == ("ok", "error", DETERMINISTIC)
        assert second[1].startswith(f"{waiting} (EdDSA) signs from 2026-01-01 00:06 UTC; ")

    def test_retired_key_is_a_warning(self, kid, settings, clock):
        settings.SECRET_KEY = ANOTHER
        rotate(NOW)
        clock.shift(timedelta(minutes=6))
        report = examine()
        expected = (
            f"{kid} (EdDSA) retired on 2026-01-01 00:06 UTC; its private key cannot be "
            "decrypted, so auth tokens that it signed are replaced instead of reused."
        )
        assert report.of("signing keys")[0] == ("warning", expected)

    def test_public_key_is_an_error(self, kid):
        SigningKey.objects.update(public_jwk={"kty": "nonsense"})
        report = examine()
        expected = f"{kid} (EdDSA) {SINCE}; its public key is damaged, so its tokens are refused."
        assert report.of("signing keys") == [("error", expected), DETERMINISTIC]
        assert f"remove_signing_key {kid}" in report.hint("signing keys")

    def test_public_key_of_another_key_is_an_error(self):
        other = keys.SigningKey.generate("EdDSA").public.public_jwk
        SigningKey.objects.update(public_jwk=dict(other))
        assert "its public key is damaged" in examine().of("signing keys")[0][1]


def test_key_that_only_a_fallback_decrypts_is_a_warning(kid, settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = ANOTHER, [settings.SECRET_KEY]
    report = examine()
    assert report.of("signing keys") == [
        (
            "warning",
            f"{kid} (EdDSA) {SINCE}; only a fallback secret can decrypt it.",
        ),
        DETERMINISTIC,
    ]
    expected = "Before you remove that secret, run: python manage.py reencrypt_signing_keys"
    assert report.hint("signing keys") == expected
    signing_keys.reencrypt_signing_keys(now=NOW)
    assert {level for level, _ in examine().of("signing keys")} == {"ok"}


def test_key_of_another_algorithm_is_a_warning(token_exchange_settings):
    token_exchange_settings(ALGORITHM="ES256")
    expected = "The newest key uses EdDSA, but TOKEN_EXCHANGE['ALGORITHM'] is ES256."
    assert ("warning", expected) in examine().of("signing keys")
    rotate(NOW)
    assert {level for level, _ in examine().of("signing keys")} == {"ok"}


class TestOldKey:
    def test_is_a_warning_a_day_after_its_rotation_was_due(self, token_exchange_settings, clock):
        token_exchange_settings(SIGNING_KEY_LIFETIME=30 * 86_400)
        clock.move_to(NOW + 31 * DAY)
        assert {level for level, _ in examine().of("signing keys")} == {"ok"}
        clock.shift(timedelta(seconds=1))
        expected = "The newest key has been signing for 31 days; SIGNING_KEY_LIFETIME is 30."
        report = examine()
        assert ("warning", expected) in report.of("signing keys")
        assert "token_exchange.tasks.rotate_signing_keys" in report.hint("signing keys")

    def test_is_ok_once_the_next_key_is_published(self, clock):
        clock.move_to(NOW + 365 * DAY)
        rotate(NOW + 365 * DAY)
        assert {level for level, _ in examine().of("signing keys")} == {"ok"}

    def test_is_ok_without_a_key_lifetime(self, token_exchange_settings, clock):
        token_exchange_settings(SIGNING_KEY_LIFETIME=None)
        clock.move_to(NOW + 3650 * DAY)
        assert {level for level, _ in examine().of("signing keys")} == {"ok"}


def test_signatures_that_differ_are_an_error(token_exchange_settings, monkeypatch):
    """As those of ECDSA do unless the library implements RFC 6979."""
    token_exchange_settings(ALGORITHM="ES256")
    SigningKey.objects.all().delete()
    signing_keys.ensure_first_key(using="default", act=Act(now=NOW))
    by_chance = ec.ECDSA(SHA256())
    monkeypatch.setattr(keys._ALGORITHMS["ES256"], "_signature_algorithm", by_chance)
    level, text = examine().of("signing keys")[-1]
    assert level == "error"
    assert text.startswith("ES256 signatures of the same bytes differ, ")


def test_key_that_cannot_sign_here_is_an_error(token_exchange_settings, old_openssl):
    token_exchange_settings(ALGORITHM="ES256")
    SigningKey.objects.all().delete()
    signing_keys.ensure_first_key(using="default", act=Act(now=NOW))
    level, text = examine().of("signing keys")[-1]
    assert level == "error"
    assert "RFC 6979" in text
