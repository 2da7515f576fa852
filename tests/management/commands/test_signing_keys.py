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

    def test_is_refused_until_it_signs(self, complaint, clock):
        kid = run("rotate_signing_key")["kid"]
        assert complaint("rotate_signing_key") == (
            f"Key {kid} is published and signs from 2026-01-01T00:06:00+00:00; rotate after that."
        )
        clock.shift(timedelta(minutes=6))
        assert run("rotate_signing_key")["signs_from"] == "2026-01-01T00:12:00+00:00"

    def test_ends_all_others_where_asked(self):
        run("rotate_signing_key")
        answer = run("rotate_signing_key", "--all-new")
        assert answer["signs_from"] == "2026-01-01T00:00:00+00:00"
        assert answer["all_new"] is True
        assert [key.kid for key in SigningKey.objects.published(now=NOW)] == [answer["kid"]]

    def test_tells_people(self):
        shown = text("rotate_signing_key")
        kid = SigningKey.objects.get(sequence=2).kid
        assert shown == (
            f"Published the EdDSA key {kid}.\n"
            "It signs from 2026-01-01T00:06:00+00:00. The others retire then.\n"
        )
        assert text("rotate_signing_key", "--all-new").endswith(
            "It signs from 2026-01-01T00:00:00+00:00. All other keys are removed.\n"
        )

    def test_tells_that_nothing_is_signed_meanwhile_where_nobody_can(self, settings):
        settings.SECRET_KEY = "another-secret-key-than-the-one-of-before"
        assert text("rotate_signing_key").endswith(
            "\nNothing is signed until then: the key of today cannot be decrypted. "
            "After remove_signing_key with that key's id the new one signs at once, and the "
            "tokens of the other are refused.\n"
        )
        with pytest.raises(TemporarilyUnavailable):
            _ = signing_keys.key_set().current
        unreadable, new = SigningKey.objects.order_by("sequence")
        assert run("remove_signing_key", unreadable.kid)["signs_now"] is True
        assert signing_keys.key_set().current.kid == new.kid

    def test_signs_at_once_where_asked_although_nobody_could(self, settings):
        settings.SECRET_KEY = "another-secret-key-than-the-one-of-before"
        SigningKey.objects.update(published_at=NOW - DAY, activates_at=NOW - DAY)
        answer = run("rotate_signing_key", "--all-new")
        assert answer["signs_now"] is True
        assert signing_keys.key_set().current.kid == answer["kid"]

    def test_tells_programs_as_well(self, settings):
        settings.SECRET_KEY = "another-secret-key-than-the-one-of-before"
        assert run("rotate_signing_key")["signs_now"] is False

    def test_signs_at_once_where_there_is_no_other_key(self):
        SigningKey.objects.all().delete()
        assert run("rotate_signing_key")["signs_now"] is True
        assert signing_keys.key_set().current.kid == SigningKey.objects.get().kid

    def test_refuses_what_it_does_not_know(self, complaint):
        assert "unrecognized arguments: now" in complaint("rotate_signing_key", "now")


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

    def test_shows_people_a_table_without_private_keys(self):
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
    def test_ends_the_key_and_lets_another_sign(self):
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

    def test_tells_people(self):
        leaked = SigningKey.objects.get()
        assert text("remove_signing_key", leaked.kid) == (
            f"Removed the key {leaked.kid}; every token that it signed is refused.\n"
            f"The key {SigningKey.objects.get(sequence=2).kid} signs now.\n"
        )

    def test_tells_that_nothing_is_signed_where_nobody_can(self, settings):
        run("rotate_signing_key")
        leaked, waiting = SigningKey.objects.order_by("sequence")
        settings.SECRET_KEY = "another-secret-key-than-the-one-of-before"
        assert text("remove_signing_key", leaked.kid).endswith(
            f"\nNothing is signed: the key {waiting.kid} cannot be decrypted. "
            "Restore the secret it was made with, or remove it as well.\n"
        )
        assert run("remove_signing_key", waiting.kid)["signs_now"] is True

    def test_is_refused_for_a_key_that_is_not_there(self, complaint):
        assert complaint("remove_signing_key", "x\ny") == "No published key has this id: x y."
        assert SigningKey.objects.count() == 1


class TestReencryptSigningKeys:
    @pytest.fixture(autouse=True)
    def old(self, settings):
        old = settings.SECRET_KEY
        settings.SECRET_KEY = "another-secret-key-than-the-one-of-before"
        return old

    def test_says_which_were_encrypted_anew(self, settings, old):
        settings.SECRET_KEY_FALLBACKS = [old]
        kid = SigningKey.objects.get().kid
        nothing = {"reencrypted": [], "unchanged": [], "unreadable": []}
        assert run("reencrypt_signing_keys") == nothing | {"reencrypted": [kid]}
        assert run("reencrypt_signing_keys") == nothing | {"unchanged": [kid]}
        settings.SECRET_KEY_FALLBACKS = []
        assert signing_keys.key_set().current.kid == kid

    def test_tells_people_that_the_old_secret_may_go(self, settings, old):
        settings.SECRET_KEY_FALLBACKS = [old]
        assert text("reencrypt_signing_keys") == (
            "Keys encrypted with the newest secret: 1 now, 0 before.\n"
            "No signing key needs an older secret any more.\n"
        )

    def test_tells_which_cannot_be_read(self):
        kid = SigningKey.objects.get().kid
        assert run("reencrypt_signing_keys")["unreadable"] == [kid]
        assert text("reencrypt_signing_keys") == (
            "Keys encrypted with the newest secret: 0 now, 0 before.\n"
            f"Cannot be decrypted: {kid}\n"
            "Bring back the secret that encrypted it as a fallback, and run this again.\n"
        )
