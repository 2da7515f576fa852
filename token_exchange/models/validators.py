"""Validators for the fields of credentials and organizations."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from token_exchange.conf import get_settings
from token_exchange_core.networks import parse_network
from token_exchange_core.scopes import RESERVED_PREFIX, RESERVED_SCOPES, is_scope_token
from token_exchange_core.secret_strings import resembles_secret

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# Both lists stand in a token, and a token in a header of 8 KB, perhaps in base64.
_MAX_JOINED_LENGTH: Final = 1500

SECRET_CODE: Final = "secret"
"""The code of the error for text that looks like a secret."""

_UNSTORABLE: Final = re.compile(r"[\x00\ud800-\udfff]")
_AUDIENCE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,255}")

# With those that end a line, or turn the direction of writing: behind a name that turns it, its
# identifier would look like another one.
no_control_characters = RegexValidator(
    r"\A[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]*\Z",
    message=_("Control characters are not allowed."),
)


def refuse_secrets(value: Any) -> None:
    """Refuse text that looks like a secret or access token, also deep in a JSON value.

    Raises ``ValidationError`` with the code ``SECRET_CODE`` and without the text.
    """
    settings = get_settings()
    prefixes = (settings.api_key_string_prefix, settings.client_secret_string_prefix)
    if any(resembles_secret(text, prefixes=prefixes) for text in _texts(value)):
        raise ValidationError(
            _(
                "This looks like a secret, so it was refused: other people can read this text, "
                "and it can appear in logs and e-mails. Enter something else. If it is a secret, "
                "rotate it, because others may have seen it."
            ),
            code=SECRET_CODE,
        )


# None of the codes below is "invalid": JSONField has a text of its own for that.


def _each(values: Any, is_good: Callable[[str], bool], message: _StrPromise) -> None:
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise ValidationError(_("Enter a list of strings."), code="no_list")
    refuse_secrets(values)  # before the errors that quote a value
    for each in values:
        if not is_good(each):
            raise ValidationError(message, code="unusable", params={"value": each})
    if len(set(values)) != len(values):
        raise ValidationError(_("Enter each value once."), code="repeated")
    if len(" ".join(values)) > _MAX_JOINED_LENGTH:
        raise ValidationError(
            _("Together these are too long for a token: at most %(maximum)d characters."),
            code="too_long",
            params={"maximum": _MAX_JOINED_LENGTH},
        )


def validate_scopes(values: Any) -> None:
    """Accept a list of distinct scopes, of the registry where the setting ``SCOPES`` has one.

    The reserved ones that have a meaning are good as well. Who may grant one is not known here.
    """
    registry = get_settings().scopes
    _each(values, is_scope_token, _("%(value)r is not a scope (RFC 6749, section 3.3)."))
    for each in values:
        if each in RESERVED_SCOPES:
            continue
        if each.startswith(RESERVED_PREFIX):
            raise ValidationError(
                _("%(value)r is not a reserved scope. Reserved scopes: %(known)s."),
                code="reserved",
                params={"value": each, "known": ", ".join(sorted(RESERVED_SCOPES))},
            )
        if registry and each not in registry:
            raise ValidationError(
                _("%(value)r is not one of the scopes in TOKEN_EXCHANGE['SCOPES']: %(known)s."),
                code="unregistered",
                params={"value": each, "known": ", ".join(sorted(registry))},
            )


def validate_audience(values: Any) -> None:
    """Accept a list of distinct audiences: printable ASCII without spaces, at most 255 long."""
    _each(
        values,
        lambda each: _AUDIENCE.fullmatch(each) is not None,
        _("%(value)r is not an audience: use a URL or a name without spaces."),
    )


def validate_lifetime(lifetime: timedelta) -> None:
    """Accept whole seconds, at least one, up to the setting ``MAX_TOKEN_LIFETIME``."""
    ceiling = get_settings().max_token_lifetime
    if lifetime < timedelta(seconds=1) or lifetime.microseconds:
        raise ValidationError(_("Enter whole seconds, at least one."), code="min_value")
    if lifetime > ceiling:
        raise ValidationError(
            _("The maximum is %(maximum)d seconds."),
            code="max_value",
            params={"maximum": ceiling.total_seconds()},
        )


def validate_metadata(metadata: Any) -> None:
    """Accept what every database can store: a JSON object without NUL and half characters.

    Python reads and writes NaN and infinities as well, which JSON does not have.
    """
    if not isinstance(metadata, dict) or not _is_json(metadata):
        raise ValidationError(_("Enter a JSON object."), code="no_object")
    refuse_secrets(metadata)
    if any(_UNSTORABLE.search(text) for text in _texts(metadata)):
        raise ValidationError(_("Control characters are not allowed."), code="unusable")


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield str(name)
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def validate_networks(values: Any) -> None:
    """Accept a list of distinct networks in CIDR notation, IPv4 or IPv6, without host bits."""

    def is_network(value: str) -> bool:
        try:
            parse_network(value)
        except ValueError:
            return False
        return True

    _each(
        values, is_network, _("%(value)r is not a network such as 192.0.2.0/24 or 2001:db8::/32.")
    )
