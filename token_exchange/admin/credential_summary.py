"""The summary of a credential: labels and values, and the usage examples for its clients."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from token_exchange.admin import columns
from token_exchange.issuer.tokens import policy
from token_exchange.models import Credential
from token_exchange.models.credential_policy import effective_audience
from token_exchange.views import usage_examples
from token_exchange.views.durations import duration_in_words


def ownership(credential: Credential) -> list[tuple[str, Any]]:
    """Return the organization, the subject, the issue and the last use."""
    return [
        (_("Organization"), credential.organization),
        (_("Acts as"), acts_as(credential)),
        (_("Issued"), _by(columns.date_tag(credential.created_at), credential.created_by)),
        (_("Secret last rotated"), _last_rotated(credential)),
        (_("Last used"), columns.last_used(credential)),
    ]


def revocation(credential: Credential) -> list[tuple[str, Any]]:
    """Return when, by whom and why a credential was revoked."""
    revoked_at = columns.datetime_tag(credential.revoked_at)  # type: ignore[arg-type] # it is revoked
    return [
        (_("Revoked"), _by(revoked_at, credential.revoked_by)),
        (_("Reason"), credential.revocation_reason or _("No reason given")),
    ]


def limits(credential: Credential) -> list[tuple[str, Any]]:
    """Return the endpoint, and what limits the credential's use."""
    return [
        (_("Token endpoint"), _codes([usage_examples.endpoint_url(credential)])),
        (_("Scopes"), columns.scope_list(credential) or _("None")),
        (_("Audience"), _codes(effective_audience(credential.audience))),
        (_("Token lifetime"), _token_lifetime(credential)),
        (_("Networks"), _codes(credential.allowed_networks) or _("Any")),
        (_("Expires"), _expiry(credential)),
    ]


@admin.display(description=gettext_lazy("acts as"))
def acts_as(credential: Credential) -> str:
    """Show the user or organization that the credential's tokens act as."""
    if credential.subject_type == Credential.SubjectType.ORGANIZATION:
        return _("The organization")
    owner: Any = credential.owner
    return _("Deleted user") if owner is None else str(owner.get_username())


@admin.display(description=gettext_lazy("notes"))
def metadata(credential: Credential) -> SafeString | str:
    """Show the operators' notes as indented JSON."""
    if not credential.metadata:
        return "-"
    text = json.dumps(credential.metadata, ensure_ascii=False, indent=2)
    return format_html("<pre>{}</pre>", text)


def usage_examples_of(credential: Credential) -> list[tuple[str, str]]:
    """Return the examples for the credential's client, with a placeholder for the secret."""
    secret = usage_examples.placeholder(credential)
    examples = [("curl", usage_examples.curl(credential, secret))]
    if not usage_examples.only_reads_revocations(credential):
        examples.append((_("Call with the token"), usage_examples.curl_with_token(credential)))
    return [*examples, ("Python", usage_examples.python(credential, secret))]


def _token_lifetime(credential: Credential) -> str:
    lifetime = policy.lifetime(credential, now=timezone.now())
    if lifetime > timedelta(minutes=1):
        # What is left of an expiring credential has odd seconds.
        lifetime -= lifetime % timedelta(minutes=1)
    return duration_in_words(lifetime) if lifetime > timedelta(0) else "-"


def _last_rotated(credential: Credential) -> SafeString | str:
    if credential.secret_issued_at == credential.created_at:
        return _("Never")
    return columns.date_tag(credential.secret_issued_at)


def _expiry(credential: Credential) -> SafeString | str:
    if credential.revoked_at is not None:
        return _("Already revoked")
    expires_at = credential.expires_at
    return _("Never") if expires_at is None else columns.datetime_tag(expires_at)


def _codes(values: Iterable[str]) -> SafeString:
    return format_html_join(" ", "<code>{}</code>", ((each,) for each in values))


def _by(time: SafeString, user: Any) -> SafeString:
    return time if user is None else format_html(_("{time} by {user}"), time=time, user=user)
