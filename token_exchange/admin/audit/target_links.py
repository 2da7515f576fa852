"""Links to the targets and organizations of audit events, as far as the user may see them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.contrib.admin import AdminSite
from django.contrib.admin.utils import quote
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from token_exchange.admin.tenant_access import permitted_organizations, restrict_to_tenants
from token_exchange.models import (
    AccessToken,
    APIKey,
    AuditEvent,
    ClientApp,
    Credential,
    SigningKey,
    get_organization_model,
)
from token_exchange.models.organization import Pk

_Type = AuditEvent.TargetType

_CREDENTIALS: Final[Mapping[str, type[Credential]]] = {
    _Type.API_KEY: APIKey,
    _Type.CLIENT_APP: ClientApp,
}
_OTHERS: Final[Mapping[str, tuple[type[Model], str]]] = {
    _Type.ACCESS_TOKEN: (AccessToken, "jti"),
    _Type.SIGNING_KEY: (SigningKey, "kid"),
}

_END_CHARACTERS: Final = 4


class TargetLinks:
    """The links of some events; at most one query for each table."""

    def __init__(self, site: AdminSite, request: HttpRequest, events: Iterable[AuditEvent]) -> None:
        self._site = site
        self._request = request
        names: dict[str, set[str]] = defaultdict(set)
        for each in events:
            names[each.target_type].add(each.target)
            names[_Type.ORGANIZATION].add(each.organization)
        self._organizations = self._named_organizations(names.pop(_Type.ORGANIZATION, set()))
        self._urls = dict(self._credential_urls(names))
        for target_type, (model, field) in _OTHERS.items():
            self._urls |= self._other_urls(target_type, model, field, names[target_type])

    def target(self, event: AuditEvent, *, is_full: bool = False) -> SafeString:
        """Return the target, linked if it still exists; its id is shortened unless ``is_full``."""
        if event.target_type == _Type.ORGANIZATION:
            return self.organization(event)
        shown = event.target if is_full else shortened(event.target)
        text = format_html('<code title="{}">{}</code>', event.target, shown)
        return _link(self._urls.get((event.target_type, event.target)), text)

    def organization(self, event: AuditEvent) -> SafeString:
        """Return the organization's name, or its key if it is deleted or unknown."""
        if not event.organization:
            return format_html("{}", "-")
        name, url = self._organizations.get(event.organization, (event.organization, None))
        return _link(url, name)

    def _named_organizations(self, keys: set[str]) -> dict[str, tuple[str, str | None]]:
        model = get_organization_model()
        known = filter(None, (_primary_key(model, each) for each in keys - {""}))
        wanted = list(known)
        if not wanted:
            return {}
        rows = permitted_organizations(self._request.user).filter(pk__in=wanted)
        is_visible = self._is_visible(model)
        return {
            str(each.pk): (str(each), self._url(model, each.pk) if is_visible else None)
            for each in rows
        }

    def _credential_urls(self, names: Mapping[str, set[str]]) -> dict[tuple[str, str], str]:
        visible = {kind: model for kind, model in _CREDENTIALS.items() if self._is_visible(model)}
        wanted = [name for kind in visible for name in names[kind]]
        if not wanted:
            return {}
        rows = Credential.objects.filter(kind__in=list(visible), identifier__in=wanted)
        found = restrict_to_tenants(rows, self._request.user, path="organization")
        return {
            (kind, identifier): self._url(visible[kind], pk)
            for kind, identifier, pk in found.values_list("kind", "identifier", "pk")
        }

    def _other_urls(
        self, target_type: str, model: type[Model], field: str, names: set[str]
    ) -> dict[tuple[str, str], str]:
        if not names or not self._is_visible(model):
            return {}
        rows: QuerySet[Any] = self._site.get_model_admin(model).get_queryset(self._request)
        found = rows.filter(**{f"{field}__in": names}).order_by().values_list(field, "pk")
        return {(target_type, name): self._url(model, pk) for name, pk in found}

    def _is_visible(self, model: type[Model]) -> bool:
        return self._site.is_registered(model) and (
            self._site.get_model_admin(model).has_view_permission(self._request)
        )

    def _url(self, model: type[Model], pk: Pk) -> str:
        name = f"{self._site.name}:{model._meta.app_label}_{model._meta.model_name}_change"
        return reverse(name, args=(quote(pk),))


def shortened(name: str) -> str:
    """Return an id without its middle, still enough to tell two of them apart."""
    prefix, dot, rest = name.rpartition(".")
    if len(rest) <= 3 * _END_CHARACTERS - 1:
        return name
    return f"{prefix}{dot}{rest[:_END_CHARACTERS]}…{rest[-_END_CHARACTERS:]}"


def _primary_key(model: type[Model], text: str) -> Pk:
    # Events outlive a change of the organization model, whose keys may have had another type.
    try:
        return model._meta.pk.to_python(text)
    except ValidationError:
        return None


def _link(url: str | None, text: str) -> SafeString:
    return format_html("{}", text) if url is None else format_html('<a href="{}">{}</a>', url, text)
