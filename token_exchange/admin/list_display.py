"""How does a list show the state of each row, and how far does it count?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from token_exchange.models import AccessToken
from token_exchange.models.credential_state import State
from token_exchange.models.signing_key import KeyState

if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator

COUNT_LIMIT: Final = 10_000
"""A list counts no further, because counting millions of tokens takes seconds on each page."""

LIVE_TOKEN_LIMIT: Final = 1_000
"""The live tokens of one credential are counted no further."""

_AGES: Final = timedelta(days=36_500)
"""No token lives so long."""

LIVE: Final = "live"
REFUSED: Final = "refused"
"""Not revoked itself, but its credential, owner, organization or key no longer stands for it."""

STATE_LABELS: Final[Mapping[str, Any]] = {
    State.ACTIVE: _("active"),
    State.ROTATING: _("rotating"),
    State.EXPIRING: _("expiring"),
    State.EXPIRED: _("expired"),
    State.REVOKED: _("revoked"),
    KeyState.NEXT: _("next"),
    KeyState.CURRENT: _("current"),
    KeyState.RETIRED: _("retired"),
    KeyState.GONE: _("gone"),
    LIVE: _("live"),
    REFUSED: _("refused"),
}


def badge(state: str) -> SafeString:
    """Show a state as its word, with a colour that only underlines it."""
    return format_html('<span class="te-badge te-{}">{}</span>', str(state), STATE_LABELS[state])


class BoundedPaginator(_Paginator):
    """Pages over the first ``COUNT_LIMIT`` rows; filters and search lead to the rest."""

    @cached_property
    def count(self) -> int:
        """The number of rows, as far as it is counted."""
        rows: Any = self.object_list
        # Only the keys: inside the limit, what is annotated would be computed for each row. In
        # their order, which leads along the index that the page's own query takes.
        return int(rows.values("pk")[:COUNT_LIMIT].count())


def count_live_tokens(*, now: datetime) -> Coalesce:
    """Count a credential's live tokens inside the query for the credentials.

    Not much further than ``LIVE_TOKEN_LIMIT``: only those that expire no later than the first that
    is over the limit. A LIMIT inside the count would do, but MariaDB has no correlated tables.
    """
    tokens = AccessToken.objects.live(now=now)
    first_over_limit = (
        tokens.filter(credential=OuterRef(OuterRef("pk")))
        .order_by("expires_at")
        .values("expires_at")[LIVE_TOKEN_LIMIT : LIVE_TOKEN_LIMIT + 1]
    )
    counts = (
        tokens.filter(credential=OuterRef("pk"))
        .filter(expires_at__lte=Coalesce(Subquery(first_over_limit), now + _AGES))
        .order_by()
        .values("credential")
        .annotate(count=Count("pk"))
        .values("count")
    )
    return Coalesce(Subquery(counts), 0)
