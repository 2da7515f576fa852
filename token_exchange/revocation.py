"""What is revoked or inactive at this moment, as far as this process may say without asking?"""

from __future__ import annotations

from typing import NamedTuple

from django.db import router
from django.utils import timezone

from token_exchange import signing
from token_exchange.conf import get_settings
from token_exchange.copies import Copy
from token_exchange.core.revocations import RevocationSet
from token_exchange.models import Revocation, RevocationFeed, get_organization_model
from token_exchange.models.revocation import feed_changed, has_uncommitted_changes


class _Followed(NamedTuple):
    """How far the feed has been read, and what came of it."""

    epoch: str
    position: int
    revocations: RevocationSet


def revocations() -> RevocationSet:
    """Return what is revoked, at most ``REVOCATION_MAX_AGE`` old; asks the database if it is older.

    What this process itself has revoked is always in it.
    """
    return _copy.get().revocations


def _read(before: _Followed | None) -> _Followed:
    """Read what has come since ``before``, into the same set, or all of it into a new one."""
    now = timezone.now()
    feed = RevocationFeed.objects.on_writer().values_list("epoch", "position").first()
    # Where nothing has ever been revoked there is no row.
    epoch, position = feed or ("", 0)
    if before is None or before.epoch != epoch or before.position > position:
        before = _Followed(epoch, 0, RevocationSet())
    known = before.revocations
    if position != before.position:
        known.add(Revocation.objects.on_writer().values_after(before.position, now=now))
        known.forget_expired(now=now.timestamp())
        # A key may have been published or removed.
        signing.expire_key_set()
    known.inactive_organizations = _inactive_organizations()
    return _Followed(epoch, position, known)


def _inactive_organizations() -> frozenset[str]:
    model = get_organization_model()
    using = router.db_for_write(model)
    rows = model._base_manager.using(using).filter(is_active=False)
    return frozenset(map(str, rows.values_list("pk", flat=True)))


def _has_uncommitted_changes() -> bool:
    return has_uncommitted_changes(using=router.db_for_write(Revocation))


def _max_age_seconds() -> float:
    return get_settings().revocation_max_age.total_seconds()


_copy = Copy(
    _read,
    name="revocations",
    max_age_seconds=_max_age_seconds,
    is_private=_has_uncommitted_changes,
)


def forget_revocations() -> None:
    """Make this process read all of the feed anew when it needs it next."""
    _copy.forget()


def _expire(**_: object) -> None:
    _copy.expire()


feed_changed.connect(_expire)
