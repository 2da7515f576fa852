"""The scheduled task: rotation when it is due, and deletion of keys that are gone."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db.models.signals import pre_save

from tests.issuer.signing_keys.conftest import START
from tests.support.factories import make_token
from tests.support.threads import in_threads
from token_exchange.issuer.credentials import Act
from token_exchange.issuer.purging import purge_expired_tokens
from token_exchange.issuer.signing_keys import (
    key_set,
    remove_signing_key,
    rotate_signing_key,
    tend_signing_keys,
)
from token_exchange.models import AccessToken, SigningKey

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
SIGNS = timedelta(seconds=360)
GONE = SIGNS + DAY + timedelta(seconds=300)
FORGOTTEN = GONE + DAY + timedelta(minutes=15)
"""``TOKEN_RETENTION`` and a step of the clock later."""


class TestRotation:
    def test_is_due_when_the_key_has_signed_for_its_lifetime(self, first_key):
        assert tend_signing_keys(act=Act(now=START + 90 * DAY - SECOND)) is None
        new = tend_signing_keys(act=Act(now=START + 90 * DAY))
        assert new == SigningKey.objects.get(sequence=2)
        assert new.activates_at == START + 90 * DAY + SIGNS

    def test_counts_from_when_the_key_began_to_sign(self, first_key, token_exchange_settings):
        token_exchange_settings(SIGNING_KEY_LIFETIME=DAY)
        new = rotate_signing_key(act=Act(now=START))
        assert tend_signing_keys(act=Act(now=new.activates_at + DAY - SECOND)) is None
        assert tend_signing_keys(act=Act(now=new.activates_at + DAY)) is not None

    def test_is_made_once(self, first_key):
        due = START + 90 * DAY
        assert tend_signing_keys(act=Act(now=due)) is not None
        for later in (timedelta(0), SECOND, SIGNS, DAY):
            assert tend_signing_keys(act=Act(now=due + later)) is None
        assert SigningKey.objects.count() == 2

    def test_is_never_due_where_the_setting_says_none(self, first_key, token_exchange_settings):
        token_exchange_settings(SIGNING_KEY_LIFETIME=None)
        assert tend_signing_keys(act=Act(now=START + 3650 * DAY)) is None

    def test_makes_no_first_key(self, first_key):
        """Where there is none, somebody has to look."""
        SigningKey.objects.all().delete()
        assert tend_signing_keys(act=Act(now=START)) is None
        assert SigningKey.objects.count() == 0

    def test_is_not_for_a_worker_that_has_another_secret(self, first_key, settings, caplog):
        """What it published, the others could not read: in six minutes nobody could sign."""
        settings.SECRET_KEY = "another-" * 8
        with caplog.at_level(logging.ERROR, "token_exchange"):
            assert tend_signing_keys(act=Act(now=START + 90 * DAY)) is None
        assert [record.event for record in caplog.records] == ["signing_key.unreadable"]
        assert SigningKey.objects.count() == 1

    def test_is_left_to_who_was_faster(self, first_key):
        def be_faster(*, instance, **_: object) -> None:
            pre_save.disconnect(be_faster, sender=SigningKey)
            rotate_signing_key(act=Act(now=START + 90 * DAY))

        pre_save.connect(be_faster, sender=SigningKey)
        try:
            assert tend_signing_keys(act=Act(now=START + 90 * DAY)) is None
        finally:
            pre_save.disconnect(be_faster, sender=SigningKey)

    @pytest.mark.postgresql
    @pytest.mark.django_db(transaction=True)
    def test_is_made_once_by_tasks_that_run_at_the_same_moment(self):
        SigningKey.objects.update(activates_at=datetime.now(UTC) - 91 * DAY)
        barrier = Barrier(4)

        def tend():
            barrier.wait(timeout=10)
            return tend_signing_keys(act=Act(now=datetime.now(UTC)))

        made = [key for key in in_threads(4, tend) if key is not None]
        assert len(made) == 1
        assert SigningKey.objects.count() == 2


class TestGoneKeys:
    @pytest.fixture
    def second_key(self, first_key) -> SigningKey:
        return rotate_signing_key(act=Act(now=START))

    def private_halves(self) -> list[bool]:
        rows = SigningKey.objects.order_by("sequence")
        return [row.encrypted_private_key != "" for row in rows]

    def test_keep_no_private_half(self, second_key):
        """A retired one needs it: its tokens are handed out again."""
        tend_signing_keys(act=Act(now=START + GONE - SECOND))
        assert self.private_halves() == [True, True]
        tend_signing_keys(act=Act(now=START + GONE))
        assert self.private_halves() == [False, True]

    def test_are_forgotten_when_no_token_names_them(self, first_key, second_key):
        last = make_token(kid=first_key.kid, expires_at=START + SIGNS + DAY)
        tend_signing_keys(act=Act(now=START + FORGOTTEN - SECOND))
        assert first_key in SigningKey.objects.all()
        tend_signing_keys(act=Act(now=START + FORGOTTEN))
        assert list(SigningKey.objects.all()) == [second_key]
        purge_expired_tokens(now=START + FORGOTTEN)
        assert last not in AccessToken.objects.all()

    def test_are_forgotten_later_where_tokens_are_kept_longer(
        self, first_key, second_key, token_exchange_settings
    ):
        token_exchange_settings(TOKEN_RETENTION=30 * DAY, SIGNING_KEY_LIFETIME=None)
        tend_signing_keys(act=Act(now=START + FORGOTTEN + 29 * DAY - SECOND))
        assert SigningKey.objects.count() == 2
        tend_signing_keys(act=Act(now=START + FORGOTTEN + 29 * DAY))
        assert SigningKey.objects.count() == 1

    def test_are_forgotten_by_a_rotation_as_well(self, first_key, second_key):
        rotate_signing_key(act=Act(now=START + GONE))
        assert self.private_halves() == [False, True, True]
        rotate_signing_key(act=Act(now=START + FORGOTTEN))
        assert first_key not in SigningKey.objects.all()

    def test_are_forgotten_as_late_when_they_were_removed(self, first_key):
        new = remove_signing_key(first_key.kid, act=Act(now=START))
        tend_signing_keys(act=Act(now=START + FORGOTTEN - SIGNS - SECOND))
        assert SigningKey.objects.count() == 2
        tend_signing_keys(act=Act(now=START + FORGOTTEN - SIGNS))
        assert list(SigningKey.objects.all()) == [new]

    def test_are_never_those_that_sign(self, first_key, clock):
        clock.at(3650 * DAY)
        tend_signing_keys(act=Act(now=START + 3650 * DAY))
        assert key_set().current.kid == first_key.kid
