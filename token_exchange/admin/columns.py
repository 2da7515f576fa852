"""Change list columns of credentials and access tokens."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from django.contrib import admin
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from token_exchange.admin.badges import badge
from token_exchange.models import AccessToken, Credential
from token_exchange.models.access_token import LIVE_COUNT_LIMIT

ID_CHARACTERS_SHOWN: Final = 4
"""Of twelve: enough to tell the keys of a list apart; the change form shows all of them."""

SCOPES_SHOWN: Final = 3

_BREAK: Final = mark_safe("<wbr>")


@admin.display(description=gettext_lazy("name"), ordering="search_name")
def name_and_identifier(credential: Credential) -> SafeString:
    """Show the name and the beginning of the identifier."""
    prefix, dot, rest = credential.identifier.partition(".")
    return format_html(
        '<span class="te-name">{}</span> <code class="te-masked" title="{}">{}…</code>',
        credential.name,
        credential.identifier,
        prefix + dot + rest[:ID_CHARACTERS_SHOWN],
    )


@admin.display(description=gettext_lazy("organization"))
def organization_and_owner(credential: Credential) -> SafeString:
    """Show the organization, and the owner of a user's API key."""
    organization = format_html('<span class="te-tenant">{}</span>', str(credential.organization))
    if credential.subject_type != Credential.SubjectType.USER:
        return organization
    owner = credential.owner
    name = _("deleted user") if owner is None else _("as %(user)s") % {"user": owner.get_username()}
    return format_html('{} <span class="te-aside">{}</span>', organization, name)


@admin.display(description=gettext_lazy("state"))
def state_badges(credential: Credential) -> SafeString:
    """Show all of its states."""
    return format_html_join(
        " ", "{}", ((badge(each),) for each in credential.states(now=timezone.now()))
    )


@admin.display(description=gettext_lazy("scopes"))
def scope_summary(credential: Credential) -> SafeString:
    """Show the first scopes, and the number of the others."""
    shown, more = credential.scopes[:SCOPES_SHOWN], credential.scopes[SCOPES_SHOWN:]
    words = format_html_join(" ", "<code>{}</code>", ((_breakable(each),) for each in shown))
    if more:
        more = format_html('<span title="{}">+{}</span>', " ".join(more), len(more))
    return format_html('<span class="te-scopes">{} {}</span>', words, more or "")


def _breakable(scope: str) -> SafeString:
    """Let a narrow column break a scope between its parts, and not inside a word."""
    parts = re.split(r"(?<=[:./_-])", scope)
    return format_html_join(_BREAK, "{}", ((part,) for part in parts))


@admin.display(description=gettext_lazy("scopes"))
def scope_list(credential: Credential) -> SafeString:
    """Show every scope, as text instead of JSON."""
    return format_html_join(" ", "<code>{}</code>", ((each,) for each in credential.scopes))


@admin.display(description=gettext_lazy("last used"))
def last_used(credential: Credential) -> SafeString | str:
    """Show how long ago the credential was used, and from where."""
    return time_and_address(credential.last_used_at, credential.last_used_from)


@admin.display(description=gettext_lazy("previous secret last used"))
def previous_secret_last_used(credential: Credential) -> SafeString | str:
    """Show how long ago the previous secret was used, and from where."""
    return time_and_address(
        credential.previous_secret_last_used_at, credential.previous_secret_last_used_from
    )


@admin.display(description=gettext_lazy("expires"))
def expiry(credential: Credential) -> SafeString | None:
    """Show the date, with the exact time as its title."""
    return None if credential.expires_at is None else date_tag(credential.expires_at)


@admin.display(description=gettext_lazy("issued"))
def token_issued(access_token: AccessToken) -> SafeString:
    """Show how long ago the token was issued."""
    return time_tag(access_token.issued_at, _ago(access_token.issued_at))


@admin.display(description=gettext_lazy("expires"))
def token_expiry(access_token: AccessToken) -> SafeString:
    """Show the token's remaining lifetime, or how long ago it expired."""
    at, now = access_token.expires_at, timezone.now()
    until = _("in %(time)s") % {"time": timeuntil(at, now, depth=1)}
    return time_tag(at, until if at > now else _ago(at))


@cache  # Django tells columns apart by identity
def live_tokens(tokens_url: str | None = None) -> Callable[[Any], SafeString | str]:
    """Return the column with the number of live tokens, which links to them at ``tokens_url``."""

    @admin.display(description=gettext_lazy("live tokens"))
    def live_tokens(credential: Any) -> SafeString | str:
        count = bounded_count(credential.live_token_count)
        if tokens_url is None or not credential.live_token_count:
            return count
        url = f"{tokens_url}?credential={credential.pk}&state=live"
        return format_html('<a href="{}">{}</a>', url, count)

    return live_tokens


def bounded_count(count: int) -> str:
    """Return a number of live tokens as text, "1,000+" beyond the limit."""
    return str(count) if count <= LIVE_COUNT_LIMIT else f"{LIVE_COUNT_LIMIT:,}+"


def time_and_address(at: datetime | None, address: str) -> SafeString | str:
    """Return "3 minutes ago from 192.0.2.1", with the exact time as its title."""
    if at is None:
        return _("Never")
    ago = time_tag(at, _ago(at))
    if not address:
        return ago
    source = _("from %(address)s") % {"address": address}
    return format_html('{} <span class="te-aside">{}</span>', ago, source)


def date_tag(at: datetime) -> SafeString:
    """Return the date of a time, in the current time zone."""
    return time_tag(at, date_format(timezone.localtime(at), "DATE_FORMAT"))


def datetime_tag(at: datetime) -> SafeString:
    """Return a time to the minute, in the current time zone."""
    return time_tag(at, date_format(timezone.localtime(at), "DATETIME_FORMAT"))


def time_tag(at: datetime, text: str) -> SafeString:
    """Return ``text`` for a time, with the exact time as its title."""
    exact = date_format(timezone.localtime(at), "DATETIME_FORMAT")
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact, text)


def _ago(at: datetime) -> str:
    now = timezone.now()
    if now - at < timedelta(minutes=1):
        return _("just now")
    return _("%(time)s ago") % {"time": timesince(at, now, depth=1)}
