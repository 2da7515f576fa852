"""Change list filters, and the orderings that let an index serve each of them.

``models/credential_constraints.py`` and ``models/access_token.py`` define the indexes. A change
list that is filtered by a state is ordered by the time that decides the state. Ordered by anything
else, the database would read all rows in other states.
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

from token_exchange.admin.tenant_access import permitted_organizations, restrict_to_tenants
from token_exchange.models import Credential, get_organization_model
from token_exchange.models.access_token import TokenState
from token_exchange.models.credential_state import State
from token_exchange.models.organization import Pk

ORGANIZATION_LIMIT: Final = 50
"""How many organizations the filter offers; the list of organizations links to the rest."""

_STATE = "state"

_CREDENTIAL_ORDERINGS: Final[Mapping[str, str]] = {
    State.ROTATING: "previous_secret_expires_at",
    State.EXPIRING: "expires_at",
    State.EXPIRED: "-expires_at",
    State.REVOKED: "-revoked_at",
}


def credential_ordering(request: HttpRequest) -> tuple[str, ...]:
    """Return the ordering that suits the state filter; the newest first without one."""
    state = request.GET.get(_STATE, "")
    if state in _CREDENTIAL_ORDERINGS:
        return (_CREDENTIAL_ORDERINGS[state],)
    return ("-organization_id", "-pk") if "organization" in request.GET else ("-pk",)


def token_ordering(request: HttpRequest) -> tuple[str, ...]:
    """Return the last to expire first, which all indexes serve but the one on revocation."""
    if request.GET.get(_STATE) == TokenState.REVOKED:
        return ("-revoked_at",)
    return ("-credential_id", "-expires_at") if _is_single_credential(request) else ("-expires_at",)


def _is_single_credential(request: HttpRequest) -> bool:
    # Live tokens are found through their credential's row, which a range would hide, and are few.
    # Only an identifier has a dot.
    is_single = "credential" in request.GET or "." in request.GET.get(SEARCH_VAR, "")
    return is_single and request.GET.get(_STATE) != TokenState.LIVE


def equals_as_range(name: str, value: Any) -> Q:
    """Match one value of the field that the rows are ordered by first, written as a range.

    With ``=`` the database drops the field from the ordering. It may then choose an index on the
    second field, and read the rows of all other values.
    """
    return Q(**{f"{name}__gte": value, f"{name}__lte": value})


class StateFilter(admin.SimpleListFilter):
    """Filter credentials by state."""

    title = _("state")
    parameter_name = _STATE

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return every state."""
        return list(State.choices)

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        """Keep the credentials that are in the chosen state now."""
        states = {state.value: state for state in State}
        state = states.get(self.value() or "")
        found: QuerySet[Any] = queryset
        return found if state is None else queryset.in_state(state, now=timezone.now())


class SubjectFilter(admin.SimpleListFilter):
    """Filter API keys by whether they act as a user or as the organization."""

    title = _("subject")
    parameter_name = "subject_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the subject types."""
        return list(Credential.SubjectType.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the keys of the chosen subject type."""
        chosen = self.value()
        is_one = chosen in Credential.SubjectType.values
        return queryset.filter(subject_type=chosen) if is_one else queryset


class TokenStateFilter(admin.SimpleListFilter):
    """Filter access tokens by state.

    Not by "refused": to find those few, the database would have to read all live tokens.
    """

    title = _("state")
    parameter_name = _STATE

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the states that an index can find."""
        states = (TokenState.LIVE, TokenState.EXPIRED, TokenState.REVOKED)
        return [(state.value, state.label) for state in states]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        """Keep the tokens that are in the chosen state now."""
        now, chosen = timezone.now(), self.value()
        found: QuerySet[Any] = queryset
        if chosen == TokenState.LIVE:
            found = queryset.live(now=now)
        elif chosen == TokenState.EXPIRED:
            found = queryset.filter(expires_at__lte=now)
        elif chosen == TokenState.REVOKED:
            found = queryset.filter(revoked_at__isnull=False, expires_at__gt=now)
        return found


class OrganizationFilter(admin.SimpleListFilter):
    """Filter by organization, offering at most ``ORGANIZATION_LIMIT`` of them."""

    title = _("organization")
    parameter_name = "organization"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the first organizations, and the chosen one."""
        organizations = permitted_organizations(request.user)
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
        return queryset.filter(
            equals_as_range("organization", _key(get_organization_model(), chosen))
        )


class CredentialFilter(admin.SimpleListFilter):
    """Filter access tokens by credential; links set it, and it offers no other choice."""

    title = _("credential")
    parameter_name = "credential"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the chosen credential."""
        chosen = request.GET.get(self.parameter_name)
        if chosen is None:
            return []
        rows = restrict_to_tenants(Credential.objects.all(), request.user, path="organization")
        found = [(str(each.pk), str(each)) for each in _filter(rows, Q(pk=chosen))]
        # Without a choice Django drops the filter, and the list would show all tokens.
        return found or [(chosen, _("Not available"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the tokens of the chosen credential; called only if there is one."""
        chosen = _key(Credential, self.value())
        is_first = _is_single_credential(request)
        return queryset.filter(
            equals_as_range("credential", chosen) if is_first else Q(credential=chosen)
        )


def _key(model: type[Model], chosen: str | None) -> Pk:
    """Return the chosen value as a primary key; an invalid one resets the change list."""
    try:
        return model._meta.pk.clean(chosen, None)
    except ValidationError as error:
        raise IncorrectLookupParameters(error) from error


def _filter(queryset: QuerySet[Any], condition: Q) -> QuerySet[Any]:
    try:
        return queryset.filter(condition)
    except (ValueError, ValidationError) as error:
        raise IncorrectLookupParameters(error) from error
