"""A service that follows the revocation feed, and what it should know."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta

from django.utils import timezone

from token_exchange.models import Revocation, RevocationFeed
from token_exchange.models.revocation_writer import revoking
from token_exchange_core.revocation_feed import FeedPage
from token_exchange_core.revocation_set import RevocationKind

Known = dict[tuple[str, str], int | None]
EPOCH = "A" * 22
MARK = "B" * 22


class Follower:
    """Reads the feed from its last position on, and keeps the generations by subject."""

    def __init__(self, ask: Callable[[str, int, str], FeedPage]) -> None:
        self._ask = ask
        self.epoch, self.position, self.mark = "", 0, ""
        self.known: Known = {}

    def follow(self) -> FeedPage:
        """Read one page."""
        page = self._ask(self.epoch, self.position, self.mark)
        if page.epoch != self.epoch or page.after != self.position:
            assert page.after == 0
            self.known.clear()
        for each in page.revocations:
            self.known[each.kind.value, each.subject] = each.generation
        self.epoch, self.position, self.mark = page.epoch, page.position, page.mark
        return page

    def catch_up(self) -> list[FeedPage]:
        """Read pages until there are no more."""
        pages = [self.follow()]
        while pages[-1].has_more:
            pages.append(self.follow())
        return pages


def whole_feed() -> Known:
    rows = Revocation.objects.filter(expires_at__gt=timezone.now())
    return {
        (kind, subject): generation
        for kind, subject, generation in rows.values_list("kind", "subject", "generation")
    }


def revoke_tokens(*names: str) -> None:
    """Revoke the tokens with these ids in one transaction."""
    expires_at = timezone.now() + timedelta(hours=1)
    with revoking(using="default") as feed:
        feed.revoke_tokens([(name, expires_at) for name in names])


def write_feed(counts: Iterable[int]) -> None:
    """Write a feed of transactions that revoke these numbers of tokens."""
    expires_at = timezone.now() + timedelta(hours=1)
    Revocation.objects.all().delete()
    RevocationFeed.objects.all().delete()
    rows = [
        Revocation(
            kind=RevocationKind.TOKEN,
            subject=f"{position}-{number}",
            position=position,
            expires_at=expires_at,
        )
        for position, count in enumerate(counts, start=1)
        for number in range(count)
    ]
    Revocation.objects.bulk_create(rows)
    last = rows[-1].position if rows else 0
    RevocationFeed.objects.create(pk=RevocationFeed.ONLY_PK, epoch=EPOCH, position=last, mark=MARK)
