"""Which of the settings that somebody wrote can be used, and what is wrong with the others?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from django.conf import settings as django_settings

from token_exchange.conf.parsers import RESOURCE_SERVER
from token_exchange.conf.settings import Settings
from token_exchange_core.scopes import REVOCATIONS_SCOPE


@dataclass(frozen=True, slots=True)
class Problem:
    """One setting that cannot be used as it is."""

    check_id: str
    message: str


def read_settings() -> tuple[Settings | None, list[Problem]]:
    """Read ``TOKEN_EXCHANGE``; where there are problems, there are no settings."""
    written = getattr(django_settings, "TOKEN_EXCHANGE", None)
    if not isinstance(written, Mapping):
        return None, [Problem("E001", "TOKEN_EXCHANGE must be a dictionary in your settings.")]
    known = {each.name.upper(): each for each in fields(Settings)}
    problems = [
        Problem("E001", f"TOKEN_EXCHANGE has an unknown key, {key!r}.")
        for key in written
        if key not in known
    ]
    values = {}
    for key, each in known.items():
        try:
            values[each.name] = each.metadata["read"](written.get(key, each.metadata["default"]))
        except ValueError as error:
            problems.append(Problem(each.metadata["check_id"], f"TOKEN_EXCHANGE[{key!r}] {error}."))
    if values.get("mode") == RESOURCE_SERVER and values.get("revocations_api_key", "") is None:
        problems.append(_no_api_key(known["REVOCATIONS_API_KEY"].metadata["check_id"]))
    return (None, problems) if problems else (Settings(**values), [])


def _no_api_key(check_id: str) -> Problem:
    return Problem(
        check_id,
        "TOKEN_EXCHANGE['REVOCATIONS_API_KEY'] must be an API key of the issuer's with the scope "
        f"{REVOCATIONS_SCOPE}, where MODE is {RESOURCE_SERVER!r}.",
    )
