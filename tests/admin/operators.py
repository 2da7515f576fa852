"""Hooks for OPERATOR_ORGANIZATIONS, valid and invalid ones."""

from __future__ import annotations

from typing import Any

from token_exchange.models import Organization

ASKED: list[Any] = []
"""The users that ``by_group`` was called for."""


def by_group(user: Any) -> list[Any]:
    """Limit each user to the organizations whose slugs are the names of their groups."""
    ASKED.append(user.pk)
    names = user.groups.values("name")
    return list(Organization.objects.filter(slug__in=names).values_list("pk", flat=True))


def nobody_is_limited(user: Any) -> None:
    """Limit no user."""


def as_a_query(user: Any) -> Any:
    return Organization.objects.filter(slug__in=user.groups.values("name")).values_list(
        "pk", flat=True
    )


def as_text(user: Any) -> Any:
    return map(str, by_group(user))


def fails(user: Any) -> Any:
    raise LookupError("the directory is away")


def text(user: Any) -> Any:
    return "".join(str(each.pk) for each in Organization.objects.all())


def raw_bytes(user: Any) -> Any:
    return bytes(each.pk for each in Organization.objects.all())


def number(user: Any) -> Any:
    return Organization.objects.values_list("pk", flat=True)[0]


def rows(user: Any) -> Any:
    return list(Organization.objects.all())


def tuples(user: Any) -> Any:
    return list(Organization.objects.values_list("pk"))


def yes(user: Any) -> Any:
    return [True]


def fraction(user: Any) -> Any:
    return [each.pk + 0.5 for each in Organization.objects.all()]


def nothing_in_it(user: Any) -> Any:
    return [None]


async def later(user: Any) -> Any:
    return None


def by_role(user: Any) -> list[Any] | None:
    """Limit the user named "limited" as ``by_group`` does, and no other."""
    return by_group(user) if user.username == "limited" else None
