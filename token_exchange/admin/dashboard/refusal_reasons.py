"""Why was an exchange refused, in words that an operator would use?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

REASONS: Final[Mapping[str, Any]] = {
    # The credential.
    "unknown": _("No credential has this identifier"),
    "wrong_secret": _("The secret is wrong"),
    "previous_secret_expired": _("The secret is from before a rotation, and its overlap has ended"),
    "credential_revoked": _("The credential was revoked"),
    "credential_expired": _("The credential has expired"),
    "organization_inactive": _("The organization is not active"),
    "owner_gone": _("The user for whom it speaks was deleted"),
    "owner_inactive": _("The user for whom it speaks is not active"),
    "network_not_allowed": _("It came from a network that the credential does not allow"),
    "malformed_secret": _("What was sent is no key or client secret of this service"),
    "malformed_client_id": _("What was sent is no client id of this service"),
    "malformed_basic": _("What was sent with the scheme Basic cannot be read"),
    # The Authorization header.
    "no_authorization": _("No Authorization header was sent"),
    "wrong_scheme": _("The Authorization header has another scheme than this endpoint's"),
    "header_too_long": _("The Authorization header is too long"),
    "header_characters": _("The Authorization header has characters that none can have"),
    "header_repeated": _("The Authorization header was sent more than once"),
    # The request.
    "https_required": _("It came by plain http"),
    "body_unreadable": _("The body broke off"),
    "body_too_large": _("The body is too large"),
    "body_without_length": _("The body has no Content-Length"),
    "malformed_form": _("The form cannot be read"),
    "repeated_parameter": _("A parameter was sent more than once"),
    "malformed_json": _("The body is neither a JSON object nor a form"),
    "malformed_header": _("The member header is no object"),
    "malformed_reference": _("The member reference is no string, or too long"),
    # What was asked for.
    "malformed_scope": _("The parameter scope cannot be read"),
    "malformed_audience": _("The parameter audience cannot be read"),
    "malformed_expires_in": _("The parameter expires_in is no whole number"),
    "scope_not_granted": _("It asked for a scope that the credential does not have"),
    "audience_not_allowed": _("It asked for an audience that the credential does not have"),
    "expires_in_over_maximum": _("It asked for a longer lifetime than the maximum"),
    # The rates.
    "rate_token": _("The API key was exchanged too often"),
    "rate_auth_token": _("The client app asked too often"),
    "rate_failure": _("Too many requests from its address had been refused"),
    # Ourselves.
    "database_away": _("The database was away"),
    "cache_away": _("The cache was away"),
    "no_signing_key": _("There was no key to sign with"),
    "server_error": _("Something went wrong on the server; the log says what"),
}
"""Of each private reason for which an exchange can be refused."""


def reason_in_words(reason: str) -> str:
    """Return the words for a reason; of one that is new here, its own."""
    return str(REASONS.get(reason, reason.replace("_", " ")))
