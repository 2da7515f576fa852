"""Re-encryption, after which an old ``SECRET_KEY`` can be removed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db.models.signals import post_init

from tests.issuer.signing_keys.conftest import START, accepts, kids, published
from tests.support.authentication import authenticate_client_app
from tests.support.factories import make_client_app
from tests.support.threads import in_threads
from token_exchange.issuer import signing_keys, tokens
from token_exchange.issuer.credentials import Act
from token_exchange.issuer.signing_keys import (
    Reencryption,
    reencrypt_signing_keys,
    remove_signing_key,
    rotate_signing_key,
)
from token_exchange.models import SigningKey
from token_exchange_core import process_state
from token_exchange_core.errors import TemporarilyUnavailable

NEW, LOST = "new-" * 16, "lost-" * 16
SIGNS = timedelta(seconds=360)


def ciphertexts() -> dict[str, str]:
    return dict(SigningKey.objects.values_list("kid", "encrypted_private_key"))


def result(*, reencrypted=(), unchanged=(), unreadable=()) -> Reencryption:
    return Reencryption(
        reencrypted=tuple(reencrypted), unchanged=tuple(unchanged), unreadable=tuple(unreadable)
    )


@pytest.fixture
def new_secret(settings, first_key):
    """Put a new secret before that of the first key."""
    old = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [old]
    return old


class TestWholeLifeOfASecret:
    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
    def test_changes_neither_exchanges_nor_tokens(
        self, settings, clock, mint, token_exchange_settings, algorithm
    ):
        token_exchange_settings(ALGORITHM=algorithm)
        SigningKey.objects.all().delete()
        signing_keys.ensure_first_key(using="default", act=Act(now=START))
        app = make_client_app()

        def auth_token() -> str:
            now = datetime.now(UTC)
            credential = authenticate_client_app(
                app.credential.identifier, app.raw_secret, address="", now=now
            )
            return tokens.reuse_or_issue(credential, now=now).token

        def all_is_well() -> bool:
            process_state.clear_caches()  # as a process that has just started
            return auth_token() == token and accepts(jwks, mint()) and published() == jwks

        token = auth_token()
        rotate_signing_key(act=Act(now=START))
        clock.at(SIGNS)  # the token is re-used with a key that is retired
        jwks = published()
        assert all_is_well()
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [settings.SECRET_KEY]
        assert all_is_well()
        done = reencrypt_signing_keys(now=START + SIGNS)
        assert done == result(reencrypted=kids(jwks))
        assert all_is_well()
        settings.SECRET_KEY_FALLBACKS = []
        assert all_is_well()

    def test_ends_exchanges_where_the_old_one_goes_too_soon(self, settings, new_secret, mint):
        settings.SECRET_KEY_FALLBACKS = []
        with pytest.raises(TemporarilyUnavailable):
            mint()
        settings.SECRET_KEY_FALLBACKS = [new_secret]
        assert accepts(published(), mint())


class TestReencrypt:
    def test_again_changes_nothing(self, first_key, new_secret):
        assert reencrypt_signing_keys(now=START) == result(reencrypted=[first_key.kid])
        before = ciphertexts()
        assert reencrypt_signing_keys(now=START) == result(unchanged=[first_key.kid])
        assert ciphertexts() == before

    def test_tells_of_what_it_cannot_read_and_leaves_it(self, settings, first_key, new_secret):
        settings.SECRET_KEY_FALLBACKS = [LOST]
        before = ciphertexts()
        assert reencrypt_signing_keys(now=START) == result(unreadable=[first_key.kid])
        assert ciphertexts() == before

    def test_is_for_each_published_key(self, settings, first_key, new_secret):
        waiting = rotate_signing_key(act=Act(now=START))
        done = reencrypt_signing_keys(now=START)
        assert done == result(reencrypted=[first_key.kid], unchanged=[waiting.kid])

    def test_leaves_nothing_of_keys_that_are_gone(self, first_key, new_secret):
        rotate_signing_key(act=Act(now=START))
        later = START + timedelta(days=2)
        reencrypt_signing_keys(now=later)
        assert ciphertexts()[first_key.kid] == ""

    def test_takes_the_secrets_of_its_own_setting(
        self, settings, first_key, token_exchange_settings
    ):
        """That is how one moves from ``SECRET_KEY`` to secrets of their own."""
        token_exchange_settings(SIGNING_KEY_ENCRYPTION_KEYS=[NEW, settings.SECRET_KEY])
        reencrypt_signing_keys(now=START)
        token_exchange_settings(SIGNING_KEY_ENCRYPTION_KEYS=[NEW])
        assert signing_keys.key_set().current.kid == first_key.kid

    def test_does_not_bring_back_what_was_removed_meanwhile(self, first_key, new_secret):
        def remove_it(*, instance, **_: object) -> None:
            post_init.disconnect(remove_it, sender=SigningKey)
            remove_signing_key(instance.kid, act=Act(now=START))

        post_init.connect(remove_it, sender=SigningKey)
        try:
            assert reencrypt_signing_keys(now=START) == result(unchanged=[first_key.kid])
        finally:
            post_init.disconnect(remove_it, sender=SigningKey)
        assert ciphertexts()[first_key.kid] == ""


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
class TestAtTheSameMoment:
    @pytest.mark.parametrize("_attempt", range(3))
    def test_as_itself_and_a_rotation_leaves_every_key_readable(self, settings, _attempt):
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [settings.SECRET_KEY]
        verbs = [
            lambda: reencrypt_signing_keys(now=datetime.now(UTC)),
            lambda: reencrypt_signing_keys(now=datetime.now(UTC)),
            rotate_signing_key,
        ]
        barrier = Barrier(len(verbs))

        def run_one() -> None:
            verb = verbs.pop()
            barrier.wait(timeout=10)
            verb()

        in_threads(3, run_one)
        settings.SECRET_KEY_FALLBACKS = []
        rows = SigningKey.objects.all()
        assert [signing_keys.is_readable(row) for row in rows] == [True, True]
