"""Many credentials in every state and of every owner, with their tokens and audit events."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.utils import timezone

from tests.support.bulk_rows import multiply
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import AccessToken, AuditEvent, Credential, SigningKey
from token_exchange.models import get_organization_model as organization_model

_HOURS = "(1 + n.i %% 700) * interval '1 hour'"
# Of twenty credentials four are revoked, two expired, one is expiring and one rotating.
_STATES = {
    "revoked_at": f"CASE WHEN n.i %% 20 < 4 THEN now() - {_HOURS} END",
    "expires_at": (
        f"CASE WHEN n.i %% 20 < 6 THEN now() - {_HOURS}"
        f" WHEN n.i %% 20 = 6 THEN now() + {_HOURS} END"
    ),
    "previous_secret_digest": "CASE WHEN n.i %% 20 = 7 THEN repeat('0', 64) END",
    "previous_secret_expires_at": f"CASE WHEN n.i %% 20 = 7 THEN now() + {_HOURS} END",
}
_CREDENTIALS = {
    **_STATES,
    "identifier": "'sk_test.' || lpad(n.i::text, 12, '0')",
    # Some client apps in each state, and none of them owned.
    "kind": "CASE WHEN n.i %% 7 = 0 AND n.i %% 2 = 1 THEN 'client_app' ELSE 'api_key' END",
    "name": "CASE WHEN n.i %% 2 = 0 THEN 'Nightly ' ELSE 'Report ' END || n.i",
    "scopes": """'["reports:read", "reports:write", "users:read", "users:write"]'::jsonb""",
    "last_used_at": "now() - n.i %% 100000 * interval '1 minute'",
    "last_used_from": "'192.0.2.1'",
}
# Of a hundred 29 are unexpired, and one is revoked.
_TOKENS = {
    "jti": "lpad(n.i::text, 22, '0')",
    "expires_at": "now() + (n.i %% 100 - 70) * interval '10 minutes' + n.i * interval '50 us'",
    "revoked_at": "CASE WHEN n.i %% 97 = 0 THEN now() - n.i * interval '1 ms' END",
}
_OWNED = "n.i %% 2 = 0"


def populate(*, count: int, tokens_each: int, organizations: int, biggest_share: int = 3) -> None:
    """Add so many credentials, with their organizations, users, tokens and events. PostgreSQL only.

    Of ``biggest_share`` credentials one is the first organization's; a twentieth of the tokens are
    one credential's.
    """
    tenant = organization_model()._default_manager.create(name="Tenant", slug="tenant")
    user = get_user_model()._default_manager.create(username="user")
    multiply(tenant, organizations, {"name": "'Tenant ' || n.i", "slug": "'tenant-' || n.i"})
    multiply(user, organizations, {"username": "'user-' || n.i"})
    other = f"(n.i %% {organizations})"
    now = timezone.now()
    first = credentials.issue(
        kind=Credential.Kind.API_KEY, name="First", organization=tenant, act=Act(now=now)
    ).credential
    changes = {
        **_CREDENTIALS,
        "organization_id": (
            f"{tenant.pk} + CASE WHEN n.i %% {biggest_share} = 0 THEN 0 ELSE {other} END"
        ),
        "owner_id": f"CASE WHEN {_OWNED} THEN {user.pk} + {other} END",
        "subject_type": f"CASE WHEN {_OWNED} THEN 'user' ELSE 'organization' END",
    }
    multiply(first, count, changes)
    holder = f"{first.pk} + CASE WHEN n.i %% 20 = 0 THEN 0 ELSE n.i %% {count} END"
    token = AccessToken.objects.create(
        jti="first",
        credential=first,
        generation=1,
        audience=[],
        kid=SigningKey.objects.latest("sequence").kid,
        issued_at=now,
        expires_at=now,
    )
    multiply(token, tokens_each * count, {**_TOKENS, "credential_id": holder})
    event = AuditEvent.objects.latest("pk")
    event_changes = {
        "target": _CREDENTIALS["identifier"],
        "occurred_at": "now() - n.i * interval '1 second'",
        "organization": changes["organization_id"],
    }
    multiply(event, count, event_changes)
