"""The commands that rotate, list, remove and re-encrypt signing keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.management.commands.conftest import run, text
from token_exchange.issuer import signing_keys
from token_exchange.issuer.credentials import Act
from token_exchange.models import SigningKey
from token_exchange_core.errors import TemporarilyUnavailable

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        SigningKey.objects.all().delete()
        signing_keys.ensure_first_key(using="default", act=Act(now=NOW))
        yield traveller


class TestRotateSigningKey:
    def test_publishes_a_key_that_signs_later(self):
        answer = run("rotate_signing_key")
        key = SigningKey.objects.get(sequence=2)
        assert answer == {
            "kid": key.kid,
            "algorithm": "EdDSA",
            "signs_from": "2026-01-01T00:06:00+00:00",
            "all_new": False,
            "signs_now": True,
        }

    def test_is_refused_until_the_next_key_signs(self, error_of, clock):
        kid = run("rotate_signing_key")["kid"]
        assert error_of("rotate_signing_key") == (
            f"Key {kid} is published and signs from 2026-01-01T00:06:00+00:00; rotate after that."
        )
        clock.shift(timedelta(minutes=6))
        assert run("rotate_signing_key")["signs_from"] == "2026-01-01T00:12:00+00:00"

    def test_all_new_removes_all_other_keys(self):
        run("rotate_signing_key")
        answer = run("rotate_signing_key", "--all-new")
        assert answer["signs_from"] == "2026-01-01T00:00:00+00:00"
        assert answer["all_new"] is True
        assert [key.kid for key in SigningKey.objects.published(now=NOW)] == [answer["kid"]]

    def test_prints_when_the_key_starts_signing(self):
        shown = text("rotate_signing_key")
        kid = SigningKey.objects.get(sequence=2).kid
        assert shown == (
            f"Published the EdDSA key {kid}.\n"
            "It starts signing at 2026-01-01T00:06:00+00:00. The current key retires then.\n"
        )
        assert text("rotate_signing_key", "--all-new").endswith(
            "It starts signing at 2026-01-01T00:00:00+00:00. All other keys are removed.\n"
        )

    def test_prints_that_no_token_can_be_signed_if_the_current_key_is_unreadable(self, settings):
        settings.SECRET_KEY = "another-secret-key-than-the-one-of-before"
        assert text("rotate_signing_key").endswith(
            "\nNo token can be signed until then: the current key cannot be decrypted. To sign "
            "with the new key immediately, run remove_signing_key with the current key's ID. "
            "That revokes the current key's tokens.\n"
        )
        with pytest.raises(TemporarilyUnavailable):
            _ = signing_keys.key_set().current
        unreadable, new = SigningKey.objects.order_by("sequence")
        assert run("remove_signing_key", unreadable.kid)["signs_now"] is True
        assert signing_keys.key_set().current.kid == new.kid

    def test_all_new_signs_immediately_if_the_current_key_is_unreadable(self, settings):
        settings.SECRET_KEY = "another-secret-key-than-the-one-of-before"
        SigningKey.objects.update(published_at=NOW - DAY, activates_at=NOW - DAY)
        answer = run("rotate_signing_key", "--all-new")
        assert answer["signs_now"] is True
        assert signing_keys.key_set().current.kid == answer["kid"]

    def test_json_shows_that_no_token_can_be_signed(self, settings):
        settings.SECRET_KEY = "another-secret-key-than-the-one-of-before"
        assert run("rotate_signing_key")["signs_now"] is False

    def test_signs_immediately_if_there_is_no_other_key(self):
        SigningKey.objects.all().delete()
        assert run("rotate_signing_key")["signs_now"] is True
        assert signing_keys.key_set().current.kid == SigningKey.objects.get().kid

    def test_refuses_unknown_arguments(self, error_of):
        assert "unrecognized arguments: now" in error_of("rotate_signing_key", "now")


class TestListSigningKeys:
    def test_shows_each_state(self, clock):
        run("rotate_signing_key", "--all-new")
        clock.shift(timedelta(minutes=1))
        run("rotate_signing_key")
        clock.shift(timedelta(minutes=6))
        run("rotate_signing_key")
        listed = run("list_signing_keys")["signing_keys"]
        assert [each["state"] for each in listed] == ["gone", "retired", "current", "next"]
        assert listed[1] == {
            "kid": SigningKey.objects.get(sequence=2).kid,
            "algorithm": "EdDSA",
            "state": "retired",
            "published_at": "2026-01-01T00:00:00+00:00",
            "signs_from": "2026-01-01T00:00:00+00:00",
            "signs_until": "2026-01-01T00:07:00+00:00",
            "removed_at": None,
        }

    def test_prints_a_table_without_private_keys(self):
        key = SigningKey.objects.get()
        title, row = text("list_signing_keys").splitlines()
        assert title.split() == [
            *("kid", "algorithm", "state", "published", "at"),
            *("signs", "from", "signs", "until", "removed", "at"),
        ]
        start = "2026-01-01T00:00:00+00:00"
        assert row.split() == [key.kid, "EdDSA", "current", start, start, "-", "-"]
        assert key.encrypted_private_key not in repr(run("list_signing_keys"))


class TestRemoveSigningKey:
    def test_removes_the_key_and_another_one_signs(self):
        leaked = SigningKey.objects.get()
        answer = run("remove_signing_key", leaked.kid)
        new = SigningKey.objects.get(sequence=2)
        assert answer == {
            "kid": leaked.kid,
            "removed_at": "2026-01-01T00:00:00+00:00",
            "signing_kid": new.kid,
            "signs_now": True,
        }
        assert signing_keys.key_set().current.kid == new.kid

    def test_prints_which_key_signs(self):
        leaked = SigningKey.objects.get()
        assert text("remove_signing_key", leaked.kid) == (
            f"Removed the key {leaked.kid}. Every token that it signed is now refused.\n"
            f"The key {SigningKey.objects.get(sequence=2).kid} signs new tokens.\n"
        )

    def test_prints_that_no_token_can_be_signed(self, settings):
        run("rotate_signing_key")
        leaked, waiting = SigningKey.objects.order_by("sequence")
        settings.SECRET_KEY = "another-secret-key-than-the-one-of-before"
        assert text("remove_signing_key", leaked.kid).endswith(
            f"\nNo token can be signed: the key {waiting.kid} cannot be decrypted. "
            "Restore the secret that encrypted it, or remove this key, too.\n"
        )
        assert run("remove_signing_key", waiting.kid)["signs_now"] is True

    def test_refuses_an_unknown_key(self, error_of):
        assert error_of("remove_signing_key", "x\ny") == "No published key has this id: x y."
        assert SigningKey.objects.count() == 1


class TestReencryptSigningKeys:
    @pytest.fixture(autouse=True)
    def old(self, settings):
        old = settings.SECRET_KEY
        settings.SECRET_KEY = "another-secret-key-than-the-one-of-before"
        return old

    def test_returns_which_keys_were_encrypted(self, settings, old):
        settings.SECRET_KEY_FALLBACKS = [old]
        kid = SigningKey.objects.get().kid
        nothing = {"reencrypted": [], "unchanged": [], "unreadable": []}
        assert run("reencrypt_signing_keys") == nothing | {"reencrypted": [kid]}
        assert run("reencrypt_signing_keys") == nothing | {"unchanged": [kid]}
        settings.SECRET_KEY_FALLBACKS = []
        assert signing_keys.key_set().current.kid == kid

    def test_prints_that_older_secrets_can_be_removed(self, settings, old):
        settings.SECRET_KEY_FALLBACKS = [old]
        assert text("reencrypt_signing_keys") == (
            "Keys encrypted with the newest secret: 1 now, 0 already.\n"
            "No signing key needs an older secret now. You can remove the fallbacks.\n"
        )

    def test_prints_which_keys_cannot_be_decrypted(self):
        kid = SigningKey.objects.get().kid
        assert run("reencrypt_signing_keys")["unreadable"] == [kid]
        assert text("reencrypt_signing_keys") == (
            "Keys encrypted with the newest secret: 0 now, 0 already.\n"
            f"Cannot be decrypted: {kid}\n"
            "Add the secret that encrypted it to the fallbacks, and run this command again.\n"
        )
