"""Credentials as commands print them: never a digest, and a secret only when it is issued."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from token_exchange.issuer.credentials import EndedDescendants, IssuedSecret, descendants_of
from token_exchange.issuer.credentials.representation import TIMES, public_fields
from token_exchange.management.arguments import organization_name
from token_exchange.models import Credential
from token_exchange.views.usage_examples import curl


def iso(at: datetime | None) -> str | None:
    """Return the time in ISO 8601, to the second."""
    return None if at is None else at.isoformat(timespec="seconds")


def seconds(lifetime: timedelta | None) -> int | None:
    """Return the duration in whole seconds."""
    return None if lifetime is None else int(lifetime.total_seconds())


def is_client_app(credential: Credential) -> bool:
    """Return whether it has a client_id and a client_secret (RFC 6749, section 2.3.1)."""
    return credential.kind == Credential.Kind.CLIENT_APP


def credential_facts(credential: Credential, *, now: datetime) -> dict[str, Any]:
    """Return the public fields in JSON types."""
    fields = public_fields(credential, now=now)
    facts = {
        **fields,
        **{name: iso(fields[name]) for name in TIMES},
        "kind": credential.kind,
        "states": [str(each) for each in credential.states(now=now)],
        "organization": organization_name(credential.organization),
        "owner": None if credential.owner is None else credential.owner.get_username(),
        "token_lifetime": seconds(credential.token_lifetime),
        "previous_secret_last_used_at": iso(credential.previous_secret_last_used_at),
        "revocation_reason": credential.revocation_reason,
    }
    return facts | {"client_id": credential.identifier} if is_client_app(credential) else facts


def issued_facts(issued: IssuedSecret, *, now: datetime) -> dict[str, Any]:
    """Return the public fields, and the stand-in of the secret."""
    name = "client_secret" if is_client_app(issued.credential) else "key"
    return credential_facts(issued.credential, now=now) | {name: issued.stand_in}


def ended_facts(ended: EndedDescendants) -> dict[str, Any]:
    """Return what was revoked, and stand-ins of the new secrets of what was rotated."""
    rotated = [
        {
            "identifier": each.credential.identifier,
            "client_secret" if is_client_app(each.credential) else "key": each.stand_in,
        }
        for each in ended.rotated
    ]
    facts = {"also_revoked": [each.identifier for each in ended.revoked], "also_rotated": rotated}
    return {name: value for name, value in facts.items() if value}


def reveal_all(shown: str, issued: Iterable[IssuedSecret]) -> str:
    """Put each secret in place of its stand-in."""
    for each in issued:
        shown = each.reveal(shown)
    return shown


def kept_facts(credential: Credential, *, now: datetime) -> dict[str, Any]:
    """Return the live credentials that were created or rotated with it, if there are any."""
    kept = [each.credential.identifier for each in descendants_of([credential], now=now)]
    return {"kept": kept} if kept else {}


def descendants_text(answer: dict[str, Any]) -> list[str]:
    """Return a line for each credential in ``ended_facts`` or ``kept_facts``."""
    return [
        *(
            f"Also revoked {each}, which was created with it."
            for each in answer.get("also_revoked", [])
        ),
        *(
            f"Also rotated {each['identifier']}, which was rotated with it. "
            f"New secret: {each.get('key') or each.get('client_secret')}"
            for each in answer.get("also_rotated", [])
        ),
        *(f"Kept {each}, which was created or rotated with it." for each in answer.get("kept", [])),
    ]


def issued_text(issued: IssuedSecret, facts: dict[str, Any]) -> str:
    """Return the secret's stand-in with instructions, and a command that tries it."""
    rows = {
        "name": facts["name"],
        "organization": facts["organization"],
        "owner": facts["owner"],
        "scopes": " ".join(facts["scopes"]) or "none",
        "expires at": facts["expires_at"],
        "previous secret expires at": facts["previous_secret_expires_at"],
        **{name: facts[name] for name in ("identifier", "key") if "key" in facts},
        **{name: facts[name] for name in ("client_id", "client_secret") if "client_id" in facts},
    }
    lines = [f"{name + ':':<29}{value}" for name, value in rows.items() if value]
    secret = "key" if "key" in facts else "client_secret"
    return "\n".join(
        [
            *lines,
            "",
            f"Store the {secret} safely now. It cannot be shown again.",
            "Try it:",
            f"  {curl(issued.credential, issued.stand_in)}",
        ]
    )
