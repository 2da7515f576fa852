"""Filters of audit events."""

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

ACTOR_SAMPLE: Final = 1000
"""How many of the newest events the actor filter takes its choices from."""

ACTOR_LIMIT: Final = 20

FROM, TO, PERIOD = "from", "to", "time"

_PERIODS: Final[dict[str, tuple[Any, timedelta | None]]] = {
    "today": (_("Today"), None),
    "7d": (_("Past 7 days"), timedelta(days=7)),
    "30d": (_("Past 30 days"), timedelta(days=30)),
}


class _ChoiceFilter(admin.SimpleListFilter):
    """Filters by a field with choices; any other value resets the change list."""

    field_choices: ClassVar[Sequence[tuple[str, Any]]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return every choice."""
        return list(self.field_choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the events that have the chosen value."""
        chosen = self.value()
        if chosen is None:
            return queryset
        if chosen not in dict(self.field_choices):
            raise IncorrectLookupParameters(self.parameter_name)
        return queryset.filter(**{str(self.parameter_name): chosen})


class EventFilter(_ChoiceFilter):
    """Filter by event."""

    title = _("event")
    parameter_name = "event"
    field_choices = AuditEvent.Event.choices


class TargetTypeFilter(_ChoiceFilter):
    """Filter by the type of the target."""

    title = _("target type")
    parameter_name = "target_type"
    field_choices = AuditEvent.TargetType.choices


class EventOrganizationFilter(OrganizationFilter):
    """Filter by organization, which may have been deleted; its events are kept."""

    def has_output(self) -> bool:
        """Return true, because without choices Django would show the events of all."""
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the events of the chosen organization, as an index serves them."""
        chosen = self.value()
        return queryset if chosen is None else queryset.filter(organization=chosen)


class ActorFilter(admin.SimpleListFilter):
    """Filter by user: the most active ones of the newest events, and the chosen one."""

    title = _("user")
    parameter_name = "actor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the usernames, sorted, and last the events without a user."""
        newest = model_admin.get_queryset(request).order_by("-pk")
        actors = Counter(newest.values_list("actor", flat=True)[:ACTOR_SAMPLE])
        del actors[""]
        names = {name for name, _count in actors.most_common(ACTOR_LIMIT)}
        names |= {self.value() or ""} - {""}
        return [*((name, name) for name in sorted(names)), ("", _("No user"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the events of the chosen user."""
        chosen = self.value()
        if chosen is None:
            return queryset
        if "\0" in chosen:  # PostgreSQL refuses it
            raise IncorrectLookupParameters(self.parameter_name)
        return queryset.filter(actor=chosen)


class TimeFilter(admin.ListFilter):
    """Filter by time: a period up to now, or a range of dates."""

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
        """Return the URL parameters."""
        return [PERIOD, FROM, TO]

    def has_output(self) -> bool:
        """Return true, because there are always choices."""
        return True

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        """Return the periods; the first also holds what the form of the dates needs."""
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
        """Keep the events of the chosen time, including both dates."""
        chosen = self.chosen
        if PERIOD in chosen:
            queryset = queryset.filter(occurred_at__gte=_start_of(chosen[PERIOD]))
        if FROM in chosen:
            queryset = queryset.filter(occurred_at__gte=_midnight(chosen[FROM]))
        if TO in chosen:
            queryset = queryset.filter(occurred_at__lt=_midnight(chosen[TO], days=1))
        return queryset


def _start_of(period: str) -> datetime:
    if period not in _PERIODS:
        raise IncorrectLookupParameters(PERIOD)
    length = _PERIODS[period][1]
    if length is None:
        return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    return timezone.now() - length


def _midnight(text: str, *, days: int = 0) -> datetime:
    """Return when a date begins in the current time zone, or the date ``days`` later."""
    try:
        day = parse_date(text)
        if day is None:
            raise ValueError(text)
        return timezone.make_aware(datetime.combine(day + timedelta(days=days), time.min))
    except (ValueError, OverflowError) as error:
        raise IncorrectLookupParameters(error) from error
