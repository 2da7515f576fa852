"""How much are credentials used, what is refused, and what will hurt soon?"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _

from token_exchange.admin.base import DeskAdmin
from token_exchange.admin.columns import day, moment, previous_secret_last_use, use
from token_exchange.admin.dashboard import formatting, queries
from token_exchange.admin.dashboard.charts import bar_chart, rate_chart
from token_exchange.admin.dashboard.filter_form import PERIODS, SelectionForm
from token_exchange.admin.dashboard.queries import ROWS, Selection, TopCredential
from token_exchange.admin.tenant_access import organizations_of
from token_exchange.models import APIKey, ClientApp, Credential
from token_exchange.observability import exchange_counts
from token_exchange_core.secret_strings import contains_secret


class DashboardAdmin(DeskAdmin):
    """One page instead of a list."""

    organization_path = "organization"

    def get_urls(self) -> list[Any]:
        """Return the one page's: the rows that it sums up have none of their own."""
        view = self.admin_site.admin_view(self.dashboard_view)
        return [path("", view, name=self.url_name("changelist"))]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the user may see the counts."""
        return bool(request.user.has_perm(f"{self.opts.app_label}.view_hourlycount"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: exchanges are counted by themselves."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    # Or what this process has counted could not be written before it is read.
    @transaction.non_atomic_requests
    def dashboard_view(self, request: HttpRequest) -> HttpResponse:
        """Show the figures, with those that this process has not written yet."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if contains_secret(request.GET.get("credential", "")):
            # Sent away from the address that has it.
            reason = _("That was a secret, or a part of one. Look for the identifier instead.")
            return self.refuse(request, reason)
        exchange_counts.flush()
        form = SelectionForm(request, site=self.admin_site)
        kinds = self._kinds(request)
        selection = _selection(request, form, kinds=tuple(kinds))
        return self.page(
            request,
            "dashboard.html",
            title=_("Dashboard"),
            form=form,
            period=form.period,
            periods=_periods(form),
            **_exchanges(selection),
            **_rows(_Links(request, kinds), form, selection),
        )

    def _kinds(self, request: HttpRequest) -> dict[str, DeskAdmin]:
        """Return the admin of each kind of credentials that the user may see."""
        found: dict[str, DeskAdmin] = {}
        for proxy in (APIKey, ClientApp):
            if self.admin_site.is_registered(proxy):
                model_admin: Any = self.admin_site.get_model_admin(proxy)
                if model_admin.has_view_permission(request):
                    found[proxy.KIND] = model_admin
        return found


class _Links:
    """Where a credential's pages are, for this user."""

    def __init__(self, request: HttpRequest, kinds: dict[str, DeskAdmin]) -> None:
        self._request = request
        self._kinds = kinds

    def page(self, credential: Credential) -> str:
        return self._kinds[credential.kind].url("change", credential)

    def rotation(self, credential: Credential) -> str | None:
        """Return the page that rotates it; ``None`` for who may not."""
        model_admin = self._kinds[credential.kind]
        page = model_admin.object_pages["rotate"]
        may = model_admin.may(self._request, page.permission) and page.permits(
            self._request.user, credential
        )
        return model_admin.url("rotate", credential) if may else None


def _selection(request: HttpRequest, form: SelectionForm, *, kinds: tuple[str, ...]) -> Selection:
    """Return what was asked for, in the user's reach; nothing where it makes no sense."""
    is_valid = form.is_valid()
    asked = form.cleaned_data if is_valid else {}
    organizations = organizations_of(request.user) if is_valid else []
    if asked.get("organization"):
        organizations = [asked["organization"].pk]
    return Selection(
        now=timezone.now(),
        hours=PERIODS[form.period][0],
        organizations=organizations,
        identifier=asked.get("credential", ""),
        kinds=kinds,
    )


def _address(form: SelectionForm, **values: str) -> str:
    """Return the address of the page with these values, and the rest of what was asked for."""
    kept = {name: form.data[name] for name in ("period", *form.fields) if form.data.get(name)}
    return "?" + urlencode({**kept, **values})


def _periods(form: SelectionForm) -> list[tuple[str, Any, str]]:
    return [(name, label, _address(form, period=name)) for name, (_hours, label) in PERIODS.items()]


def _exchanges(selection: Selection) -> dict[str, Any]:
    """Return what the page says of exchanges: one query."""
    hours, reasons = queries.series(selection)
    whole = queries.whole(hours)
    bars = bar_chart(hours)
    rows = [formatting.hour_row(each) for each in hours]
    return {
        "is_counted": whole.total > 0,
        "total": formatting.number(whole.total),
        "rate": formatting.percentage(whole),
        "refused": formatting.number(whole.refused),
        "hours": rows,
        "bars": list(zip(bars.bars, rows, strict=True)),
        "bar_chart": bars,
        "top_number": formatting.number(bars.top),
        "rate_chart": rate_chart(hours),
        "ticks": formatting.ticks(hours),
        "reasons": formatting.reason_rows(reasons),
    }


def _rows(links: _Links, form: SelectionForm, selection: Selection) -> dict[str, Any]:
    """Return what the page says of credentials and tokens: five queries."""
    expiring = queries.expiring(selection)
    previous = queries.previous_secrets_in_use(selection)
    top = [] if selection.identifier else queries.top_credentials(selection)
    return {
        "identifier": selection.identifier,
        "live_tokens": formatting.bounded_tokens(queries.live_tokens(selection)),
        "top": [_top_row(links, form, each) for each in top],
        "expiring": [_expiring_row(links, each) for each in expiring[:ROWS]],
        "has_more_expiring": len(expiring) > ROWS,
        "previous": [_previous_row(links, each) for each in previous[:ROWS]],
        "has_more_previous": len(previous) > ROWS,
    }


def _top_row(links: _Links, form: SelectionForm, top: TopCredential) -> dict[str, Any]:
    return {
        "identifier": top.identifier,
        "credential": top.credential,
        "page": None if top.credential is None else links.page(top.credential),
        "figures": _address(form, credential=top.identifier),
        "total": formatting.number(top.tally.total),
        "refused": formatting.number(top.tally.refused),
        "rate": formatting.percentage(top.tally),
    }


def _expiring_row(links: _Links, credential: Any) -> dict[str, Any]:
    return {
        "credential": credential,
        "page": links.page(credential),
        "ends": day(credential.expires_at),
        "used": use(credential.last_used_at, credential.last_used_from),
    }


def _previous_row(links: _Links, credential: Any) -> dict[str, Any]:
    return {
        "credential": credential,
        "page": links.page(credential),
        "rotation": links.rotation(credential),
        "ends": moment(
            credential.previous_secret_expires_at,
            formatting.moment_of(credential.previous_secret_expires_at),
        ),
        "used": previous_secret_last_use(credential),
    }
