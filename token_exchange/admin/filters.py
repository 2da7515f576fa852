"""By what are lists filtered, so that each filter is served by an index?

``credential.py`` and ``access_token.py`` among the models have the indexes. A list that is filtered
by a state is ordered by the time that the state follows from: the order of another index would
lead past all the rows in other states.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from token_exchange.admin.list_display import LIVE, STATE_LABELS
from token_exchange.admin.tenant_access import organizations_in_reach, within_reach
from token_exchange.models import Credential, get_organization_model
from token_exchange.models.credential_state import State

ORGANIZATION_LIMIT: Final = 50
"""A list offers no more organizations to filter by; the list of organizations leads to the rest."""

_STATE = "state"

_ORDER_OF_CREDENTIALS: Final[Mapping[str, str]] = {
    State.ROTATING: "previous_secret_expires_at",
    State.EXPIRING: "expires_at",
    State.EXPIRED: "-expires_at",
    State.REVOKED: "-revoked_at",
}


def order_of_credentials(request: HttpRequest) -> tuple[str, ...]:
    """Return the order of the state that is filtered by, or the newest first."""
    state = request.GET.get(_STATE, "")
    if state in _ORDER_OF_CREDENTIALS:
        return (_ORDER_OF_CREDENTIALS[state],)
    return ("-organization_id", "-pk") if "organization" in request.GET else ("-pk",)


def order_of_tokens(request: HttpRequest) -> tuple[str, ...]:
    """Return the last to expire first, which is the order of each index but one."""
    if request.GET.get(_STATE) == State.REVOKED:
        return ("-revoked_at",)
    return ("-credential_id", "-expires_at") if _is_of_one(request) else ("-expires_at",)


def _is_of_one(request: HttpRequest) -> bool:
    # Those that are live are found through their credential's row, which a range would hide, and
    # are few beside all. Only an identifier has a dot.
    is_of_one = "credential" in request.GET or "." in request.GET.get(SEARCH_VAR, "")
    return is_of_one and request.GET.get(_STATE) != LIVE


def only(name: str, value: Any) -> Q:
    """Match one value of a field by which the rows are ordered first.

    As a range: of an equal value a database knows that the order by it says nothing, and it may
    then prefer the index of what comes second, and read past the rows of everybody else.
    """
    return Q(**{f"{name}__gte": value, f"{name}__lte": value})


class StateFilter(admin.SimpleListFilter):
    """Credentials by state."""

    title = _("state")
    parameter_name = _STATE

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return every state."""
        return [(state.value, STATE_LABELS[state]) for state in State]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        """Keep the credentials that are in the chosen state now."""
        states = {state.value: state for state in State}
        state = states.get(self.value() or "")
        found: QuerySet[Any] = queryset
        return found if state is None else queryset.in_state(state, now=timezone.now())


class SubjectFilter(admin.SimpleListFilter):
    """API keys by whom they speak for."""

    title = _("subject")
    parameter_name = "subject_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the two kinds of subject."""
        return list(Credential.SubjectType.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the keys that speak for the chosen kind."""
        chosen = self.value()
        is_one = chosen in Credential.SubjectType.values
        return queryset.filter(subject_type=chosen) if is_one else queryset


class TokenStateFilter(admin.SimpleListFilter):
    """Access tokens by state.

    Not by "refused": to find the few among millions of live ones, each would be looked at.
    """

    title = _("state")
    parameter_name = _STATE

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the states that can be found."""
        return [(state, STATE_LABELS[state]) for state in (LIVE, State.EXPIRED, State.REVOKED)]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        """Keep the tokens that are in the chosen state now."""
        now, chosen = timezone.now(), self.value()
        found: QuerySet[Any] = queryset
        if chosen == LIVE:
            found = queryset.live(now=now)
        elif chosen == State.EXPIRED:
            found = queryset.filter(expires_at__lte=now)
        elif chosen == State.REVOKED:
            found = queryset.filter(revoked_at__isnull=False, expires_at__gt=now)
        return found


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
            found |= {str(each.pk): str(each) for each in _filter(organizations, Q(pk=chosen))}
        return list(found.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of the chosen organization."""
        chosen = self.value()
        if chosen is None:
            return queryset
        return queryset.filter(only("organization", _key(get_organization_model(), chosen)))


class CredentialFilter(admin.SimpleListFilter):
    """The access tokens of one credential, to which its page leads; no choice by itself."""

    title = _("credential")
    parameter_name = "credential"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the chosen credential."""
        chosen = request.GET.get(self.parameter_name)
        if chosen is None:
            return []
        rows = within_reach(Credential.objects.all(), request.user, path="organization")
        found = [(str(each.pk), str(each)) for each in _filter(rows, Q(pk=chosen))]
        # Of an empty choice Django would make no filter, and the list would show all tokens.
        return found or [(chosen, _("none that can be seen"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the tokens of the chosen credential; it is asked only where there is one."""
        chosen = _key(Credential, self.value())
        is_first = _is_of_one(request)
        return queryset.filter(only("credential", chosen) if is_first else Q(credential=chosen))


def _key(model: type[Model], chosen: Any) -> Any:
    """Return what was chosen as a primary key that the database can compare with."""
    try:
        return model._meta.pk.clean(chosen, None)
    except ValidationError as error:
        raise IncorrectLookupParameters(error) from error


def _filter(queryset: QuerySet[Any], condition: Q) -> QuerySet[Any]:
    try:
        return queryset.filter(condition)
    except (ValueError, ValidationError) as error:
        raise IncorrectLookupParameters(error) from error
