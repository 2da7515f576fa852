"""Removal of a leaked key: its tokens are refused at once, and another key signs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import transaction

from tests.issuer.signing_keys.conftest import START, kids, published
from tests.support.factories import make_user
from tests.support.threads import in_threads
from token_exchange.issuer import signing_keys
from token_exchange.issuer.credentials import Act
from token_exchange.issuer.signing_keys import (
    SigningKeyConflict,
    remove_signing_key,
    rotate_signing_key,
)
from token_exchange.issuer.tokens import verify_access_token
from token_exchange.models import Revocation, SigningKey
from token_exchange.models.signing_key import KeyState
from token_exchange.signals import signing_key_published, signing_key_removed
from token_exchange_core.errors import InvalidToken
from token_exchange_core.revocation_set import RevocationKind

SIGNS = timedelta(seconds=360)
DAY = timedelta(days=1)


def states(now) -> list[str]:
    return [str(key.state(now=now)) for key in SigningKey.objects.order_by("sequence")]


class TestRemoveTheOnlyKey:
    def test_makes_a_new_one_that_signs_at_once(self, first_key, mint):
        token = mint()
        new = remove_signing_key(first_key.kid, act=Act(now=START))
        assert states(START) == ["gone", "current"]
        assert kids(published()) == [new.kid] == [signing_keys.key_set().current.kid]
        with pytest.raises(InvalidToken) as caught:
            verify_access_token(token, now=START.timestamp())
        assert caught.value.reason == "unknown_kid"
        assert verify_access_token(mint(), now=START.timestamp())

    def test_forgets_the_private_half_for_good(self, first_key):
        remove_signing_key(first_key.kid, act=Act(now=START))
        first_key.refresh_from_db()
        assert (first_key.removed_at, first_key.encrypted_private_key) == (START, "")

    def test_is_written_to_the_feed(self, first_key):
        remove_signing_key(first_key.kid, act=Act(now=START))
        row = Revocation.objects.get()
        assert (row.kind, row.subject) == (RevocationKind.SIGNING_KEY, first_key.kid)
        assert row.expires_at >= START + DAY

    def test_is_announced_after_the_commit(
        self, first_key, hear, django_capture_on_commit_callbacks
    ):
        removed, made = hear(signing_key_removed), hear(signing_key_published)
        operator = make_user()
        with django_capture_on_commit_callbacks(execute=True):
            new = remove_signing_key(first_key.kid, act=Act(now=START, by=operator))
            assert removed == made == []
        assert removed == [{"signing_key": first_key, "by": operator}]
        assert made == [{"signing_key": new, "by": operator}]


class TestRemoveTheCurrentKey:
    def test_lets_the_waiting_one_take_over(self, clock, first_key, mint):
        waiting = rotate_signing_key(act=Act(now=START))
        token, now = mint(), clock.at(timedelta(seconds=10))
        heir = remove_signing_key(first_key.kid, act=Act(now=now))
        assert heir == waiting
        assert (heir.activates_at, heir.retires_at) == (now, None)
        assert states(now) == ["gone", "current"]
        assert signing_keys.key_set().current.kid == waiting.kid
        assert signing_keys.key_set().is_changing is False
        with pytest.raises(InvalidToken):
            verify_access_token(token, now=now.timestamp())

    def test_leaves_retired_keys_and_their_tokens_alone(self, clock, first_key, mint):
        old_token = mint()
        second = rotate_signing_key(act=Act(now=START))
        now = clock.at(SIGNS)
        third = remove_signing_key(second.kid, act=Act(now=now))
        assert states(now) == ["retired", "gone", "current"]
        assert kids(published()) == [first_key.kid, third.kid]
        assert verify_access_token(old_token, now=now.timestamp())


class TestRemoveTheWaitingKey:
    def test_lets_the_current_one_sign_on(self, clock, first_key, mint):
        waiting, token = rotate_signing_key(act=Act(now=START)), mint()
        assert remove_signing_key(waiting.kid, act=Act(now=START)) == first_key
        later = clock.at(3 * DAY)
        assert states(later) == ["current", "gone"]
        assert signing_keys.key_set().current.kid == first_key.kid
        assert verify_access_token(token, now=START.timestamp())

    def test_lets_another_be_published(self, first_key):
        waiting = rotate_signing_key(act=Act(now=START))
        remove_signing_key(waiting.kid, act=Act(now=START))
        rotate_signing_key(act=Act(now=START))
        assert states(START) == ["current", "gone", "next"]
        assert states(START + SIGNS) == ["retired", "gone", "current"]


class TestRemoveARetiredKey:
    def test_changes_nothing_else(self, clock, first_key, mint):
        old_token = mint()
        second = rotate_signing_key(act=Act(now=START))
        now = clock.at(SIGNS)
        token = mint()
        waiting = rotate_signing_key(act=Act(now=now))
        assert remove_signing_key(first_key.kid, act=Act(now=now)) == second
        assert kids(published()) == [second.kid, waiting.kid]
        second.refresh_from_db()
        assert (second.retires_at, waiting.retires_at) == (waiting.activates_at, None)
        assert verify_access_token(token, now=now.timestamp())
        with pytest.raises(InvalidToken):
            verify_access_token(old_token, now=now.timestamp())


class TestRefused:
    def test_for_a_key_that_nobody_knows(self, first_key):
        with pytest.raises(SigningKeyConflict, match=r"No published key has this id: nobody's\."):
            remove_signing_key("nobody's", act=Act(now=START))
        assert Revocation.objects.count() == 0

    def test_for_a_key_that_is_removed_already(self, first_key):
        remove_signing_key(first_key.kid, act=Act(now=START))
        with pytest.raises(SigningKeyConflict):
            remove_signing_key(first_key.kid, act=Act(now=START))
        assert states(START) == ["gone", "current"]

    def test_for_a_key_that_is_gone(self, first_key):
        rotate_signing_key(act=Act(now=START))
        with pytest.raises(SigningKeyConflict):
            remove_signing_key(first_key.kid, act=Act(now=START + 2 * DAY))


@pytest.mark.django_db(transaction=True)
class TestTransactionOfTheCaller:
    """What is not committed yet may never be, so only the caller himself sees it."""

    @pytest.mark.postgresql
    def test_keeps_the_new_key_to_itself_until_the_commit(self, first_key, mint):
        with transaction.atomic():
            new = rotate_signing_key(all_new=True, act=Act(now=START))
            assert kids(published()) == [new.kid]
            assert in_threads(1, lambda: kids(published())) == [[first_key.kid]]
        assert in_threads(1, lambda: kids(published())) == [[new.kid]]

    def test_has_parsed_the_keys_that_others_have_parsed(self, first_key):
        """An RSA key takes 70 ms, and he asks at each token."""
        before = signing_keys.key_set().current
        with transaction.atomic():
            rotate_signing_key(act=Act(now=START))
            assert signing_keys.key_set().current is before
            assert len(kids(published())) == 2

    def test_leaves_no_key_behind_that_was_rolled_back(self, first_key, mint):
        with transaction.atomic():
            remove_signing_key(first_key.kid, act=Act(now=START))
            mint()
            transaction.set_rollback(True)
        assert kids(published()) == [first_key.kid] == [signing_keys.key_set().current.kid]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
class TestAtTheSameMoment:
    def race(self, *verbs):
        """Run each in a thread of its own, at the same moment; return who was refused."""
        barrier, left = Barrier(len(verbs)), list(verbs)

        def run_one() -> str:
            verb = left.pop()
            barrier.wait(timeout=10)
            try:
                verb(now=datetime.now(UTC))
            except SigningKeyConflict:
                return verb.__name__
            return ""

        return sorted(filter(None, in_threads(len(verbs), run_one)))

    def end_state(self):
        """Return how many keys sign soon; whatever happened, it is one."""
        later = datetime.now(UTC) + timedelta(minutes=7)
        return states(later).count(KeyState.CURRENT)

    @pytest.mark.parametrize("_attempt", range(3))
    def test_two_removals_of_the_same_key_make_one_new_key(self, _attempt):
        kid = SigningKey.objects.get().kid

        def remove(*, now):
            remove_signing_key(kid, act=Act(now=now))

        assert self.race(remove, remove, remove) == ["remove", "remove"]
        assert SigningKey.objects.count() == 2
        assert self.end_state() == 1

    @pytest.mark.parametrize("_attempt", range(3))
    def test_a_removal_is_never_refused_for_a_rotation(self, _attempt):
        kid = SigningKey.objects.get().kid

        def remove(*, now):
            remove_signing_key(kid, act=Act(now=now))

        def rotate(*, now):
            rotate_signing_key(act=Act(now=now))

        assert self.race(remove, rotate) in ([], ["rotate"])
        assert kid not in kids(published())
        assert self.end_state() == 1

    @pytest.mark.parametrize("_attempt", range(3))
    def test_every_verb_leaves_one_key_that_signs(self, _attempt):
        SigningKey.objects.update(activates_at=datetime.now(UTC) - DAY)
        rotate_signing_key(act=Act(now=datetime.now(UTC) - timedelta(minutes=7)))
        rotate_signing_key(act=Act(now=datetime.now(UTC)))
        old, current, waiting = SigningKey.objects.order_by("sequence")

        def remove_old(*, now):
            remove_signing_key(old.kid, act=Act(now=now))

        def remove_current(*, now):
            remove_signing_key(current.kid, act=Act(now=now))

        def remove_waiting(*, now):
            remove_signing_key(waiting.kid, act=Act(now=now))

        def rotate(*, now):
            rotate_signing_key(act=Act(now=now))

        refused = self.race(remove_old, remove_current, remove_waiting, rotate)
        assert refused in ([], ["rotate"])
        assert {old.kid, current.kid, waiting.kid}.isdisjoint(kids(published()))
        assert self.end_state() == 1
        assert signing_keys.key_set().current
