"""How does an operator make a tenant from a shell?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.utils.text import slugify

from token_exchange.issuer import organizations
from token_exchange.management.arguments import organization_name, positive_duration
from token_exchange.management.base import OneAnswerCommand
from token_exchange.management.output import seconds
from token_exchange.management.shell_origin import shell_origin
from token_exchange.models import get_organization_model
from token_exchange.observability.audit import Act

_LIFETIMES = ("default_token_lifetime", "max_token_lifetime")


class Command(OneAnswerCommand):
    """Make an organization."""

    help = "Make an organization, to which credentials can be issued."

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add the name and the token policy."""
        parser.add_argument("name", help="What people call it; 255 characters at most.")
        parser.add_argument("--slug", help="What commands call it; default: made of the name.")
        parser.add_argument(
            "--default-token-lifetime",
            type=positive_duration,
            metavar="DURATION",
            help="How long its tokens live unless the credential says otherwise, such as 30m.",
        )
        parser.add_argument(
            "--max-token-lifetime",
            type=positive_duration,
            metavar="DURATION",
            help="How long any of its tokens may live, such as 8h; 24h at most.",
        )

    def answer(
        self,
        *,
        name: str,
        slug: str | None,
        default_token_lifetime: timedelta | None,
        max_token_lifetime: timedelta | None,
        **_: Any,
    ) -> dict[str, Any]:
        """Make it, as far as the project's own tenant model lets a command do so."""
        model = get_organization_model()
        fields = {field.name: field for field in model._meta.concrete_fields}
        missing = {"name", "slug"} - fields.keys()
        if missing:
            raise CommandError(
                f"{model._meta.label} has no field {' nor '.join(sorted(missing))}: "
                "make its rows in the way of your project."
            )
        values = {"name": name, "slug": slug or _slug(name, fields["slug"].max_length)}
        organization = model(
            **values,
            default_token_lifetime=default_token_lifetime,
            max_token_lifetime=max_token_lifetime,
        )
        try:
            organization.full_clean()
        except ValidationError as error:
            _refuse_foreign_fields(error, values)
            raise
        organizations.create(organization, act=Act(origin=shell_origin()))
        return {
            "id": organization.pk,
            "name": name,
            "slug": values["slug"],
            "organization": organization_name(organization),
            **{each: seconds(getattr(organization, each)) for each in _LIFETIMES},
        }

    def text(self, answer: dict[str, Any]) -> str:
        """Name it as the other commands want it named."""
        return (
            f"Made the organization {answer['name']}.\n"
            f"Issue credentials to it with: --organization {answer['organization']}"
        )


def _slug(name: str, max_length: int | None) -> str:
    # A longer name is refused by itself; its slug need not be refused as well.
    slug = slugify(name)[:max_length]
    if not slug:
        raise CommandError(f"No slug can be made of {name!r}: give one with --slug.")
    return slug


def _refuse_foreign_fields(error: ValidationError, values: Mapping[str, Any]) -> None:
    foreign = error.message_dict.keys() - {*values, *_LIFETIMES, "__all__"}
    if foreign:
        raise CommandError(
            f"{get_organization_model()._meta.label} also needs {', '.join(sorted(foreign))}: "
            "make its rows in the way of your project."
        ) from error
