"""Clocks that are wrong: on the host that revokes, reads, follows or purges."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from tests.http.follower import Follower
from tests.issuer.revocation_feed.token_holders import Subject, revoke
from token_exchange.issuer import revocation_feed
from token_exchange.issuer.purging import purge_expired
from token_exchange.issuer.revocation_feed import read_page
from token_exchange.models import Credential, Revocation
from token_exchange.models.revocation_writer import MARGIN
from token_exchange.models.signing_key import LONGEST_TOKEN_LIFETIME

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("elapsed")]

STEPS = [timedelta(hours=-1), timedelta(hours=1), timedelta(days=-2), timedelta(days=2)]


@contextmanager
def clock_off_by(step: timedelta) -> Iterator[None]:
    """Work on a host whose clock is wrong; the database's clock is right."""
    with time_machine.travel(timezone.now() + step, tick=False):
        yield


def revoke_token(subject: Subject) -> None:
    subject.tokens.update(revoked_at=timezone.now())


def compromise(subject: Subject) -> None:
    Credential.objects.filter(pk=subject.credential.pk).update(scopes=[])


WAYS = [revoke, revoke_token, compromise]


@pytest.fixture
def held(token_exchange_settings) -> Subject:
    """A subject whose token lives for a day."""
    return Subject("machine", is_remembered=True, token_lifetime=timedelta(hours=24))


@pytest.mark.postgresql
@pytest.mark.parametrize("step", STEPS, ids=str)
@pytest.mark.parametrize("way", WAYS)
class TestWriter:
    def test_leaves_a_row_that_outlives_every_token(self, held, elapsed, elsewhere, way, step):
        with clock_off_by(step), elsewhere():
            way(held)
        row = Revocation.objects.get()
        assert row.expires_at >= held.tokens.get().expires_at + MARGIN
        elapsed.seconds += 1
        assert held.show() == 401
        purge_expired(now=timezone.now())
        assert Revocation.objects.count() == 1


@pytest.mark.parametrize("step", STEPS, ids=str)
@pytest.mark.parametrize("way", WAYS)
class TestReader:
    def test_has_not_moved_past_the_row_when_its_clock_is_right_again(
        self, held, elapsed, elsewhere, way, step
    ):
        if connection.vendor == "sqlite" and step > MARGIN:
            pytest.skip("SQLite has no clock of its own: beyond the margin, nothing can be known")
        with elsewhere():
            way(held)
        with clock_off_by(step):
            elapsed.seconds += 1
            revocation_feed.revocations()
        elapsed.seconds += 1
        assert held.show() == 401

    def test_has_not_moved_a_follower_past_it(self, held, way, step):
        following = Follower(
            lambda epoch, after, mark: read_page(epoch=epoch, after=after, mark=mark)
        )
        following.catch_up()
        way(held)
        with clock_off_by(step):
            page = following.follow()
        assert len(page.revocations) == 1
        assert page.revocations[0].expires_at >= held.tokens.get().expires_at.timestamp()


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(days=2)], ids=str)
@pytest.mark.parametrize("way", WAYS)
class TestIssuer:
    def test_that_was_ahead_leaves_no_token_that_outlives_its_revocation(self, way, step):
        with clock_off_by(step):
            subject = Subject("machine", token_lifetime=timedelta(hours=24))
        way(subject)
        row = Revocation.objects.get()
        assert row.expires_at >= subject.tokens.get().expires_at + MARGIN


@pytest.mark.postgresql
class TestDatabaseClock:
    @pytest.mark.parametrize("step", STEPS, ids=str)
    def test_dates_the_page_of_a_follower(self, step):
        now = timezone.now()
        with clock_off_by(step):
            page = read_page(epoch="", after=0, mark="")
        assert abs(page.as_of - now.timestamp()) < 60

    @pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(days=2)], ids=str)
    def test_keeps_the_purge_of_a_host_that_is_ahead_from_live_rows(self, held, step):
        revoke(held)
        with clock_off_by(step + LONGEST_TOKEN_LIFETIME):
            purge_expired(now=timezone.now())
        assert Revocation.objects.count() == 1
        assert held.tokens.count() == 1

    def test_deletes_nothing_on_a_host_that_is_behind(self, held):
        revoke(held)
        Revocation.objects.update(expires_at=timezone.now() - timedelta(hours=1))
        with clock_off_by(timedelta(days=-2)):
            assert purge_expired(now=timezone.now()).revocations == 0
        assert purge_expired(now=timezone.now()).revocations == 1
