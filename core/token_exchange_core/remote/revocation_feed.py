"""What has another issuer revoked by now?"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import Final

from token_exchange_core.event_log import log_event
from token_exchange_core.remote.background_refresh import Loaded, Refreshing
from token_exchange_core.remote.http import RemoteFault, Resource
from token_exchange_core.revocation_feed import FeedPage, parse_feed_page
from token_exchange_core.revocation_set import RevocationSet

MAX_PAGE_BYTES: Final = 4 * 1024 * 1024
MAX_PAGES: Final = 100
"""Answers that one refresh takes in; one that needs more goes on with the next refresh."""
MAX_LATE_ANSWERS: Final = 3
"""Answers of an old state that one refresh puts up with."""
MAX_EPOCH_LENGTH: Final = 128
FORGET_EVERY_SECONDS: Final = 60
MAX_CLOCK_DIFFERENCE_SECONDS: Final = 60


@dataclass(kw_only=True)
class _Reached:
    """How far the feed has been read, and into what."""

    epoch: str = ""
    position: int = 0
    etag: str | None = None
    revocations: RevocationSet = field(default_factory=RevocationSet)
    forgot_at: int = 0
    """By the issuer's clock."""

    @property
    def query(self) -> dict[str, str | int]:
        """What to ask for: what came after this, or everything."""
        return {"epoch": self.epoch, "after": self.position} if self.epoch else {}

    def read(self, page: FeedPage, *, etag: str | None) -> _Reached:
        """Return how far this page brings us; raises ``ValueError`` if it does not follow.

        A page that begins anew goes into a new set, and any other into the one that others read
        meanwhile: first what is revoked and then the position, so that nothing is passed over.
        """
        is_full = page.after == 0
        if not is_full and (page.epoch != self.epoch or page.after != self.position):
            raise ValueError("the feed's answer does not begin where the last one ended")
        if page.has_more and page.position == page.after:
            raise ValueError("the feed has more and gets no further")
        if len(page.epoch) > MAX_EPOCH_LENGTH:
            raise ValueError("the feed's epoch is too long to be sent back")
        reached = _Reached(epoch=page.epoch, revocations=RevocationSet()) if is_full else self
        reached.revocations.add(page.revocations)
        reached.revocations.inactive_organizations = page.inactive_organizations
        reached.revocations.inactive_users = page.inactive_users
        # Only what is complete can be told to be unchanged.
        reached.etag = None if page.has_more else etag
        reached.position = page.position
        return reached

    def forget_expired(self, *, as_of: int, now: float) -> None:
        """Drop what is over by both clocks, for one of them may be wrong; now and then."""
        if as_of >= self.forgot_at + FORGET_EVERY_SECONDS:
            self.revocations.forget_expired(now=min(as_of, now))
            self.forgot_at = as_of


class RemoteRevocations:
    """Follow ``GET /v1/revocations`` of another issuer; call it for what is revoked at the moment.

    The feed is asked for what is new when ``max_age_seconds`` have passed since it was last asked.
    While the issuer is away, what is known is good for ``max_staleness_seconds`` from the moment
    at which it was complete: that is the bound within which a revocation takes effect.
    """

    def __init__(
        self,
        url: str,
        *,
        raw_api_key: str,
        max_age_seconds: float = 1,
        max_staleness_seconds: float = 60,
        timeout_seconds: float = 2,
    ) -> None:
        """Take the URL and an API key of the scope ``token_exchange:revocations``.

        Raises ``ValueError`` for a URL, or a key, that is none.
        """
        self._max_age_seconds = max_age_seconds
        self._max_staleness_seconds = max(max_age_seconds, max_staleness_seconds)
        self._resource = Resource(
            url,
            max_bytes=MAX_PAGE_BYTES,
            timeout_seconds=timeout_seconds,
            authorization=f"ApiKey {raw_api_key}",
        )
        self._reached = _Reached()
        self._clocks_differ = False
        self._refreshing = Refreshing(
            self._load,
            resource=self._resource,
            timeout_seconds=timeout_seconds,
            max_staleness_seconds=max_staleness_seconds,
            unavailable_reason="remote_revocations_away",
        )

    def __call__(self) -> RevocationSet:
        """Return what is revoked; raises ``TemporarilyUnavailable`` if that is not known."""
        return self._refreshing.get()

    def ask_if_old(self) -> None:
        """Begin to ask for what is new if it is time, and do not wait for it."""
        self._refreshing.start_if_old()

    def _load(self, deadline: float) -> Loaded[RevocationSet]:
        late_answers = 0
        for _ in range(MAX_PAGES):
            asked_at, now = time.monotonic(), time.time()
            answer = self._resource.get(
                deadline=deadline, etag=self._reached.etag, query=self._reached.query
            )
            if answer.body is None:
                # The issuer answers from a state as of the request.
                return self._loaded(asked_at=asked_at, seconds_late=0)
            page = self._take_in(answer.body, etag=answer.etag)
            if page.has_more:
                continue
            self._reached.forget_expired(as_of=page.as_of, now=now)
            self._compare_clocks(now - page.as_of)
            # A clock that is ahead of ours makes nothing fresher than it is.
            seconds_late = max(0, now - page.as_of)
            if seconds_late <= self._max_staleness_seconds:
                return self._loaded(asked_at=asked_at, seconds_late=seconds_late)
            # From a cache on the way, or the clocks differ: then it is said to be unchanged next.
            late_answers += 1
            if late_answers == MAX_LATE_ANSWERS:
                raise RemoteFault("late_answers")
        raise RemoteFault("too_many_pages")

    def _loaded(self, *, asked_at: float, seconds_late: float) -> Loaded[RevocationSet]:
        return Loaded(
            value=self._reached.revocations,
            asked_at=asked_at,
            as_of=asked_at - seconds_late,
            max_age_seconds=self._max_age_seconds,
        )

    def _compare_clocks(self, seconds_ahead: float) -> None:
        """Say in the log, once, that one of the clocks is wrong, or an answer is an old one."""
        differ = abs(seconds_ahead) > MAX_CLOCK_DIFFERENCE_SECONDS
        if differ and not self._clocks_differ:
            log_event(
                logging.WARNING,
                "remote.clocks_differ",
                url=self._resource.url,
                seconds_ahead=round(seconds_ahead),
            )
        self._clocks_differ = differ

    def _take_in(self, body: bytes, *, etag: str | None) -> FeedPage:
        try:
            page = parse_feed_page(body)
            self._reached = self._reached.read(page, etag=etag)
        except ValueError:
            # Whoever is told what does not follow, perhaps because the issuer's database is not
            # the one that it was, begins anew.
            self._reached = _Reached()
            raise RemoteFault("malformed") from None
        return page
