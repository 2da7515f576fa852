"""The cached key set: its age, its contents, and unreadable keys."""

from __future__ import annotations

import base64
import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, current_thread

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.db import OperationalError, connection

from tests.issuer.signing_keys.conftest import START, accepts, kids, published
from tests.support.factories import api_key_header, basic_header, make_api_key, make_client_app
from token_exchange.issuer.credentials import Act
from token_exchange.issuer.signing_keys import (
    encryption,
    key_set,
    rotate_signing_key,
)
from token_exchange.issuer.tokens import verify_access_token
from token_exchange.models import RevocationFeed, SigningKey
from token_exchange_core import process_state
from token_exchange_core.errors import TemporarilyUnavailable
from token_exchange_core.keys import KeySet
from token_exchange_core.keys import SigningKey as GeneratedKey

OLD, NEW = "old-" * 16, "new-" * 16


class TestCache:
    def test_asks_once_a_second_whether_a_key_was_changed(
        self, first_key, elapsed, django_assert_num_queries
    ):
        with django_assert_num_queries(2):
            before = key_set()
            assert key_set() is before
            elapsed.seconds += 0.9
            assert key_set() is before
        elapsed.seconds += 0.1
        with django_assert_num_queries(1):
            assert key_set() is before

    @pytest.mark.parametrize("seconds", [10, -1])
    def test_reads_the_rows_now_and_then_or_by_another_clock(
        self, first_key, elapsed, clock, django_assert_num_queries, seconds
    ):
        before = key_set()
        elapsed.seconds += 1
        clock.traveller.shift(seconds)
        with django_assert_num_queries(2):
            after = key_set()
        assert after is not before
        # Read again, but not parsed again.
        assert after.current is before.current
        assert after.verification_key(first_key.kid) is before.verification_key(first_key.kid)

    def test_shows_another_process_its_new_key_within_that_time(self, first_key, elapsed):
        assert kids(published()) == [first_key.kid]
        # As another process would.
        SigningKey.objects.update(removed_at=START)
        RevocationFeed.objects.update(position=1)
        assert kids(published()) == [first_key.kid]
        elapsed.seconds += 1
        assert kids(published()) == []

    def test_is_read_once_by_threads_that_find_it_stale_at_the_same_time(
        self, first_key, monkeypatch, django_assert_num_queries
    ):
        this_thread, other_looked = current_thread(), Event()

        def monotonic() -> float:
            if current_thread() is not this_thread:
                other_looked.set()
            return 1000.0

        def let_the_other_look(execute, *arguments):
            if not others:
                others.append(pool.submit(key_set))
            assert other_looked.wait(timeout=10)
            return execute(*arguments)

        others: list[Future[KeySet]] = []
        monkeypatch.setattr(time, "monotonic", monotonic)
        with ThreadPoolExecutor(1) as pool, django_assert_num_queries(2):
            with connection.execute_wrapper(let_the_other_look):
                mine = key_set()
            assert [other.result(timeout=10) for other in others] == [mine]

    def test_is_read_again_after_a_setting_has_changed(
        self, first_key, settings, django_assert_num_queries
    ):
        key_set()
        with django_assert_num_queries(0):
            key_set()
        settings.SECRET_KEY_FALLBACKS = [OLD]
        with django_assert_num_queries(2):
            key_set()

    def test_does_not_outlive_a_failed_read(self, first_key, elapsed):
        """Nor does a failed read make a key, which would void every token."""

        def be_away(execute, sql, params, many, context):
            elapsed.seconds += 1
            raise OperationalError("the database is away")

        with connection.execute_wrapper(be_away):
            with pytest.raises(OperationalError):
                key_set()
            # Whoever waited meanwhile does not ask, and wait, again.
            with pytest.raises(TemporarilyUnavailable):
                key_set()
        process_state.clear_caches()
        assert key_set().current.kid == first_key.kid
        assert SigningKey.objects.count() == 1


class TestPrivateKey:
    def test_is_not_stored_in_the_clear(self, first_key):
        der = key_set().current.private_bytes()
        seed = der[-32:]  # RFC 8410, section 7
        row = repr(SigningKey.objects.values()[0])
        for secret in (der, seed):
            for text in (
                secret.hex(),
                base64.b64encode(secret).decode(),
                base64.urlsafe_b64encode(secret).decode().rstrip("="),
            ):
                assert text not in row
        assert first_key.public_jwk.keys() == {"kty", "crv", "x", "kid", "use", "alg"}

    def test_survives_a_new_secret_key_with_the_old_as_a_fallback(self, settings, first_key):
        old = settings.SECRET_KEY
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [old]
        assert key_set().current.kid == first_key.kid
        new = rotate_signing_key(all_new=True, act=Act(now=START))
        settings.SECRET_KEY_FALLBACKS = []
        assert key_set().current.kid == new.kid

    def test_may_be_encrypted_with_a_secret_key_of_bytes(self, settings, first_key):
        settings.SECRET_KEY = settings.SECRET_KEY.encode()
        assert key_set().current.kid == first_key.kid

    def test_has_secrets_of_its_own_where_the_setting_says_so(
        self, settings, first_key, token_exchange_settings
    ):
        token_exchange_settings(SIGNING_KEY_ENCRYPTION_KEYS=[OLD])
        with pytest.raises(TemporarilyUnavailable):
            _ = key_set().current
        key = rotate_signing_key(all_new=True, act=Act(now=START))
        settings.SECRET_KEY = "another-" * 8
        assert key_set().current.kid == key.kid
        token_exchange_settings(SIGNING_KEY_ENCRYPTION_KEYS=[NEW, OLD])
        assert key_set().current.kid == key.kid
        token_exchange_settings(SIGNING_KEY_ENCRYPTION_KEYS=[NEW])
        with pytest.raises(TemporarilyUnavailable):
            _ = key_set().current


class TestUnreadablePrivateKey:
    """Nothing is signed, everything verifies, and no key is made in its place."""

    @pytest.fixture
    def unreadable(self, first_key, mint, caplog):
        token = mint()
        jwks = published()

        def check() -> None:
            process_state.clear_caches()
            with caplog.at_level(logging.ERROR, logger="token_exchange"):
                with pytest.raises(TemporarilyUnavailable) as caught:
                    mint()
                assert caught.value.reason == "no_signing_key"
            assert {(record.event, record.event_fields["kid"]) for record in caplog.records} == {
                ("signing_key.unreadable", first_key.kid)
            }
            assert verify_access_token(token, now=START.timestamp())
            assert published() == jwks
            assert accepts(published(), token)
            assert SigningKey.objects.count() == 1

        return check

    def test_is_told_of_once_and_signs_again_when_it_is_mended(
        self, first_key, elapsed, clock, caplog
    ):
        def told_of() -> int:
            caplog.clear()
            elapsed.seconds += 1
            clock.traveller.shift(10)
            key_set()
            return len(caplog.records)

        readable = first_key.encrypted_private_key
        with caplog.at_level(logging.ERROR, logger="token_exchange"):
            SigningKey.objects.update(encrypted_private_key="x")
            assert [told_of() for _ in range(3)] == [1, 0, 0]
            SigningKey.objects.update(encrypted_private_key=readable)
            assert told_of() == 0
        assert key_set().current.kid == first_key.kid

    @pytest.mark.django_db
    def test_is_a_503_at_each_exchange_and_nowhere_else(self, unreadable, https_client, settings):
        key, app = make_api_key(), make_client_app()
        settings.SECRET_KEY = NEW
        for url, headers in (
            ("/v1/token", api_key_header(key)),
            ("/auth_token", basic_header(app)),
        ):
            answer = https_client.post(url, headers=headers)
            assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
        answer = https_client.get("/.well-known/jwks.json")
        assert answer.status_code == 200
        assert len(answer.json()["keys"]) == SigningKey.objects.count() == 1

    def encrypt(self, raw: bytes) -> str:
        return encryption._fernets()[0].encrypt(raw).decode()

    def test_because_the_secret_key_is_another(self, unreadable, settings):
        settings.SECRET_KEY = NEW
        unreadable()

    def test_because_the_text_is_no_ciphertext_of_ours(self, unreadable):
        foreign = Fernet(Fernet.generate_key()).encrypt(b"").decode()
        for text in ("", "nonsense", foreign):
            SigningKey.objects.update(encrypted_private_key=text)
            unreadable()

    def test_because_it_is_no_key(self, unreadable):
        SigningKey.objects.update(encrypted_private_key=self.encrypt(b"no key"))
        unreadable()

    def test_because_it_is_a_key_of_another_use(self, unreadable):
        der = x25519.X25519PrivateKey.generate().private_bytes(
            Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
        )
        SigningKey.objects.update(encrypted_private_key=self.encrypt(der))
        unreadable()

    def test_because_it_is_another_rows(self, unreadable):
        der = GeneratedKey.generate("EdDSA").private_bytes()
        SigningKey.objects.update(encrypted_private_key=self.encrypt(der))
        unreadable()

    def test_leaves_retired_keys_out_of_the_way(self, clock, first_key, mint):
        """A key that cannot be read matters only while it is the one that signs."""
        SigningKey.objects.update(encrypted_private_key="nonsense")
        new = rotate_signing_key(act=Act(now=START))
        clock.at(new.activates_at - START)
        assert accepts(published(), mint())


class TestSpoiledRow:
    @pytest.mark.parametrize("jwk", [{}, {"alg": "EdDSA", "kty": "OKP"}, [], 5, "x"])
    def test_does_not_take_the_others_with_it(self, first_key, jwk):
        new = rotate_signing_key(act=Act(now=START))
        SigningKey.objects.filter(pk=first_key.pk).update(public_jwk=jwk)
        process_state.clear_caches()
        assert kids(published()) == [new.kid]

    def test_does_not_bring_in_a_key_under_the_id_of_another(self, first_key):
        stranger = GeneratedKey.generate("EdDSA").public.public_jwk
        SigningKey.objects.update(public_jwk=dict(stranger))
        assert kids(published()) == []
