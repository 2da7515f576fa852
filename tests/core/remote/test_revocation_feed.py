"""RemoteRevocations: reading another issuer's feed, and its use while the issuer is away."""

from __future__ import annotations

import pytest

from tests.core.remote.feed import (
    NOW,
    RAW_KEY,
    TOKEN,
    make_revocations,
    now_page,
    queries,
    reason_for,
    token,
)
from tests.support.claims import CLAIMS
from tests.support.fake_issuer import FEED_PATH, NOT_MODIFIED, Reply, page
from tests.support.thread_pool import call_in_threads
from token_exchange_core.errors import TemporarilyUnavailable
from token_exchange_core.revocation_set import Revocation, RevocationKind

pytestmark = pytest.mark.usefixtures("clock")

REWOUND = "revocation.rewound"


def of_credential(generation: int | None) -> Revocation:
    return Revocation(
        kind=RevocationKind.CREDENTIAL,
        subject=CLAIMS.client_id,
        generation=generation,
        expires_at=CLAIMS.expires_at,
    )


class TestFollowing:
    def test_full_read(self, revocations, issuer):
        issuer.says(FEED_PATH, now_page(position=1, revocations=[TOKEN]))
        assert reason_for(revocations) == "token_revoked"
        assert queries(issuer) == [{}]
        assert issuer.received[0].headers["authorization"] == f"ApiKey {RAW_KEY}"

    def test_what_is_new(self, revocations, issuer, elapsed):
        issuer.says(
            FEED_PATH,
            now_page(position=1, revocations=[token("other")]),
            now_page(after=1, position=2, revocations=[TOKEN]),
        )
        assert reason_for(revocations) is None
        elapsed.seconds += 2
        assert reason_for(revocations) == "token_revoked"
        assert len(revocations()) == 2
        assert queries(issuer) == [{}, {"epoch": "e1", "after": "1", "mark": "0.m"}]

    def test_unchanged(self, revocations, issuer, elapsed):
        issuer.says(FEED_PATH, now_page(position=1, revocations=[TOKEN], etag='"1"'), NOT_MODIFIED)
        for _ in range(3):
            assert reason_for(revocations) == "token_revoked"
            elapsed.seconds += 2
        assert [each.headers.get("if-none-match") for each in issuer.received] == [
            None,
            '"1"',
            '"1"',
        ]

    def test_inactive_ones_are_those_of_the_last_answer(self, revocations, issuer, elapsed):
        inactive = frozenset({CLAIMS.organization_id})
        issuer.says(
            FEED_PATH,
            now_page(position=1, inactive_organizations=inactive),
            now_page(after=1, position=1, inactive_users=frozenset({"7"})),
        )
        assert reason_for(revocations) == "organization_inactive"
        elapsed.seconds += 2
        assert reason_for(revocations) is None
        assert revocations().inactive_users == {"7"}

    def test_all_pages_are_read_before_any_is_relied_on(self, revocations, issuer):
        issuer.says(
            FEED_PATH,
            now_page(position=1, has_more=True, revocations=[token("1")], etag='"1"'),
            now_page(after=1, position=2, has_more=True, revocations=[token("2")]),
            now_page(after=2, position=3, revocations=[TOKEN]),
        )
        assert reason_for(revocations) == "token_revoked"
        assert len(revocations()) == 3
        assert [each.get("after") for each in queries(issuer)] == [None, "1", "2"]
        assert not any("if-none-match" in each.headers for each in issuer.received)

    def test_full_read_of_another_epoch_forgets_what_was_known(self, revocations, issuer, elapsed):
        issuer.says(
            FEED_PATH,
            now_page(position=5, revocations=[TOKEN]),
            now_page(epoch="e2", position=3, revocations=[token("other")]),
        )
        assert reason_for(revocations) == "token_revoked"
        elapsed.seconds += 2
        assert reason_for(revocations) is None
        assert len(revocations()) == 1

    @pytest.mark.parametrize(("asleep", "logged"), [(2, 1), (86_402, 0)])
    def test_full_read_of_the_same_epoch_keeps_what_the_issuer_lost(
        self, issuer, elapsed, caplog, asleep, logged
    ):
        """A follower that slept for a day gets everything without a fault of the issuer."""
        revocations = make_revocations(issuer, max_staleness_seconds=100_000)
        issuer.says(
            FEED_PATH,
            now_page(position=5, mark="5.old", revocations=[TOKEN, token("again")]),
            now_page(position=2, has_more=True, revocations=[token("first")]),
            now_page(after=2, position=4, mark="4.new", revocations=[token("again")]),
            now_page(after=4, position=4, mark="4.new"),
        )
        assert reason_for(revocations) == "token_revoked"
        elapsed.seconds += asleep
        revocations.start_refresh_if_old()
        while len(queries(issuer)) < 3:
            revocations()
        assert reason_for(revocations) == "token_revoked"
        assert len(revocations()) == 3
        assert queries(issuer)[1] == {"epoch": "e1", "after": "5", "mark": "5.old"}
        rewound = [each.event_fields for each in caplog.records if each.event == REWOUND]
        assert [(each["position"], each["kept"]) for each in rewound] == [(4, 1)] * logged

    def test_revocation_of_a_credential_is_kept_as_far_as_it_reaches(self, issuer, elapsed):
        revocations = make_revocations(issuer)
        issuer.says(
            FEED_PATH,
            now_page(position=5, revocations=[of_credential(None)]),
            now_page(position=3, revocations=[of_credential(1)]),
        )
        assert reason_for(revocations) == "credential_revoked"
        elapsed.seconds += 2
        assert reason_for(revocations) == "credential_revoked"

    def test_new_epoch_is_a_full_read(self, revocations, issuer, elapsed):
        issuer.says(
            FEED_PATH,
            now_page(position=5, revocations=[TOKEN]),
            now_page(epoch="e2", position=9),
            now_page(epoch="e2", after=9, position=9),
        )
        for _ in range(3):
            revocations()
            elapsed.seconds += 2
        assert reason_for(revocations) is None
        assert queries(issuer)[2] == {"epoch": "e2", "after": "9", "mark": "0.m"}

    def test_nothing_is_shown_of_a_full_read_that_is_under_way(self, revocations, issuer, elapsed):
        issuer.says(FEED_PATH, now_page(position=5, revocations=[TOKEN]))
        known = revocations()
        issuer.says(FEED_PATH, now_page(epoch="e2", position=1, has_more=True), Reply(status=500))
        elapsed.seconds += 2
        assert reason_for(revocations) == "token_revoked"
        assert revocations() is known

    def test_a_read_that_broke_off_goes_on_where_it_was(self, revocations, issuer, elapsed):
        issuer.says(
            FEED_PATH,
            now_page(position=1, has_more=True, revocations=[TOKEN]),
            Reply(status=500),
            now_page(after=1, position=2),
        )
        with pytest.raises(TemporarilyUnavailable):
            revocations()
        elapsed.seconds += 2
        assert reason_for(revocations) == "token_revoked"
        assert [each.get("after") for each in queries(issuer)] == [None, "1", "1"]

    def test_what_is_over_by_both_clocks_is_forgotten(self, revocations, issuer, elapsed, clock):
        old = token("old", expires_at=NOW + 100)
        issuer.says(FEED_PATH, now_page(position=1, revocations=[old]))
        revocations()
        for ours, theirs, expected in [(0, 200, 1), (200, 201, 1), (200, 261, 0)]:
            clock.move_to(NOW + ours)
            issuer.says(FEED_PATH, page(after=1, position=1, as_of=NOW + theirs))
            elapsed.seconds += 2
            assert len(revocations()) == expected

    def test_many_read_while_one_refreshes(self, revocations, issuer, elapsed):
        issuer.says(FEED_PATH, now_page(position=1, revocations=[TOKEN]))
        assert call_in_threads(10, lambda: reason_for(revocations)) == ["token_revoked"] * 10
        assert issuer.asked(FEED_PATH) == 1


class TestStaleness:
    def test_fails_closed_after_the_bound(self, revocations, issuer, elapsed, settle):
        issuer.says(FEED_PATH, now_page(), Reply(status=500))
        revocations()
        elapsed.seconds += 60
        assert reason_for(revocations) is None
        settle()
        elapsed.seconds += 1
        with pytest.raises(TemporarilyUnavailable) as refused:
            revocations()
        assert refused.value.reason == "remote_revocations_away"

    def test_counts_from_what_the_answer_says(self, revocations, issuer, elapsed, settle):
        issuer.says(FEED_PATH, page(as_of=NOW - 50), Reply(status=500))
        revocations()
        elapsed.seconds += 10
        assert reason_for(revocations) is None
        settle()
        elapsed.seconds += 1
        with pytest.raises(TemporarilyUnavailable):
            revocations()

    def test_counts_from_the_request_that_was_told_of_no_change(
        self, revocations, issuer, elapsed, settle
    ):
        issuer.says(FEED_PATH, page(as_of=NOW - 50, etag='"1"'), NOT_MODIFIED)
        revocations()
        elapsed.seconds += 2
        revocations()
        issuer.says(FEED_PATH, Reply(status=500))
        elapsed.seconds += 60
        assert reason_for(revocations) is None

    def test_an_issuer_that_is_ahead_makes_nothing_fresher(
        self, revocations, issuer, elapsed, settle
    ):
        issuer.says(FEED_PATH, page(as_of=NOW + 600), Reply(status=500))
        revocations()
        elapsed.seconds += 61
        with pytest.raises(TemporarilyUnavailable):
            revocations()

    @pytest.mark.parametrize("seconds", [-600, 600])
    def test_a_step_of_our_clock_changes_nothing(
        self, revocations, issuer, elapsed, clock, seconds
    ):
        issuer.says(FEED_PATH, now_page(position=1, revocations=[TOKEN]), Reply(status=500))
        revocations()
        clock.shift(seconds)
        elapsed.seconds += 59
        assert reason_for(revocations) == "token_revoked"

    def test_clocks_that_differ_are_seen_through(self, revocations, issuer, said):
        """An answer that is old by our clock is asked for once more, and is unchanged."""
        issuer.says(FEED_PATH, page(as_of=NOW - 600, etag='"1"'), NOT_MODIFIED)
        assert reason_for(revocations) is None
        assert issuer.asked(FEED_PATH) == 2
        assert said() == [("remote.clocks_differ", None)]

    def test_clocks_that_differ_are_said_once(self, revocations, issuer, elapsed, said, caplog):
        for seconds in (60, -60, 61, 600, 0, -61):
            issuer.says(FEED_PATH, page(as_of=NOW + seconds, etag='"1"'), NOT_MODIFIED)
            revocations()
            elapsed.seconds += 2
        assert said() == [("remote.clocks_differ", None)] * 2
        records = [each for each in caplog.records if each.name == "token_exchange"]
        assert [each.event_fields["seconds_ahead"] for each in records] == [-61, 61]

    def test_answers_of_an_old_state_are_not_relied_on(self, revocations, issuer, said):
        issuer.says(FEED_PATH, page(as_of=NOW - 61, etag='"1"'))
        with pytest.raises(TemporarilyUnavailable):
            revocations()
        assert issuer.asked(FEED_PATH) == 3
        assert said() == [
            ("remote.clocks_differ", None),
            ("remote.unreachable", "late_answers"),
        ]

    def test_no_age_and_no_staleness(self, issuer, elapsed, settle):
        revocations = make_revocations(issuer, max_age_seconds=0, max_staleness_seconds=0)
        issuer.says(FEED_PATH, now_page(position=1, etag='"1"'))
        assert reason_for(revocations) is None
        elapsed.seconds += 0.1
        issuer.says(FEED_PATH, now_page(after=1, position=2, revocations=[TOKEN]))
        assert reason_for(revocations) == "token_revoked"
        issuer.says(FEED_PATH, Reply(status=500))
        elapsed.seconds += 0.1
        with pytest.raises(TemporarilyUnavailable):
            revocations()
