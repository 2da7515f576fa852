"""RemoteRevocations: invalid and inconsistent responses of a feed."""

from __future__ import annotations

import pytest

from tests.core.remote.feed import (
    RAW_KEY,
    TOKEN,
    make_revocations,
    now_page,
    queries,
    reason_for,
)
from tests.support.fake_issuer import FEED_PATH, NOT_MODIFIED, Handler, Reply, drip_body, hang
from token_exchange_core.errors import TemporarilyUnavailable
from token_exchange_core.remote import RemoteRevocations

pytestmark = pytest.mark.usefixtures("clock")

BAD_ROW = b'{"kind": "planet", "subject": "x", "generation": null, "expires_at": 5}'


def with_row(row: bytes) -> Reply:
    reply = now_page(position=1)
    return Reply(body=reply.body.replace(b'"revocations":[]', b'"revocations":[' + row + b"]"))


class TestHostileFeed:
    @pytest.mark.parametrize(
        ("reply", "reason"),
        [
            (now_page(after=5, position=4), "malformed"),
            (now_page(after=3, position=4), "malformed"),
            (now_page(after=6, position=7), "malformed"),
            (now_page(epoch="e2", after=5, position=7), "malformed"),
            (now_page(after=5, position=5, has_more=True), "malformed"),
            (now_page(epoch="e" * 129), "malformed"),
            (now_page(position=2**63), "malformed"),
            (now_page(position=6, as_of=10**400), "malformed"),
            (with_row(BAD_ROW), "malformed"),
            (with_row(b"null"), "malformed"),
            (Reply(body=b"{}"), "malformed"),
            (Reply(body=b"[" * 100_000), "malformed"),
            (Reply(body=b" " * (4 * 1024 * 1024 + 1)), "too_large"),
            (Reply(body=b"<html>", headers={"Content-Type": "text/html"}), "not_json"),
            (Reply(status=401), "http_401"),
            (Reply(status=307, headers={"Location": "/elsewhere"}), "redirect"),
            (NOT_MODIFIED, "http_304"),
        ],
    )
    def test_what_is_known_is_kept_and_it_is_said_once(self, issuer, elapsed, said, reply, reason):
        revocations = make_revocations(issuer)
        issuer.says(FEED_PATH, now_page(position=5, revocations=[TOKEN]), reply)
        revocations()
        for _ in range(4):
            elapsed.seconds += 11
            assert reason_for(revocations) == "token_revoked"
            assert said() == [("remote.unreachable", reason)]
        assert issuer.asked("/elsewhere") == 0

    def test_after_what_does_not_follow_everything_is_asked_for(self, issuer, elapsed, settle):
        """The issuer's database may have been restored, and its positions gone back."""
        revocations = make_revocations(issuer)
        issuer.says(
            FEED_PATH,
            now_page(position=5),
            now_page(after=3, position=3),
            now_page(position=4, revocations=[TOKEN]),
        )
        for _ in range(3):
            revocations()
            settle()
            elapsed.seconds += 2
        assert queries(issuer)[1:3] == [{"epoch": "e1", "after": "5", "mark": "0.m"}, {}]
        assert reason_for(revocations) == "token_revoked"

    def test_feed_without_end(self, issuer, elapsed, said):
        def one_more(handler: Handler) -> None:
            after = int(issuer.received[-1].query.get("after", 0))
            now_page(after=after, position=after + 1, has_more=True)(handler)

        issuer.says(FEED_PATH, one_more)
        revocations = make_revocations(issuer)
        with pytest.raises(TemporarilyUnavailable):
            revocations()
        assert said() == [("remote.unreachable", "too_many_pages")]
        assert issuer.asked(FEED_PATH) == 100

    @pytest.mark.parametrize("reply", [hang, drip_body])
    def test_hanging_issuer_is_waited_for_once(self, issuer, elapsed, caplog, reply):
        revocations = make_revocations(issuer, timeout_seconds=1)
        issuer.says(FEED_PATH, now_page(position=5, revocations=[TOKEN]), reply)
        revocations()
        for _ in range(4):
            elapsed.seconds += 2
            assert reason_for(revocations) == "token_revoked"
        assert [
            each.event_fields["reason"] for each in caplog.records if each.name == "token_exchange"
        ] == ["timeout"]

    def test_key_is_shown_nowhere(self, issuer, elapsed, said, caplog):
        issuer.says(FEED_PATH, Reply(status=401, body=RAW_KEY.encode()))
        revocations = make_revocations(issuer)
        with pytest.raises(TemporarilyUnavailable):
            revocations()
        assert said() == [("remote.unreachable", "http_401")]
        assert "hidden" not in f"{revocations!r}{vars(revocations)}{caplog.text}"

    @pytest.mark.parametrize("raw_key", ["a\nb", "schlüssel"])
    def test_key_that_is_none(self, raw_key):
        with pytest.raises(ValueError, match="characters"):
            RemoteRevocations("https://issuer.test/x", raw_api_key=raw_key)
