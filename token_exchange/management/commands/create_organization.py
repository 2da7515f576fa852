"""The command that creates an organization."""

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
    """Create an organization."""

    help = "Create an organization. Credentials belong to one."

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add the name and the token policy."""
        parser.add_argument("name", help="Its name, up to 255 characters.")
        parser.add_argument("--slug", help="Its name in commands. Default: derived from the name.")
        parser.add_argument(
            "--default-token-lifetime",
            type=positive_duration,
            metavar="DURATION",
            help="The lifetime of its tokens, such as 30m, unless a credential has its own.",
        )
        parser.add_argument(
            "--max-token-lifetime",
            type=positive_duration,
            metavar="DURATION",
            help="The longest lifetime of its tokens, such as 8h (up to 24h).",
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
        """Create it, if the project's tenant model has no other required fields."""
        model = get_organization_model()
        fields = {field.name: field for field in model._meta.concrete_fields}
        missing = {"name", "slug"} - fields.keys()
        if missing:
            raise CommandError(
                f"{model._meta.label} has no field {' and no field '.join(sorted(missing))}, so "
                "this command cannot create its rows. Create them in your project."
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
            _refuse_other_fields(error, values)
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
        """Return the name to use in other commands."""
        return (
            f"Created the organization {answer['name']}.\n"
            f"Issue credentials with: --organization {answer['organization']}"
        )


def _slug(name: str, max_length: int | None) -> str:
    # Shortened, so that a name that is too long gives one error and not two.
    slug = slugify(name)[:max_length]
    if not slug:
        raise CommandError(f"No slug can be derived from {name!r}: set one with --slug.")
    return slug


def _refuse_other_fields(error: ValidationError, values: Mapping[str, Any]) -> None:
    foreign = error.message_dict.keys() - {*values, *_LIFETIMES, "__all__"}
    if foreign:
        raise CommandError(
            f"{get_organization_model()._meta.label} also needs {', '.join(sorted(foreign))}, so "
            "this command cannot create its rows. Create them in your project."
        ) from error
