"""What does an operator want to know of a credential at a glance?"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from token_exchange.admin import columns
from token_exchange.admin.preset_fields import in_words
from token_exchange.issuer.tokens import policy
from token_exchange.models import Credential
from token_exchange.models.credential_policy import effective_audience
from token_exchange.views import usage_examples


def whose(credential: Credential) -> list[tuple[str, Any]]:
    """Tell to whom it belongs and for whom its tokens speak, since when, and who uses it."""
    return [
        (_("Organization"), credential.organization),
        (_("Speaks for"), speaks_for(credential)),
        (_("Issued"), _by(columns.day(credential.created_at), credential.created_by)),
        (_("Secret since"), columns.day(credential.secret_issued_at)),
        (_("Last used"), columns.last_use(credential)),
    ]


def revocation(credential: Credential) -> list[tuple[str, Any]]:
    """Tell when, by whom and why it ended."""
    return [
        (_("When"), _by(exactly(credential.revoked_at), credential.revoked_by)),  # type: ignore[arg-type] # it is revoked
        (_("Why"), credential.revocation_reason or _("no reason was given")),
    ]


def where_it_works(credential: Credential) -> list[tuple[str, Any]]:
    """Tell what it may do, where, from where, and until when."""
    return [
        (_("Sent to"), _words([usage_examples.endpoint_url(credential)])),
        (_("Scopes"), columns.scope_list(credential) or _("none")),
        (_("Audience"), _words(effective_audience(credential.audience))),
        (_("Token lifetime"), _token_lifetime(credential)),
        (_("Networks"), _words(credential.allowed_networks) or _("any")),
        (_("Works until"), _until(credential)),
    ]


@admin.display(description=gettext_lazy("speaks for"))
def speaks_for(credential: Credential) -> str:
    """Show as whom those act who hold its secret."""
    if credential.subject_type == Credential.SubjectType.ORGANIZATION:
        return _("the organization")
    owner: Any = credential.owner
    return _("a user who is gone") if owner is None else str(owner.get_username())


@admin.display(description=gettext_lazy("notes"))
def metadata(credential: Credential) -> SafeString | str:
    """Show the operators' own notes as they would write them."""
    if not credential.metadata:
        return "-"
    text = json.dumps(credential.metadata, ensure_ascii=False, indent=2)
    return format_html("<pre>{}</pre>", text)


def exactly(at: datetime) -> SafeString:
    """Show a time to the minute, in the reader's zone."""
    return columns.moment(at, date_format(timezone.localtime(at), "DATETIME_FORMAT"))


def how_to_use(credential: Credential) -> list[tuple[str, str]]:
    """Return the lines for its client, with a word where the secret stands, which nobody knows."""
    example = usage_examples.with_placeholder(credential)
    lines = [("curl", usage_examples.curl(example))]
    if not usage_examples.only_reads_revocations(credential):
        lines.append((_("Call with the token"), usage_examples.curl_with_token(credential)))
    return [*lines, ("Python", usage_examples.python(example))]


def _token_lifetime(credential: Credential) -> str:
    lifetime = policy.lifetime(credential, now=timezone.now())
    if lifetime > timedelta(minutes=1):
        # What is left of a credential is no round figure.
        lifetime -= lifetime % timedelta(minutes=1)
    return in_words(lifetime) if lifetime > timedelta(0) else "-"


def _until(credential: Credential) -> SafeString | str:
    if credential.revoked_at is not None:
        return _("revoked")
    expires_at = credential.expires_at
    return _("it is revoked") if expires_at is None else exactly(expires_at)


def _words(values: Iterable[str]) -> SafeString:
    return format_html_join(" ", "<code>{}</code>", ((each,) for each in values))


def _by(what: SafeString, user: Any) -> SafeString:
    return what if user is None else format_html(_("{what} by {user}"), what=what, user=user)
