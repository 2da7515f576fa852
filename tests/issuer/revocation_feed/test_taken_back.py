"""A database that lost its last transactions: no reader misses what is revoked afterwards."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.http.follower import Follower
from tests.issuer.revocation_feed.token_holders import Subject, revoke
from token_exchange.issuer import credentials, revocation_feed
from token_exchange.issuer.credentials import Act
from token_exchange.issuer.purging import purge_expired_revocations
from token_exchange.issuer.revocation_feed import read_page
from token_exchange.models import AccessToken, Revocation, RevocationFeed, RevocationFeedMark
from token_exchange_core.revocation_feed import FeedPage

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("elapsed")]


class Backup:
    """The feed as it is at this moment."""

    def __init__(self) -> None:
        self._tables = [
            (model, list(model.objects.all()))
            for model in (RevocationFeed, RevocationFeedMark, Revocation)
        ]

    def restore(self) -> None:
        for model, rows in self._tables:
            model.objects.all()._raw_delete("default")
            model.objects.bulk_create(rows)


def revoke_token(subject: Subject) -> None:
    AccessToken.objects.filter(pk=subject.tokens.get().pk).update(revoked_at=timezone.now())


def subjects(count: int) -> list[Subject]:
    return [Subject("machine", is_remembered=True) for _ in range(count)]


def rewound(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [
        each.event_fields
        for each in caplog.records
        if each.name == "token_exchange" and each.event == "revocation.rewound"
    ]


@pytest.fixture
def following() -> Follower:
    def ask(epoch: str, after: int, mark: str) -> FeedPage:
        return read_page(epoch=epoch, after=after, mark=mark)

    return Follower(ask)


class TestPositionsDrawnAgain:
    """54 revocations are restored, two were lost, and three follow."""

    @pytest.mark.parametrize("drawn_again", [1, 2, 3])
    def test_are_read_by_this_process(self, elapsed, caplog, elsewhere, drawn_again):
        early, first, second, *later = subjects(3 + drawn_again)
        revoke(early)
        backup = Backup()
        for lost in (first, second):
            revoke_token(lost)
        assert first.show() == second.show() == 401
        backup.restore()
        with elsewhere():
            for each in later:
                revoke_token(each)
        elapsed.seconds += 1
        assert [each.show() for each in later] == [401] * drawn_again
        # What the database lost stays revoked where it is known.
        assert (early.show(), first.show(), second.show()) == (401, 401, 401)
        assert rewound(caplog) == [
            {"known_position": 3, "position": 1 + drawn_again, "kept": 2},
        ]
        assert {each.levelno for each in caplog.records if each.levelno > logging.WARNING} >= {
            logging.ERROR
        }

    @pytest.mark.parametrize("drawn_again", [1, 2, 3])
    def test_are_read_by_a_follower(self, following, drawn_again):
        early, first, second, *later = subjects(3 + drawn_again)
        revoke(early)
        backup = Backup()
        for lost in (first, second):
            revoke_token(lost)
        following.catch_up()
        backup.restore()
        for each in later:
            revoke_token(each)
        page = following.follow()
        assert page.after == 0
        assert {jti for kind, jti in following.known if kind == "token"} == {
            each.tokens.get().jti for each in later
        }

    def test_are_noticed_before_they_are_drawn(self, elapsed, caplog):
        (subject,) = subjects(1)
        backup = Backup()
        revoke_token(subject)
        assert subject.show() == 401
        backup.restore()
        elapsed.seconds += 1
        assert subject.show() == 401
        assert len(rewound(caplog)) == 1
        elapsed.seconds += 1
        assert subject.show() == 401
        assert len(rewound(caplog)) == 1

    def test_leave_a_mark_that_no_reader_had(self, elapsed):
        """The counter alone was taken back by hand: later marks are still there."""
        subject, another = subjects(2)
        for _ in range(3):
            revoke_token(Subject("machine"))
        assert subject.show() == 200
        RevocationFeed.objects.update(position=1)
        revoke_token(another)
        elapsed.seconds += 1
        assert (subject.show(), another.show()) == (200, 401)

    def test_end_with_a_generation_that_is_known_here(self, elapsed):
        """A compromise that the database forgot: its tokens stay dead, new ones work."""
        (subject,) = subjects(1)
        for _ in range(2):
            credentials.rotate(subject.credential, compromised=True, act=Act(now=timezone.now()))
        backup = Backup()
        credentials.rotate(subject.credential, compromised=True, act=Act(now=timezone.now()))
        assert subject.show() == 401
        backup.restore()
        elapsed.seconds += 1
        [(_, known)] = revocation_feed.revocations()._credentials.items()
        assert known.generation == 3


class TestReaderThatSlept:
    def test_for_more_than_a_day_reads_everything_without_a_word(self, elapsed, caplog):
        subject, another = subjects(2)
        revoke_token(Subject("machine"))
        assert subject.show() == 200
        revoke_token(another)
        RevocationFeedMark.objects.filter(position__lt=2).delete()
        elapsed.seconds += 86_401
        assert (subject.show(), another.show()) == (200, 401)
        assert rewound(caplog) == []

    def test_while_nothing_happened_goes_on_where_it_was(self, elapsed, caplog, elsewhere):
        """The mark of its position is old, and was the last until a moment ago."""
        subject, another, later = subjects(3)
        revoke_token(Subject("machine"))
        revoke_token(another)
        RevocationFeedMark.objects.update(drawn_at=timezone.now() - timedelta(days=3))
        assert (subject.show(), another.show()) == (200, 401)
        with elsewhere():
            revoke_token(later)
        purge_expired_revocations(now=timezone.now())
        assert list(RevocationFeedMark.objects.values_list("position", flat=True)) == [2, 3]
        elapsed.seconds += 1
        assert later.show() == 401
        assert rewound(caplog) == []


class TestEverydayRevocations:
    def test_make_nobody_read_everything(self, following, elapsed):
        """Also if a client calls ``DELETE /auth_token`` twice."""
        app = Subject("app", is_remembered=True)
        following.catch_up()
        for _ in range(2):
            assert app.client.delete("/auth_token", headers=app.headers).status_code == 200
            before = following.position
            page = following.follow()
            assert page.after == before
            elapsed.seconds += 1
            assert app.show() == 401

    def test_cost_a_reader_only_what_is_new(self, following):
        for subject in subjects(3):
            revoke_token(subject)
            assert len(following.follow().revocations) == 1

    def test_leave_the_counters_mark_in_the_table(self):
        revoke_token(Subject("machine"))
        counter = RevocationFeed.objects.get()
        assert str(RevocationFeedMark.objects.latest("position")) == f"1:{counter.mark}"
