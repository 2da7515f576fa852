"""The model admin that shows the dashboard instead of a change list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _

from token_exchange.admin.base import TokenExchangeAdmin
from token_exchange.admin.columns import (
    date_tag,
    datetime_tag,
    previous_secret_last_used,
    time_and_address,
)
from token_exchange.admin.dashboard import formatting, queries
from token_exchange.admin.dashboard.charts import bar_chart, rate_chart
from token_exchange.admin.dashboard.filter_form import PERIODS, FilterForm
from token_exchange.admin.dashboard.queries import ROW_LIMIT, DashboardFilter, TopCredential
from token_exchange.admin.tenant_access import permitted_organization_keys
from token_exchange.models import APIKey, ClientApp, Credential
from token_exchange.models.credential_state import State
from token_exchange.observability import exchange_counts
from token_exchange_core.secret_strings import contains_secret


class DashboardAdmin(TokenExchangeAdmin):
    """The dashboard."""

    organization_path = "organization"

    def get_urls(self) -> list[URLPattern]:
        """Return the dashboard's URL only, because counts have no pages of their own."""
        view = self.admin_site.admin_view(self.dashboard_view)
        return [path("", view, name=self.url_name("changelist"))]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the user may see the counts."""
        return bool(request.user.has_perm(f"{self.opts.app_label}.view_hourlycount"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse, because the app counts exchanges."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    # Otherwise this process could not write its own counts before it reads them.
    @transaction.non_atomic_requests
    def dashboard_view(self, request: HttpRequest) -> HttpResponse:
        """Show the dashboard, after writing the counts that this process holds in memory."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if contains_secret(request.GET.get("credential", "")):
            # Redirects away from the URL that contains the secret.
            message = _("That looks like a secret. Filter by identifier instead.")
            return self.redirect_with_error(request, message)
        exchange_counts.flush()
        form = FilterForm(request, site=self.admin_site)
        admins = self._credential_admins(request)
        selection = _filter(request, form, kinds=tuple(admins))
        return self.render(
            request,
            "dashboard.html",
            title=_("Dashboard"),
            form=form,
            period=form.period,
            periods=_periods(form),
            **_exchanges(selection),
            **_credentials(request, admins, form, selection),
        )

    def _credential_admins(self, request: HttpRequest) -> dict[str, TokenExchangeAdmin]:
        """Return the model admin of each kind of credential that the user may see."""
        found: dict[str, TokenExchangeAdmin] = {}
        for proxy in (APIKey, ClientApp):
            if self.admin_site.is_registered(proxy):
                model_admin: Any = self.admin_site.get_model_admin(proxy)
                if model_admin.has_view_permission(request):
                    found[proxy.KIND] = model_admin
        return found


def _filter(request: HttpRequest, form: FilterForm, *, kinds: tuple[str, ...]) -> DashboardFilter:
    """Return the filter within the user's organizations; one without rows for an invalid form."""
    is_valid = form.is_valid()
    values = form.cleaned_data if is_valid else {}
    organizations = permitted_organization_keys(request.user) if is_valid else []
    if values.get("organization"):
        organizations = [values["organization"].pk]
    return DashboardFilter(
        now=timezone.now(),
        hours=PERIODS[form.period][0],
        organizations=organizations,
        identifier=values.get("credential", ""),
        kinds=kinds,
    )


def _url(form: FilterForm, **values: str) -> str:
    """Return the dashboard's query string with these values in addition to the current ones."""
    kept = {name: form.data[name] for name in ("period", *form.fields) if form.data.get(name)}
    return "?" + urlencode({**kept, **values})


def _periods(form: FilterForm) -> list[tuple[str, Any, str]]:
    return [(name, label, _url(form, period=name)) for name, (_hours, label) in PERIODS.items()]


def _exchanges(selection: DashboardFilter) -> dict[str, Any]:
    """Return the context of the exchanges; one query."""
    hours, reasons = queries.hours_and_reasons(selection)
    total = queries.total(hours)
    bars = bar_chart(hours)
    rows = [formatting.hour_row(each) for each in hours]
    return {
        "has_exchanges": total.total > 0,
        "total": formatting.number(total.total),
        "rate": formatting.percentage(total),
        "refused": formatting.number(total.refused),
        "hours": rows,
        "bars": list(zip(bars.bars, rows, strict=True)),
        "bar_chart": bars,
        "top_number": formatting.number(bars.top),
        "rate_chart": rate_chart(hours),
        "ticks": formatting.ticks(hours),
        "reasons": formatting.reason_rows(reasons),
    }


def _credentials(
    request: HttpRequest,
    admins: Mapping[str, TokenExchangeAdmin],
    form: FilterForm,
    selection: DashboardFilter,
) -> dict[str, Any]:
    """Return the context of credentials and tokens; five queries."""
    expiring = queries.expiring(selection)
    previous = queries.previous_secrets_in_use(selection)
    top = [] if selection.identifier else queries.top_credentials(selection)
    return {
        "identifier": selection.identifier,
        "live_tokens": formatting.bounded_tokens(queries.live_tokens(selection)),
        "top": [_top_row(admins, form, each) for each in top],
        "expiring": [_expiring_row(admins, each) for each in expiring[:ROW_LIMIT]],
        "all_expiring": _list_links(admins, State.EXPIRING) if len(expiring) > ROW_LIMIT else [],
        "previous": [_previous_row(request, admins, each) for each in previous[:ROW_LIMIT]],
        "all_previous": _list_links(admins, State.ROTATING) if len(previous) > ROW_LIMIT else [],
    }


def _list_links(admins: Mapping[str, TokenExchangeAdmin], state: State) -> list[tuple[str, str]]:
    """Return the URL of each change list filtered by a state, and the name of its rows."""
    return [
        (f"{each.url('changelist')}?state={state.value}", str(each.opts.verbose_name_plural))
        for each in admins.values()
    ]


def _change_url(admins: Mapping[str, TokenExchangeAdmin], credential: Credential) -> str:
    return admins[credential.kind].url("change", credential)


def _rotate_url(
    request: HttpRequest, admins: Mapping[str, TokenExchangeAdmin], credential: Credential
) -> str | None:
    """Return the URL of the rotate action, or ``None`` without permission."""
    model_admin = admins[credential.kind]
    action = model_admin.object_actions["rotate"]
    is_permitted = model_admin.has_action_permission(
        request, action.permission
    ) and action.is_permitted(request.user, credential)
    return model_admin.url("rotate", credential) if is_permitted else None


def _top_row(
    admins: Mapping[str, TokenExchangeAdmin], form: FilterForm, top: TopCredential
) -> dict[str, Any]:
    return {
        "identifier": top.identifier,
        "credential": top.credential,
        "change_url": None if top.credential is None else _change_url(admins, top.credential),
        "filter_url": _url(form, credential=top.identifier),
        "total": formatting.number(top.counts.total),
        "refused": formatting.number(top.counts.refused),
        "rate": formatting.percentage(top.counts),
    }


def _expiring_row(admins: Mapping[str, TokenExchangeAdmin], credential: Any) -> dict[str, Any]:
    return {
        "credential": credential,
        "change_url": _change_url(admins, credential),
        "expires": date_tag(credential.expires_at),
        "last_used": time_and_address(credential.last_used_at, credential.last_used_from),
    }


def _previous_row(
    request: HttpRequest, admins: Mapping[str, TokenExchangeAdmin], credential: Any
) -> dict[str, Any]:
    return {
        "credential": credential,
        "change_url": _change_url(admins, credential),
        "rotate_url": _rotate_url(request, admins, credential),
        "until": datetime_tag(credential.previous_secret_expires_at),
        "last_used": previous_secret_last_used(credential),
    }
