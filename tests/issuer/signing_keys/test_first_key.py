"""Creation of the first signing key after a migration."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from threading import Barrier

import pytest
from django.core.management import call_command
from django.core.management.sql import emit_post_migrate_signal
from django.db import connection
from django.db.models.signals import pre_save

from tests.support.threads import in_threads
from token_exchange.issuer import signing_keys
from token_exchange.issuer.credentials import Act
from token_exchange.issuer.signing_keys import (
    SigningKeyConflict,
    ensure_first_key,
    rotate_signing_key,
)
from token_exchange.models import SigningKey
from token_exchange.models.signing_key import KeyState
from token_exchange_core.keys import SigningKey as GeneratedKey

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def migrate(*arguments: str) -> None:
    call_command("migrate", *arguments, verbosity=0, stdout=StringIO())


class TestFirstKey:
    def test_is_there_after_migrate_and_signs_at_once(self):
        key = SigningKey.objects.get()
        assert key.state(now=datetime.now(UTC)) == KeyState.CURRENT
        assert signing_keys.key_set().current.kid == key.kid

    def test_is_not_made_again(self):
        before = SigningKey.objects.get()
        emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
        assert list(SigningKey.objects.all()) == [before]

    def test_is_not_made_where_there_has_been_one(self):
        """Keys that are gone are no reason: somebody must have ended them."""
        SigningKey.objects.update(removed_at=NOW)
        ensure_first_key(using="default", act=Act(now=NOW))
        assert SigningKey.objects.filter(removed_at=None).count() == 0

    def test_replaces_the_keys_that_the_process_had_cached(self):
        """As after a flush, when the first key is created once more."""
        before = signing_keys.key_set().current.kid
        SigningKey.objects.all().delete()
        emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
        assert signing_keys.key_set().current.kid == SigningKey.objects.get().kid != before

    def test_has_the_algorithm_of_the_settings(self, token_exchange_settings):
        token_exchange_settings(ALGORITHM="ES256")
        SigningKey.objects.all().delete()
        ensure_first_key(using="default", act=Act(now=NOW))
        assert SigningKey.objects.get().algorithm == "ES256"

    def test_is_another_process_if_that_was_faster(self):
        SigningKey.objects.all().delete()

        def be_faster(*, instance, **_: object) -> None:
            other = GeneratedKey.generate("EdDSA")
            row = SigningKey(
                sequence=instance.sequence,
                kid=other.kid,
                algorithm="EdDSA",
                public_jwk=dict(other.public.public_jwk),
                published_at=NOW,
                activates_at=NOW,
            )
            SigningKey.objects.bulk_create([row])
            inserted.append(other.kid)

        inserted: list[str] = []
        pre_save.connect(be_faster, sender=SigningKey)
        try:
            ensure_first_key(using="default", act=Act(now=NOW))
        finally:
            pre_save.disconnect(be_faster, sender=SigningKey)
        assert len(inserted) == 1


@pytest.mark.django_db(transaction=True)
class TestDatabaseFromNothing:
    def test_gets_another_first_key_by_flush(self):
        before = signing_keys.key_set().current.kid
        call_command("flush", interactive=False, verbosity=0)
        assert SigningKey.objects.get().kid != before
        assert signing_keys.key_set().current.kid == SigningKey.objects.get().kid

    def test_comes_back_from_migrating_to_zero(self):
        before, tables = SigningKey.objects.get().kid, connection.introspection.table_names()
        try:
            migrate("token_exchange", "zero")
            left = connection.introspection.table_names()
            assert [name for name in left if name.startswith("token_exchange")] == []
        finally:
            migrate()  # all: tables of other apps that point to ours went with them
        assert SigningKey.objects.get().kid != before
        assert sorted(connection.introspection.table_names()) == sorted(tables)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
class TestAtTheSameMoment:
    def test_one_first_key_is_made(self):
        SigningKey.objects.all().delete()
        barrier = Barrier(6)

        def migrate_once() -> None:
            barrier.wait(timeout=10)
            ensure_first_key(using="default", act=Act(now=NOW))

        assert in_threads(6, migrate_once) == [None] * 6
        assert SigningKey.objects.count() == 1

    @pytest.mark.parametrize("all_new", [False, True])
    def test_rotations_leave_one_key_that_signs(self, all_new):
        barrier = Barrier(6)

        def rotate_once() -> str:
            barrier.wait(timeout=10)
            try:
                return rotate_signing_key(all_new=all_new, act=Act(now=datetime.now(UTC))).kid
            except SigningKeyConflict:
                return "conflict"

        answers = in_threads(6, rotate_once)
        made = [kid for kid in answers if kid != "conflict"]
        later = datetime.now(UTC) + timedelta(minutes=7)
        states = [key.state(now=later) for key in SigningKey.objects.all()]
        assert states.count(KeyState.CURRENT) == 1
        assert SigningKey.objects.count() == 1 + len(made)
        assert all_new or len(made) == 1
