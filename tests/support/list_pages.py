"""List pages of the admin, and what the database reads for each."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from token_exchange.admin.pagination import COUNT_LIMIT
from token_exchange.models import APIKey, Credential
from token_exchange.models.credential_state import State

BIG = frozenset(f"token_exchange_{name}" for name in ("credential", "accesstoken", "auditevent"))
"""The tables that nothing may read from the beginning to the end."""

_ROWS_A_PAGE = 100


class Look(NamedTuple):
    """What one page cost."""

    queries: int
    seconds: float
    scanned: frozenset[str]
    """The tables of which a query had a sequential scan."""
    rows: int
    """How many rows or entries the queries met, those included that did not match."""


def list_pages() -> dict[str, str]:
    """Return the path of each list, with each filter, order and search, and of what sums up."""
    first = Credential.objects.order_by("pk")[0]
    keys, apps, tokens, tenants, events = (
        reverse(f"admin:token_exchange_{model}_changelist")
        for model in ("apikey", "clientapp", "accesstoken", "organization", "auditevent")
    )
    last = APIKey.objects.all()[:COUNT_LIMIT].count() // _ROWS_A_PAGE
    big, small = (f"organization={first.organization_id + each}" for each in (0, 77))
    return {
        "API keys": keys,
        "client apps": apps,
        **{f"{each} API keys": f"{keys}?state={each}" for each in State},
        **{f"{each} client apps": f"{apps}?state={each}" for each in State},
        "API keys of the biggest organization": f"{keys}?{big}",
        "API keys of a small organization": f"{keys}?{small}",
        "client apps of the biggest organization": f"{apps}?{big}",
        **{
            f"{each} API keys of the biggest organization": f"{keys}?{big}&state={each}"
            for each in State
        },
        **{
            f"{each} API keys of a small organization": f"{keys}?{small}&state={each}"
            for each in State
        },
        "API keys of users": f"{keys}?subject_type=user",
        "API keys of organizations": f"{keys}?subject_type=organization",
        "API keys by name": f"{keys}?o=1",
        "API keys by name, backwards": f"{keys}?o=-1",
        "client apps by name": f"{apps}?o=1",
        "the last page of API keys": f"{keys}?p={last}",
        "search: beginning of half the names": f"{keys}?q=nightly",
        "search: beginning of a few names": f"{keys}?q=Nightly 7777",
        "search: identifier": f"{keys}?q={first.identifier}",
        "search: owner": f"{keys}?q=user-77",
        "search: nothing found": f"{keys}?q=nobody",
        "access tokens": tokens,
        "live access tokens": f"{tokens}?state=live",
        "revoked access tokens": f"{tokens}?state=revoked",
        "expired access tokens": f"{tokens}?state=expired",
        "access tokens of the busiest credential": f"{tokens}?credential={first.pk}",
        "live ones of the busiest credential": f"{tokens}?credential={first.pk}&state=live",
        "access tokens of another credential": f"{tokens}?credential={first.pk + 5}",
        "the last page of access tokens": f"{tokens}?p={last}",
        "search: jti": f"{tokens}?q={77:022}",
        "search: identifier of the busiest credential": f"{tokens}?q={first.identifier}",
        "organizations": tenants,
        "search: organization": f"{tenants}?q=tenant 77",
        "autocomplete: organization": (
            f"{reverse('admin:autocomplete')}?app_label=token_exchange&model_name=apikey"
            "&field_name=organization&term=tenant+77"
        ),
        "audit events": events,
        "search: audit events": f"{events}?q={first.identifier}",
        "audit events of the biggest organization": f"{events}?{big}",
        "page of the busiest API key": reverse(
            "admin:token_exchange_apikey_change", args=[first.pk]
        ),
        "dashboard": reverse("admin:token_exchange_dashboard_changelist"),
    }


def operator() -> Client:
    """Return the browser of somebody who may see everything."""
    client = Client()
    users: Any = get_user_model()
    client.force_login(users.objects.create_superuser("operator"))
    client.defaults["wsgi.url_scheme"] = "https"
    return client


def look(client: Client, url: str) -> Look:
    """Open a page that has been opened before, and let the database explain each query of it."""
    client.get(url)
    began = time.perf_counter()
    with CaptureQueriesContext(connection) as queries:
        response = client.get(url)
    seconds = time.perf_counter() - began
    if response.status_code != HTTPStatus.OK:
        raise AssertionError(f"{url} answers {response.status_code}")
    nodes = [
        node
        for query in queries.captured_queries
        if query["sql"].startswith("SELECT")
        for node in _scans(_explained(query["sql"]))
    ]
    scanned = frozenset(node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan")
    return Look(len(queries), seconds, scanned, round(sum(map(_rows_met, nodes))))


def _explained(sql: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        (plan,) = cursor.fetchone()
    explained: dict[str, Any] = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    return explained


def _scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Scan" in node["Node Type"]:
        yield node
    for each in node.get("Plans", ()):
        yield from _scans(each)


def _rows_met(node: dict[str, Any]) -> float:
    removed = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
    met = node["Actual Rows"] + sum(node.get(each, 0) for each in removed)
    return float(met * node["Actual Loops"])
