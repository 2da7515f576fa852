"""Loading of the ``TOKEN_EXCHANGE`` dictionary, with every problem found in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from django.conf import settings as django_settings

from token_exchange.conf.parsers import RESOURCE_SERVER
from token_exchange.conf.settings import Settings
from token_exchange_core.networks import is_confidential
from token_exchange_core.scopes import REVOCATIONS_SCOPE


@dataclass(frozen=True, slots=True)
class Problem:
    """A setting with an invalid value, or an unknown key."""

    check_id: str
    message: str


def read_settings() -> tuple[Settings | None, list[Problem]]:
    """Read ``TOKEN_EXCHANGE``; return problems, or settings if there are none."""
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
            values[each.name] = each.metadata["parse"](written.get(key, each.metadata["default"]))
        except ValueError as error:
            problems.append(Problem(each.metadata["check_id"], f"TOKEN_EXCHANGE[{key!r}] {error}."))
    if values.get("mode") == RESOURCE_SERVER and values.get("revocations_api_key", "") is None:
        problems.append(_no_api_key(known["REVOCATIONS_API_KEY"].metadata["check_id"]))
    if problems:
        return None, problems
    settings = Settings(**values)
    problems += [
        _plain_http(known[name].metadata["check_id"], name) for name in _unprotected(settings)
    ]
    return (None, problems) if problems else (settings, [])


def _unprotected(settings: Settings) -> list[str]:
    """Return the settings whose URLs a resource server would ask over plain http."""
    if settings.mode != RESOURCE_SERVER or not settings.require_https:
        return []
    urls = {"JWKS_URL": settings.jwks_url, "REVOCATIONS_URL": settings.revocations_url}
    asked = {name if url else "ISSUER": url or settings.issuer for name, url in urls.items()}
    return [name for name, url in asked.items() if not is_confidential(url)]


def _plain_http(check_id: str, name: str) -> Problem:
    return Problem(
        check_id,
        f"TOKEN_EXCHANGE[{name!r}] must start with https://, because the API key is sent there and "
        "the keys come from there. For development on this machine, use localhost; elsewhere set "
        "REQUIRE_HTTPS to False.",
    )


def _no_api_key(check_id: str) -> Problem:
    return Problem(
        check_id,
        f"TOKEN_EXCHANGE['REVOCATIONS_API_KEY'] must be an API key of the issuer with the scope "
        f"{REVOCATIONS_SCOPE} if MODE is {RESOURCE_SERVER!r}.",
    )
