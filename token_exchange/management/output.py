"""How is a credential shown to an operator: without a digest, and its secret once?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from token_exchange.issuer.credentials import IssuedSecret
from token_exchange.management.arguments import organization_name
from token_exchange.models import Credential
from token_exchange.views.usage_examples import curl


def iso(at: datetime | None) -> str | None:
    """Return a time in ISO 8601."""
    return None if at is None else at.isoformat(timespec="seconds")


def seconds(lifetime: timedelta | None) -> int | None:
    """Return a duration in whole seconds."""
    return None if lifetime is None else int(lifetime.total_seconds())


def in_words(lifetime: timedelta) -> str:
    """Return a duration in the largest unit that it is a whole number of."""
    total = int(lifetime.total_seconds())
    units = (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))
    name, length = next(each for each in units if total % each[1] == 0)
    count = total // length
    return f"{count} {name}" if count == 1 else f"{count} {name}s"


def is_client_app(credential: Credential) -> bool:
    """Tell the kinds apart: a client app's parts have names of their own (RFC 6749, 2.3.1)."""
    return credential.kind == Credential.Kind.CLIENT_APP


def credential_facts(credential: Credential, *, now: datetime) -> dict[str, Any]:
    """Return what may be told of a credential at any time."""
    facts = {
        "identifier": credential.identifier,
        "kind": credential.kind,
        "name": credential.name,
        "state": str(credential.state(now=now)),
        "states": [str(each) for each in credential.states(now=now)],
        "organization": organization_name(credential.organization),
        "owner": None if credential.owner is None else credential.owner.get_username(),
        "scopes": credential.scopes,
        "audience": credential.audience,
        "allowed_networks": credential.allowed_networks,
        "token_lifetime": seconds(credential.token_lifetime),
        "created_at": iso(credential.created_at),
        "expires_at": iso(credential.expires_at),
        "last_used_at": iso(credential.last_used_at),
        "previous_secret_expires_at": iso(credential.previous_secret_expires_at),
        "previous_secret_last_used_at": iso(credential.previous_secret_last_used_at),
        "revoked_at": iso(credential.revoked_at),
        "revocation_reason": credential.revocation_reason,
    }
    return facts | {"client_id": credential.identifier} if is_client_app(credential) else facts


def issued_facts(issued: IssuedSecret, *, now: datetime) -> dict[str, Any]:
    """Return the same with the secret, in the one moment when it is known."""
    name = "client_secret" if is_client_app(issued.credential) else "key"
    return credential_facts(issued.credential, now=now) | {name: issued.raw_secret}


def issued_text(issued: IssuedSecret, facts: dict[str, Any]) -> str:
    """Show the secret, how to keep it, and a line that tries it."""
    rows = {
        "name": facts["name"],
        "organization": facts["organization"],
        "owner": facts["owner"],
        "scopes": " ".join(facts["scopes"]) or "none",
        "expires at": facts["expires_at"],
        "previous secret works until": facts["previous_secret_expires_at"],
        **{name: facts[name] for name in ("identifier", "key") if "key" in facts},
        **{name: facts[name] for name in ("client_id", "client_secret") if "client_id" in facts},
    }
    lines = [f"{name + ':':<29}{value}" for name, value in rows.items() if value]
    secret = "key" if "key" in facts else "client_secret"
    return "\n".join(
        [
            *lines,
            "",
            f"Put the {secret} into your secret store now: nobody can show it again.",
            "Try it:",
            f"  {curl(issued)}",
        ]
    )
