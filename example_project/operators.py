"""Which organizations each admin user can see."""

from collections.abc import Iterable
from typing import Any

from token_exchange.models import Organization

UNLIMITED = {"Token auditors", "Token operators"}
TENANT = "tenant: "


def organizations_of(user: Any) -> Iterable[Any] | None:
    """Limit users to the organizations of their ``tenant: <slug>`` groups.

    Members of the groups in ``UNLIMITED`` see every organization.
    """
    names = set(user.groups.values_list("name", flat=True))
    if names & UNLIMITED:
        return None
    slugs = [name.removeprefix(TENANT) for name in names if name.startswith(TENANT)]
    return Organization.objects.filter(slug__in=slugs).values_list("pk", flat=True)
