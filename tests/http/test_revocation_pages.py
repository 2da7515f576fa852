"""A follower that reads the feed page by page misses no revocation."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http.follower import EPOCH, Follower, revoke_tokens, whole_feed, write_feed
from tests.support.factories import api_key_header, make_api_key
from token_exchange.issuer.revocation_feed import PAGE_SIZE, read_page
from token_exchange.models import Credential, Revocation, RevocationFeed
from token_exchange.models.revocation_writer import revoking
from token_exchange_core.revocation_feed import parse_feed_page
from token_exchange_core.scopes import REVOCATIONS_SCOPE

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def follower(size):
    return Follower(
        lambda epoch, after, mark: read_page(epoch=epoch, after=after, mark=mark, size=size)
    )


def counts(pages):
    return [len(page.revocations) for page in pages]


class TestPages:
    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ([], [0]),
            ([1, 1], [2]),
            ([1, 1, 1], [3]),
            ([1, 1, 1, 1], [3, 1]),
            ([1] * 6, [3, 3]),
            ([3, 1], [3, 1]),
            ([2, 2, 2], [4, 2]),  # the second position is not split
            ([5], [5]),
            ([5, 5, 1], [5, 5, 1]),
            ([1, 0, 0, 7, 0, 1], [8, 1]),
        ],
    )
    def test_hold_whole_positions(self, written, expected):
        write_feed(written)
        assert counts(follower(3).catch_up()) == expected

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(written=st.lists(st.integers(0, 6), max_size=12), size=st.integers(1, 9))
    def test_are_together_the_whole_feed(self, written, size):
        write_feed(written)
        following = follower(size)
        pages = following.catch_up()
        assert following.known == whole_feed()
        assert sum(counts(pages)) == sum(written)
        assert [page.has_more for page in pages[:-1]] == [True] * (len(pages) - 1)
        assert all(count >= size for count in counts(pages[:-1]))
        # No page is empty, and a follower that is up to date gets no row twice.
        assert len(pages) == 1 or pages[-1].revocations
        assert following.follow().revocations == ()

    def test_end_where_the_count_stands(self):
        """Even if the last revocations have expired."""
        write_feed([1, 1])
        RevocationFeed.objects.update(position=9)
        assert follower(2).follow().position == 9

    def test_start_again_when_the_epoch_changes_between_them(self):
        write_feed([1, 1, 1, 1])
        following = follower(2)
        assert following.follow().has_more
        write_feed([1])
        RevocationFeed.objects.update(epoch="B" * 22)
        (page,) = following.catch_up()
        assert (page.after, following.known) == (0, whole_feed())

    def test_over_http(self, https_client):
        key = make_api_key(scopes=[REVOCATIONS_SCOPE])

        def ask(epoch, after, mark):
            parameters = {"epoch": epoch, "after": after, "mark": mark}
            response = https_client.get("/v1/revocations", parameters, headers=api_key_header(key))
            return parse_feed_page(response.content)

        write_feed([PAGE_SIZE - 1, 3, 2])
        following = Follower(ask)
        assert counts(following.catch_up()) == [PAGE_SIZE + 2, 2]
        assert following.known == whole_feed()
        assert (following.epoch, following.position) == (EPOCH, 3)


class TestManyAtOnce:
    """A large transaction does not make a page much larger than its limit."""

    @pytest.fixture
    def following(self):
        return follower(100)

    def test_tokens(self, following):
        revoke_tokens(*(f"token-{number}" for number in range(1200)))
        assert counts(following.catch_up()) == [500, 500, 200]

    def test_calls(self, following):
        expires_at = timezone.now() + HOUR
        with revoking(using="default") as feed:
            for call, count in enumerate((499, 1, 1, 499, 1)):
                feed.revoke_tokens([(f"{call}-{number}", expires_at) for number in range(count)])
        assert counts(following.catch_up()) == [500, 500, 1]
        assert following.known == whole_feed()

    def test_credentials(self, following):
        row = make_api_key().credential
        columns = {name: value for name, value in vars(row).items() if not name.startswith("_")}
        del columns["id"]
        Credential.objects.bulk_create(
            Credential(**{**columns, "identifier": f"sk_live.{number:012}"})
            for number in range(1000)
        )
        Credential.objects.update(scopes=[])
        assert counts(following.catch_up()) == [500, 500, 1]
        assert len(following.known) == 1001


class TestWhileOthersRevoke:
    def do_something(self, chance, names):
        if chance.random() < 0.1:
            expired = Revocation.objects.filter(subject=chance.choice(names))
            expired.update(expires_at=timezone.now())
        else:
            # Some are revoked again, which moves them to the end.
            revoke_tokens(*chance.sample(names, chance.randint(1, 5)))

    @pytest.mark.parametrize("seed", range(20))
    def test_between_two_pages(self, seed):
        chance = random.Random(seed)
        names = [f"token-{number}" for number in range(40)]
        following = follower(chance.randint(1, 4))
        for _ in range(25):
            for _ in range(chance.randint(0, 2)):
                self.do_something(chance, names)
            if not following.follow().has_more:
                assert whole_feed().items() <= following.known.items()
        following.catch_up()
        assert whole_feed().items() <= following.known.items()

    @pytest.mark.parametrize("size", [1, 2, 3, 4])
    @pytest.mark.parametrize("names", ["a", "b", "c", "abc", "d", "da"])
    @pytest.mark.parametrize("moment", range(5))
    def test_between_two_queries_of_one_page(self, size, names, moment):
        """At every step, nothing that was revoked before the request is missed."""
        for name in "abc":
            revoke_tokens(name)
        before = whole_feed()
        queries = iter(range(100))

        def revoke_before_one_of_them(execute, *arguments):
            if next(queries) == moment:
                revoke_tokens(*names)
            return execute(*arguments)

        following = follower(size)
        with connection.execute_wrapper(revoke_before_one_of_them):
            page = following.follow()
        if page.has_more:
            following.catch_up()
        assert before.items() <= following.known.items()
        following.catch_up()
        assert following.known == whole_feed()
