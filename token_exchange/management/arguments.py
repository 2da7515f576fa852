"""What does an argument on the command line mean: a duration, an organization, a user?"""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import datetime, timedelta
from difflib import get_close_matches
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
from token_exchange.models import AbstractOrganization, Credential, get_organization_model
from token_exchange_core.secret_strings import find_identifier

_PLAIN: Final = re.compile(r"([0-9]{1,18})([smhdw]?)")
# Without weeks, which Django 5.2 does not read.
_ISO_8601: Final = re.compile(r"P[0-9TDHMS.]*[0-9][DHMS]")
_UNITS: Final = {
    "": timedelta(seconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}

_MOST_COMPARED: Final = 1000

LONGEST_DURATION: Final = timedelta(days=36_525)
"""A century: beyond it dates overflow, and nobody means it."""


def add_time_budget(parser: CommandParser) -> None:
    """Let the command stop after some time; its ``time_budget_seconds`` is infinite without."""
    parser.add_argument(
        "--time-budget",
        type=lambda text: positive_duration(text).total_seconds(),
        default=float("inf"),
        metavar="DURATION",
        dest="time_budget_seconds",
        help="Stop after this long, such as 5m; what is left waits for the next run.",
    )


def duration(text: str) -> timedelta:
    """Read ``90s``, ``30m``, ``24h``, ``7d``, ``2w``, plain seconds, or an ISO 8601 duration."""
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
    # Django reads other forms as well, and takes a bare P for nothing.
    return parse_duration(text) if _ISO_8601.fullmatch(text) else None


def moment(text: str) -> datetime:
    """Read a time in ISO 8601, a day, or how long ago, as a duration; by the project's time zone.

    A day is its beginning.
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
    """Read a duration that is not 0."""
    value = duration(text)
    if not value:
        raise ArgumentTypeError(f"{text!r} must be more than 0")
    return value


def positive_number(text: str) -> int:
    """Read how many of something, which is at least one."""
    if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) is None or not int(text):
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def scope(text: str) -> str:
    """Return what may be one scope; whether it is one, the credential says."""
    if len(text.split()) > 1:
        raise ArgumentTypeError(f"{text!r} is not one scope; give --scope once for each")
    return text


def _find(query: Callable[[], Any], complaint: str, hint: Callable[[], str] = str) -> Any:
    """Return the one row; what cannot even be asked of the database is not there either."""
    try:
        return query()
    except ObjectDoesNotExist as error:
        raise CommandError(complaint + hint()) from error
    except (ValidationError, ValueError, OverflowError, DataError) as error:
        raise CommandError(complaint) from error


def find_organization(value: str) -> AbstractOrganization:
    """Return the organization whose ``ORGANIZATION_LOOKUP_FIELD`` has this value."""
    model = get_organization_model()
    field = get_settings().organization_lookup_field
    try:
        organization: AbstractOrganization = _find(
            lambda: model._default_manager.get(**{field: value}),
            f"There is no organization whose {field} is {value!r}.",
            lambda: _nearest(model, field, value),
        )
    except MultipleObjectsReturned as error:
        raise CommandError(f"More than one organization has the {field} {value!r}.") from error
    except FieldError as error:
        raise CommandError(f"{model._meta.label} has no field {field!r}.") from error
    return organization


def _nearest(model: type[AbstractOrganization], field: str, value: str) -> str:
    known = model._default_manager.order_by("pk").values_list(field, flat=True)
    near = get_close_matches(value, map(str, known[:_MOST_COMPARED]))
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


def find_user(username: str) -> Any:
    """Return the user of this name, by the user model's ``USERNAME_FIELD``."""
    users: Any = get_user_model()._default_manager
    return _find(
        lambda: users.get_by_natural_key(username), f"There is no user named {username!r}."
    )


def find_credential(identifier: str) -> Credential:
    """Return the credential of either kind with this public identifier."""
    refuse_secret(identifier)
    # Not repeated in the complaint: it may be part of a key, pasted by mistake.
    credential: Credential = _find(
        lambda: Credential.objects.on_writer().get(identifier=identifier),
        "There is no credential with this identifier; list_credentials shows all.",
    )
    return credential


def refuse_secret(text: str) -> None:
    """Say what is public of a secret that stands where its identifier should."""
    settings = get_settings()
    prefix, _, public = (find_identifier(text) or "").partition(".")
    told = {
        settings.api_key_string_prefix: f"its ID is {prefix}.{public}",
        # A client id ends in a checksum of its own, which only the list shows.
        settings.client_secret_string_prefix: (
            f"its client_id begins with {settings.client_id_string_prefix}.{public} "
            "(list_credentials shows it)"
        ),
    }
    if prefix in told:
        raise CommandError(
            f"That is a whole secret; {told[prefix]}, and it may now stand in your shell's history."
        )


def organization_name(organization: AbstractOrganization) -> str:
    """Return the value by which commands find this organization."""
    return str(getattr(organization, get_settings().organization_lookup_field))
