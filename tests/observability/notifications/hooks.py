"""Callables for ``WARNING_RECIPIENTS``, as a project would write them."""

from __future__ import annotations

from typing import Any


def owners(credential: Any) -> list[str]:
    return ["owner@example.com", "second@example.com", "owner@example.com"]


def nobody(credential: Any) -> None:
    return None


def not_a_list(credential: Any) -> str:
    return "owner@example.com"


def broken(credential: Any) -> list[str]:
    raise LookupError("the project's own")


def none_of_the_first(credential: Any) -> list[str]:
    if credential.name == "first":
        raise LookupError
    return ["owner@example.com"]


def by_name(credential: Any) -> list[str]:
    """Return the owner's address, or that of the organization."""
    return [credential.owner.email if credential.owner else f"{credential.organization}@x.test"]
