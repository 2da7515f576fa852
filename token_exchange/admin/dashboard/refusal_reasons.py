"""Descriptions of the reasons for which an exchange is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

REASONS: Final[Mapping[str, Any]] = {
    # The credential.
    "unknown": _("No credential has this identifier"),
    "wrong_secret": _("Wrong secret"),
    "previous_secret_expired": _("Previous secret, used after the overlap ended"),
    "credential_revoked": _("Credential is revoked"),
    "credential_expired": _("Credential has expired"),
    "organization_inactive": _("Organization is inactive"),
    "owner_gone": _("Owner of the API key was deleted"),
    "owner_inactive": _("Owner of the API key is inactive"),
    "network_not_allowed": _("Sent from a network that isn't allowed"),
    "sent_by_browser": _("Sent by a web page whose origin isn't in ALLOWED_ORIGINS"),
    "malformed_secret": _("Not a key or client secret of this service"),
    "malformed_client_id": _("Not a client ID of this service"),
    "malformed_basic": _("Malformed Basic credentials"),
    # The Authorization header.
    "no_authorization": _("Authorization header is missing"),
    "wrong_scheme": _("Authorization header has the wrong scheme for this endpoint"),
    "header_too_long": _("Authorization header is too long"),
    "header_characters": _("Authorization header contains invalid characters"),
    "header_repeated": _("Authorization header was sent more than once"),
    # The request.
    "https_required": _("Sent over plain HTTP"),
    "body_unreadable": _("Request body was incomplete"),
    "body_too_large": _("Request body is too large"),
    "body_without_length": _("Request body has no Content-Length"),
    "malformed_form": _("Malformed form data"),
    "repeated_parameter": _("A parameter was sent more than once"),
    "malformed_json": _("Request body is neither a JSON object nor a form"),
    "malformed_header": _('"header" is not an object'),
    "malformed_reference": _('"reference" is not a string, or too long'),
    # The requested token.
    "malformed_scope": _('Malformed "scope" parameter'),
    "malformed_audience": _('Malformed "audience" parameter'),
    "malformed_expires_in": _('"expires_in" is not a whole number'),
    "scope_not_granted": _("Requested a scope that the credential doesn't have"),
    "audience_not_allowed": _("Requested an audience that the credential doesn't have"),
    "expires_in_over_maximum": _("Requested a lifetime beyond the maximum"),
    # Rate limits.
    "rate_token": _("Rate limit of the API key exceeded"),
    "rate_auth_token": _("Rate limit of the client app exceeded"),
    "rate_failure": _("Too many refused requests from the same address"),
    # The server.
    "database_away": _("Database was unavailable"),
    "cache_away": _("Cache was unavailable"),
    "no_signing_key": _("No signing key was available"),
    "server_error": _("Server error; see the log"),
}


def describe_reason(reason: str) -> str:
    """Return the description of a reason, or the log code of an unknown one as words."""
    return str(REASONS.get(reason, reason.replace("_", " ").capitalize()))
