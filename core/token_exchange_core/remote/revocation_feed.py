"""The revocations of another issuer, fetched from its feed."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import Final

from token_exchange_core.event_log import log_event
from token_exchange_core.remote.background_refresh import BackgroundRefresh, Loaded
from token_exchange_core.remote.http import SAFE, RemoteFault, Resource, Transport
from token_exchange_core.revocation_feed import FeedPage, parse_feed_page
from token_exchange_core.revocation_set import Revocation, RevocationSet
from token_exchange_core.secret_text import SecretText

MAX_PAGE_BYTES: Final = 4 * 1024 * 1024
MAX_PAGES: Final = 100
"""Responses that one refresh reads; the next refresh continues where it stopped."""
MAX_LATE_ANSWERS: Final = 3
"""Outdated responses that one refresh accepts before it fails."""
MAX_SENT_BACK_LENGTH: Final = 128
"""Characters of an epoch, and of a mark, because both are sent back in the URL."""
FORGOTTEN_AFTER_SECONDS: Final = 86_400
"""The issuer does not keep the mark of a position longer than this."""
DISCARD_EVERY_SECONDS: Final = 60
MAX_CLOCK_DIFFERENCE_SECONDS: Final = 60


@dataclass(kw_only=True)
class _Progress:
    """The position up to which the feed has been read, and the revocations up to there."""

    epoch: str = ""
    position: int = 0
    mark: str = ""
    asked_at: float = 0
    """When the issuer was last asked from here, by the clock that only counts."""
    etag: str | None = None
    revocations: RevocationSet = field(default_factory=RevocationSet)
    discarded_at: int = 0
    """When expired revocations were last dropped, by the issuer's clock."""
    before: _Progress | None = None
    """What was known before the feed is read from the beginning, until all of it is read."""

    @property
    def query(self) -> dict[str, str | int]:
        """The query for what came after this position, or for everything."""
        if not self.epoch:
            return {}
        return {"epoch": self.epoch, "after": self.position, "mark": self.mark}

    def read(self, page: FeedPage, *, etag: str | None) -> _Progress:
        """Return the progress after this page; raises ``ValueError`` if it does not follow on.

        A page that starts from the beginning is read into a new set. Any other page is added to the
        set that other threads are reading: the revocations first and then the position, so that
        none is skipped.
        """
        is_full = page.after == 0
        if not is_full and (page.epoch != self.epoch or page.after != self.position):
            raise ValueError("the feed's answer does not begin where the last one ended")
        if page.has_more and page.position == page.after:
            raise ValueError("the feed has more and gets no further")
        if max(len(page.epoch), len(page.mark)) > MAX_SENT_BACK_LENGTH:
            raise ValueError("the feed's epoch or mark is too long to be sent back")
        reached = self.restarted(epoch=page.epoch) if is_full else self
        reached.revocations.add(page.revocations)
        reached.revocations.inactive_organizations = page.inactive_organizations
        reached.revocations.inactive_users = page.inactive_users
        # Only a complete response can be reported as unchanged.
        reached.etag = None if page.has_more else etag
        reached.mark = page.mark
        reached.position = page.position
        return reached

    def restarted(self, *, epoch: str = "") -> _Progress:
        """Return an empty progress that remembers this one, or what this one remembers."""
        known = self.before or (self if self.position else None)
        return _Progress(epoch=epoch, before=known)

    def keep_lost(self) -> list[Revocation]:
        """Add what an earlier read had and the feed no longer has; return it.

        Within the same epoch, the issuer's database has lost its last transactions. What it had
        revoked stays revoked here. In a new epoch, all that was known is void.
        """
        known, self.before = self.before, None
        if known is None or known.epoch != self.epoch:
            return []
        return self.revocations.keep(known.revocations)

    def discard_expired(self, *, as_of: int, now: float) -> None:
        """From time to time, drop what has expired by both clocks: one of them may be wrong."""
        if as_of >= self.discarded_at + DISCARD_EVERY_SECONDS:
            self.revocations.discard_expired(now=min(as_of, now))
            self.discarded_at = as_of


class RemoteRevocations:
    """The revocations of another issuer's ``GET /v1/revocations``; call the object to get them.

    The feed is requested again when ``max_age_seconds`` have passed since the last request. While
    the issuer is unavailable, the last revocations are used for ``max_staleness_seconds`` from the
    time at which they were complete: a revocation takes effect within that time.
    """

    def __init__(
        self,
        url: str,
        *,
        raw_api_key: str | SecretText,
        max_age_seconds: float = 1,
        max_staleness_seconds: float = 60,
        timeout_seconds: float = 2,
        transport: Transport = SAFE,
    ) -> None:
        """Set the URL and an API key with the scope ``token_exchange:revocations``.

        Raises ``ValueError`` for an invalid URL or key.
        """
        raw_api_key = SecretText.of(raw_api_key)  # this frame holds no other form of it any more
        self._max_age_seconds = max_age_seconds
        self._max_staleness_seconds = max(max_age_seconds, max_staleness_seconds)
        self._resource = Resource(
            url,
            max_bytes=MAX_PAGE_BYTES,
            timeout_seconds=timeout_seconds,
            authorization=SecretText(f"ApiKey {raw_api_key.text}"),
            transport=transport,
        )
        self._progress = _Progress()
        self._clocks_differ = False
        self._refresh = BackgroundRefresh(
            self._load,
            resource=self._resource,
            timeout_seconds=timeout_seconds,
            max_staleness_seconds=max_staleness_seconds,
            unavailable_reason="remote_revocations_away",
        )

    def __call__(self) -> RevocationSet:
        """Return the revocations; raises ``TemporarilyUnavailable`` if they are not known."""
        return self._refresh.get()

    def start_refresh_if_old(self) -> None:
        """Start a refresh if one is due, without waiting for it."""
        self._refresh.start_if_old()

    def _load(self, deadline: float) -> Loaded[RevocationSet]:
        late_answers = 0
        for _ in range(MAX_PAGES):
            asked_at, now = time.monotonic(), time.time()
            answer = self._resource.get(
                deadline=deadline, etag=self._progress.etag, query=self._progress.query
            )
            if answer.body is None:
                self._progress.asked_at = asked_at
                # The issuer compared with its state at the time of the request.
                return self._loaded(asked_at=asked_at, seconds_late=0)
            page = self._read(answer.body, etag=answer.etag)
            self._progress.asked_at = asked_at
            if page.has_more:
                continue
            self._keep_lost(asked_at=asked_at)
            self._progress.discard_expired(as_of=page.as_of, now=now)
            self._compare_clocks(now - page.as_of)
            # If the issuer's clock is ahead of ours, the page is not fresher for it.
            seconds_late = max(0, now - page.as_of)
            if seconds_late <= self._max_staleness_seconds:
                return self._loaded(asked_at=asked_at, seconds_late=seconds_late)
            # The page came from a cache, or the clocks differ. If only the clocks differ, the next
            # response reports that nothing has changed.
            late_answers += 1
            if late_answers == MAX_LATE_ANSWERS:
                raise RemoteFault("late_answers")
        raise RemoteFault("too_many_pages")

    def _loaded(self, *, asked_at: float, seconds_late: float) -> Loaded[RevocationSet]:
        return Loaded(
            value=self._progress.revocations,
            asked_at=asked_at,
            as_of=asked_at - seconds_late,
            max_age_seconds=self._max_age_seconds,
        )

    def _keep_lost(self, *, asked_at: float) -> None:
        progress, known = self._progress, self._progress.before
        lost = progress.keep_lost()
        if known is None or known.epoch != progress.epoch:
            return
        if asked_at - known.asked_at < FORGOTTEN_AFTER_SECONDS:
            log_event(
                logging.ERROR,
                "revocation.rewound",
                url=self._resource.url,
                position=progress.position,
                kept=len(lost),
            )

    def _compare_clocks(self, seconds_ahead: float) -> None:
        """Log once that one of the clocks is wrong, or that a response was outdated."""
        differ = abs(seconds_ahead) > MAX_CLOCK_DIFFERENCE_SECONDS
        if differ and not self._clocks_differ:
            log_event(
                logging.WARNING,
                "remote.clocks_differ",
                url=self._resource.url,
                seconds_ahead=round(seconds_ahead),
            )
        self._clocks_differ = differ

    def _read(self, body: bytes, *, etag: str | None) -> FeedPage:
        try:
            page = parse_feed_page(body)
            self._progress = self._progress.read(page, etag=etag)
        except ValueError:
            # The page does not follow on, perhaps because the issuer's database was replaced: start
            # from the beginning.
            self._progress = self._progress.restarted()
            raise RemoteFault("malformed") from None
        return page
