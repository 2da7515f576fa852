"""What does one cell of a list, or one line of a page, say about a credential?"""

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

from token_exchange.admin.list_display import LIVE_TOKEN_LIMIT, badge
from token_exchange.models import AccessToken, Credential

ID_CHARACTERS_SHOWN: Final = 4
"""Of twelve: enough to tell a page of keys apart; the page of each has all of them."""

SCOPES_SHOWN: Final = 3

_BREAK: Final = mark_safe("<wbr>")


@admin.display(description=gettext_lazy("name"), ordering="search_name")
def named_identifier(credential: Credential) -> SafeString:
    """Show the name, and the beginning of what the credential is known by outside."""
    prefix, dot, rest = credential.identifier.partition(".")
    return format_html(
        '<span class="te-name">{}</span> <code class="te-masked" title="{}">{}…</code>',
        credential.name,
        credential.identifier,
        prefix + dot + rest[:ID_CHARACTERS_SHOWN],
    )


@admin.display(description=gettext_lazy("organization"))
def tenant(credential: Credential) -> SafeString:
    """Show the organization, and of an API key its owner."""
    organization = format_html('<span class="te-tenant">{}</span>', str(credential.organization))
    if credential.subject_type != Credential.SubjectType.USER:
        return organization
    owner = credential.owner
    name = (
        _("owner is gone") if owner is None else _("for %(user)s") % {"user": owner.get_username()}
    )
    return format_html('{} <span class="te-aside">{}</span>', organization, name)


@admin.display(description=gettext_lazy("state"))
def state_badges(credential: Credential) -> SafeString:
    """Show all that is to be said of its state."""
    return format_html_join(
        " ", "{}", ((badge(each),) for each in credential.states(now=timezone.now()))
    )


@admin.display(description=gettext_lazy("scopes"))
def scope_summary(credential: Credential) -> SafeString:
    """Show the first scopes, and how many more there are."""
    shown, more = credential.scopes[:SCOPES_SHOWN], credential.scopes[SCOPES_SHOWN:]
    words = format_html_join(" ", "<code>{}</code>", ((_breakable(each),) for each in shown))
    if more:
        more = format_html('<span title="{}">+{}</span>', " ".join(more), len(more))
    return format_html('<span class="te-scopes">{} {}</span>', words, more or "")


def _breakable(scope: str) -> SafeString:
    """Let a narrow column break a scope where its parts meet, and not inside a word."""
    parts = re.split(r"(?<=[:./_-])", scope)
    return format_html_join(_BREAK, "{}", ((part,) for part in parts))


@admin.display(description=gettext_lazy("scopes"))
def scope_list(credential: Credential) -> SafeString:
    """Show every scope, as a word and not as JSON."""
    return format_html_join(" ", "<code>{}</code>", ((each,) for each in credential.scopes))


@admin.display(description=gettext_lazy("last use"))
def last_use(credential: Credential) -> SafeString | str:
    """Show how long ago it was used, and from where."""
    return use(credential.last_used_at, credential.last_used_from)


@admin.display(description=gettext_lazy("previous secret's last use"))
def previous_secret_last_use(credential: Credential) -> SafeString | str:
    """Show how long ago the secret from before the rotation was used, and from where."""
    return use(credential.previous_secret_last_used_at, credential.previous_secret_last_used_from)


@admin.display(description=gettext_lazy("expires"))
def expiry(credential: Credential) -> SafeString | None:
    """Show the day, with the minute for who wants it."""
    return None if credential.expires_at is None else day(credential.expires_at)


@admin.display(description=gettext_lazy("issued"))
def issue(access_token: AccessToken) -> SafeString:
    """Show how long ago the token was issued."""
    return moment(access_token.issued_at, _ago(access_token.issued_at))


@admin.display(description=gettext_lazy("expires"))
def token_expiry(access_token: AccessToken) -> SafeString:
    """Show how much longer the token lives, or how long ago it expired."""
    at, now = access_token.expires_at, timezone.now()
    until = _("in %(time)s") % {"time": timeuntil(at, now, depth=1)}
    return moment(at, until if at > now else _ago(at))


@cache  # Django tells columns apart by identity
def live_tokens(tokens_url: str | None = None) -> Callable[[Any], SafeString | str]:
    """Make the column of how many tokens work now, which leads to them at ``tokens_url``."""

    @admin.display(description=gettext_lazy("live tokens"))
    def live_tokens(credential: Any) -> SafeString | str:
        count = bounded(credential.live_token_count)
        if tokens_url is None or not credential.live_token_count:
            return count
        url = f"{tokens_url}?credential={credential.pk}&state=live"
        return format_html('<a href="{}">{}</a>', url, count)

    return live_tokens


def bounded(count: int) -> str:
    """Return a number of live tokens, which is counted no further than to the limit."""
    return str(count) if count <= LIVE_TOKEN_LIMIT else f"{LIVE_TOKEN_LIMIT:,}+"


def use(at: datetime | None, address: str) -> SafeString | str:
    """Say "3 minutes ago from 192.0.2.1", with the exact time for who wants it."""
    if at is None:
        return _("never")
    ago = moment(at, _ago(at))
    if not address:
        return ago
    where = _("from %(address)s") % {"address": address}
    return format_html('{} <span class="te-aside">{}</span>', ago, where)


def day(at: datetime) -> SafeString:
    """Show the day of a time, in the reader's zone."""
    return moment(at, date_format(timezone.localtime(at), "DATE_FORMAT"))


def moment(at: datetime, text: str) -> SafeString:
    """Show ``text`` for a time, and the exact time on demand."""
    exact = date_format(timezone.localtime(at), "DATETIME_FORMAT")
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact, text)


def _ago(at: datetime) -> str:
    now = timezone.now()
    if now - at < timedelta(minutes=1):
        return _("just now")
    return _("%(time)s ago") % {"time": timesince(at, now, depth=1)}
