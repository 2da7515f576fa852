"""The organizations whose rows each user of the admin can see."""

from collections.abc import Iterable
from typing import Any

from token_exchange.models import Organization

UNLIMITED = {"Token auditors", "Token operators"}
TENANT = "tenant: "


def organizations_of(user: Any) -> Iterable[Any] | None:
    """Limit all users but two groups to the tenants that their other groups are named after."""
    names = set(user.groups.values_list("name", flat=True))
    if names & UNLIMITED:
        return None
    slugs = [name.removeprefix(TENANT) for name in names if name.startswith(TENANT)]
    return Organization.objects.filter(slug__in=slugs).values_list("pk", flat=True)
