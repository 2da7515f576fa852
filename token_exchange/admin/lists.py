"""How does a list show the state of each row, and filter by it?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from token_exchange.admin.reach import organizations_in_reach
from token_exchange.models import AccessToken
from token_exchange.models.signing_key import KeyState
from token_exchange.models.states import State

if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator

COUNT_LIMIT: Final = 10_000
"""A list counts no further, because counting millions of tokens takes seconds on each page."""

LIVE_TOKEN_LIMIT: Final = 1_000
"""The live tokens of one credential are counted no further."""

ORGANIZATION_LIMIT: Final = 50
"""A list offers no more organizations to filter by; the search finds the others."""

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
        # Only the keys: inside the limit, what is annotated would be computed for each row.
        return int(rows.order_by().values("pk")[:COUNT_LIMIT].count())


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


class StateFilter(admin.SimpleListFilter):
    """Credentials by state."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return every state."""
        return [(state.value, STATE_LABELS[state]) for state in State]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        """Keep the credentials that are in the chosen state now."""
        states = {state.value: state for state in State}
        state = states.get(self.value() or "")
        found: QuerySet[Any] = queryset
        return found if state is None else queryset.in_state(state, now=timezone.now())


class TokenStateFilter(admin.SimpleListFilter):
    """Access tokens by state, where the query tells which are live."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the states that a token can have."""
        states = (LIVE, State.EXPIRED, State.REVOKED, REFUSED)
        return [(state, STATE_LABELS[state]) for state in states]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the tokens that are in the chosen state now."""
        is_over = Q(expires_at__lte=timezone.now())
        conditions: dict[str, Q] = {
            LIVE: Q(is_live=True) & ~is_over,
            State.EXPIRED: is_over,
            State.REVOKED: Q(revoked_at__isnull=False) & ~is_over,
            REFUSED: Q(is_live=False, revoked_at=None) & ~is_over,
        }
        condition = conditions.get(self.value() or "")
        return queryset if condition is None else queryset.filter(condition)


class OrganizationFilter(admin.SimpleListFilter):
    """Credentials by organization: a bounded choice, whatever the number of tenants."""

    title = _("organization")
    parameter_name = "organization"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the first organizations, and the chosen one."""
        organizations = organizations_in_reach(request.user)
        found = {str(each.pk): str(each) for each in organizations[:ORGANIZATION_LIMIT]}
        chosen = request.GET.get(self.parameter_name)
        if chosen is not None and chosen not in found:
            found |= {str(each.pk): str(each) for each in _filter(organizations, pk=chosen)}
        return list(found.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the credentials of the chosen organization."""
        chosen = self.value()
        return queryset if chosen is None else _filter(queryset, organization=chosen)


def _filter(queryset: QuerySet[Any], **condition: Any) -> QuerySet[Any]:
    try:
        return queryset.filter(**condition)
    except (ValueError, ValidationError) as error:
        raise IncorrectLookupParameters(error) from error
