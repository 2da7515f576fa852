"""Which audit events does an operator look for?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy as _

from token_exchange.admin.filters import OrganizationFilter
from token_exchange.models import AuditEvent

ACTORS_AMONG: Final = 1000
"""Newest events, among which are looked for the users to choose from."""

ACTOR_LIMIT: Final = 20

FROM, TO, PERIOD = "from", "to", "time"

_PERIODS: Final[dict[str, tuple[Any, timedelta | None]]] = {
    "today": (_("Today"), None),
    "7d": (_("Past 7 days"), timedelta(days=7)),
    "30d": (_("Past 30 days"), timedelta(days=30)),
}


class _ChoiceFilter(admin.SimpleListFilter):
    """One of the choices of a field; what is none of them finds nothing by mistake."""

    offered: ClassVar[Sequence[tuple[str, Any]]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return every choice."""
        return list(self.offered)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the events that have the chosen value."""
        chosen = self.value()
        if chosen is None:
            return queryset
        if chosen not in dict(self.offered):
            raise IncorrectLookupParameters(self.parameter_name)
        return queryset.filter(**{str(self.parameter_name): chosen})


class EventFilter(_ChoiceFilter):
    """By what happened."""

    title = _("event")
    parameter_name = "event"
    offered = AuditEvent.Event.choices


class TargetTypeFilter(_ChoiceFilter):
    """By what kind of thing it happened to."""

    title = _("target type")
    parameter_name = "target_type"
    offered = AuditEvent.TargetType.choices


class EventOrganizationFilter(OrganizationFilter):
    """By organization, which may be gone: its events are not."""

    def has_output(self) -> bool:
        """Say yes: without a choice left, Django would show the events of all."""
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the events of the chosen organization, in the order of an index on both."""
        chosen = self.value()
        return queryset if chosen is None else queryset.filter(organization=chosen)


class ActorFilter(admin.SimpleListFilter):
    """By who did it: of the users of the newest events those who did most, and the chosen one."""

    title = _("user")
    parameter_name = "actor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the names, sorted, and last what no user did."""
        newest = model_admin.get_queryset(request).order_by("-pk")
        actors = Counter(newest.values_list("actor", flat=True)[:ACTORS_AMONG])
        del actors[""]
        names = {name for name, _count in actors.most_common(ACTOR_LIMIT)}
        names |= {self.value() or ""} - {""}
        return [*((name, name) for name in sorted(names)), ("", _("no user"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the events of the chosen user."""
        chosen = self.value()
        if chosen is None:
            return queryset
        if "\0" in chosen:  # which PostgreSQL cannot be asked for
            raise IncorrectLookupParameters(self.parameter_name)
        return queryset.filter(actor=chosen)


class TimeFilter(admin.ListFilter):
    """By when it happened: a period that ends now, or from one day to another."""

    title = _("time")
    template = "token_exchange/admin/time_filter.html"
    parameter_name = PERIOD

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any
    ) -> None:
        super().__init__(request, params, model, model_admin)
        given = {name: params.pop(name, [""])[-1] for name in (PERIOD, FROM, TO)}
        self.chosen: dict[str, str] = {name: value for name, value in given.items() if value}

    def expected_parameters(self) -> list[Any]:
        """Return what it reads from the URL."""
        return [PERIOD, FROM, TO]

    def has_output(self) -> bool:
        """Say that there is always something to choose."""
        return True

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        """Return the periods; the first holds what the form of two days needs as well."""
        chosen, own = self.chosen, self.expected_parameters()
        others = [
            (name, value)
            for name, values in changelist.get_filters_params().items()
            for value in values
            if name not in own
        ]
        yield {
            "selected": not chosen,
            "query_string": changelist.get_query_string(remove=own),
            "display": _("Any time"),
            "from": chosen.get(FROM, ""),
            "to": chosen.get(TO, ""),
            "others": [*others, *([("q", changelist.query)] if changelist.query else [])],
        }
        for period, (title, _length) in _PERIODS.items():
            yield {
                "selected": chosen.get(PERIOD) == period,
                "query_string": changelist.get_query_string({PERIOD: period}, remove=[FROM, TO]),
                "display": title,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the events of the chosen time; both days belong to it."""
        chosen = self.chosen
        if PERIOD in chosen:
            queryset = queryset.filter(occurred_at__gte=_beginning(chosen[PERIOD]))
        if FROM in chosen:
            queryset = queryset.filter(occurred_at__gte=_midnight(chosen[FROM]))
        if TO in chosen:
            queryset = queryset.filter(occurred_at__lt=_midnight(chosen[TO], days=1))
        return queryset


def _beginning(period: str) -> datetime:
    if period not in _PERIODS:
        raise IncorrectLookupParameters(PERIOD)
    length = _PERIODS[period][1]
    if length is None:
        return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    return timezone.now() - length


def _midnight(text: str, *, days: int = 0) -> datetime:
    """Return when a day of the admin's time zone begins, or that many days later."""
    try:
        day = parse_date(text)
        if day is None:
            raise ValueError(text)
        return timezone.make_aware(datetime.combine(day + timedelta(days=days), time.min))
    except (ValueError, OverflowError) as error:
        raise IncorrectLookupParameters(error) from error
