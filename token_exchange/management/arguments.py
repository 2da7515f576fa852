"""Types of command-line arguments, and look-up of the rows that arguments name."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import (
    FieldError,
    MultipleObjectsReturned,
    ObjectDoesNotExist,
    ValidationError,
)
from django.core.management.base import CommandError, CommandParser
from django.db import DataError
from django.utils import timezone
from django.utils.dateparse import parse_duration

from token_exchange.conf import get_settings
from token_exchange.conf.parsers import LONGEST_DURATION
from token_exchange.models import (
    AbstractOrganization,
    Credential,
    get_organization_model,
    parents,
)
from token_exchange.models.validators import refuse_secrets
from token_exchange_core.secret_strings import find_identifier

_PLAIN: Final = re.compile(r"([0-9]{1,18})([smhdw]?)")
# Without weeks, which Django 5.2 cannot parse.
_ISO_8601: Final = re.compile(r"P[0-9TDHMS.]*[0-9][DHMS]")
_UNITS: Final = {
    "": timedelta(seconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def add_time_budget(parser: CommandParser) -> None:
    """Add ``--time-budget``, which sets ``time_budget_seconds`` (infinite by default)."""
    parser.add_argument(
        "--time-budget",
        type=lambda text: positive_duration(text).total_seconds(),
        default=float("inf"),
        metavar="DURATION",
        dest="time_budget_seconds",
        help="Stop after this time, such as 5m. The next run does the rest.",
    )


def add_keep_descendants(parser: CommandParser, *, more: str = "") -> None:
    """Add ``--keep-descendants``; ``more`` ends its help."""
    parser.add_argument(
        "--keep-descendants",
        action="store_true",
        help="Keep what was created or rotated with its tokens. By default, what was created with "
        f"them is revoked, and what was only rotated with them gets a new secret.{more}",
    )


def duration(text: str) -> timedelta:
    """Parse ``90s``, ``30m``, ``24h``, ``7d``, ``2w``, plain seconds, or an ISO 8601 duration."""
    try:
        value = _read_duration(text)
    except (OverflowError, ValueError):
        value = None
    if value is None:
        raise ArgumentTypeError(
            f"{text!r} is not a duration such as 90s, 30m, 24h, 7d, 2w, 3600 or P1DT12H"
        )
    if not timedelta(0) <= value <= LONGEST_DURATION or value.microseconds:
        raise ArgumentTypeError(
            f"{text!r} must be whole seconds, at least 0 and at most {LONGEST_DURATION.days}d"
        )
    return value


def _read_duration(text: str) -> timedelta | None:
    plain = _PLAIN.fullmatch(text)
    if plain is not None:
        return int(plain[1]) * _UNITS[plain[2]]
    # Django accepts other forms, too, and reads a bare P as zero.
    return parse_duration(text) if _ISO_8601.fullmatch(text) else None


def moment(text: str) -> datetime:
    """Parse an ISO 8601 date or time, or a duration before now, in the project's time zone.

    A date means its first moment.
    """
    try:
        return timezone.now() - duration(text)
    except ArgumentTypeError:
        try:
            at = datetime.fromisoformat(text)
            return at if timezone.is_aware(at) else timezone.make_aware(at)
        except (ValueError, OverflowError) as error:
            raise ArgumentTypeError(
                f"{text!r} is not a time such as 2026-01-31, 2026-01-31T12:00Z, or 7d (ago)"
            ) from error


def positive_duration(text: str) -> timedelta:
    """Parse a duration above 0."""
    value = duration(text)
    if not value:
        raise ArgumentTypeError(f"{text!r} must be more than 0")
    return value


def positive_number(text: str) -> int:
    """Parse a whole number of at least 1."""
    if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) is None or not int(text):
        raise ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def scope(text: str) -> str:
    """Return a single scope; the credential validates its characters."""
    if len(text.split()) > 1:
        raise ArgumentTypeError(f"{text!r} is more than one scope: repeat --scope for each")
    return text


def _find(query: Callable[[], Any], not_found: str) -> Any:
    try:
        return query()
    # All but the first: the database cannot store such a value, so no row has it.
    except (ObjectDoesNotExist, ValidationError, ValueError, OverflowError, DataError) as error:
        raise CommandError(not_found) from error


def find_organization(value: str) -> AbstractOrganization:
    """Return the organization with this value in ``ORGANIZATION_LOOKUP_FIELD``."""
    refuse_secrets(value)
    model = get_organization_model()
    field = get_settings().organization_lookup_field
    try:
        organization: AbstractOrganization = _find(
            lambda: parents.organizations().get(**{field: value}),
            f"No organization has the {field} {value!r}.",
        )
    except MultipleObjectsReturned as error:
        raise CommandError(f"More than one organization has the {field} {value!r}.") from error
    except FieldError as error:
        raise CommandError(
            f"{model._meta.label} has no field {field!r}: set "
            "TOKEN_EXCHANGE['ORGANIZATION_LOOKUP_FIELD'] to one that it has."
        ) from error
    return organization


def find_user(username: str) -> Any:
    """Return the user with this value in the user model's ``USERNAME_FIELD``."""
    refuse_secrets(username)
    not_found = f"No user has the name {username!r}."
    users: Any = get_user_model()._default_manager
    user = _find(lambda: users.get_by_natural_key(username), not_found)
    if not parents.is_shown(user):
        raise CommandError(not_found)
    return user


def find_credential(identifier: str) -> Credential:
    """Return the API key or client app with this public identifier."""
    refuse_secret(identifier)
    # The error does not quote the identifier, which may be part of a secret pasted by mistake.
    credential: Credential = _find(
        lambda: Credential.objects.on_writer().get(identifier=identifier),
        "No credential has this identifier. List them all with list_credentials.",
    )
    return credential


def refuse_secret(text: str) -> None:
    """Raise ``CommandError`` with the public part of a secret given instead of an identifier."""
    settings = get_settings()
    prefix, _, public = (find_identifier(text) or "").partition(".")
    identifiers = {
        settings.api_key_string_prefix: f"its ID, {prefix}.{public}",
        # A client ID ends with a checksum of its own, which is not part of the secret.
        settings.client_secret_string_prefix: (
            "its client_id, which list_credentials shows and which starts with "
            f"{settings.client_id_string_prefix}.{public}"
        ),
    }
    if prefix in identifiers:
        raise CommandError(
            f"That is a secret. Use {identifiers[prefix]}. The secret may be in your shell's "
            "history now: if others can read that, rotate it."
        )


def organization_name(organization: AbstractOrganization) -> str:
    """Return the value of ``ORGANIZATION_LOOKUP_FIELD``, by which commands find it."""
    return str(getattr(organization, get_settings().organization_lookup_field))
