"""A month of sample data: users, credentials, tokens, events and counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.support.factories import (
    make_api_key,
    make_client_app,
    make_organization,
    make_tokens,
    make_user,
)
from token_exchange.issuer import credentials, signing_keys
from token_exchange.issuer.credentials import Act
from token_exchange.models import AccessToken, Credential, HourlyCount, Organization

ADDRESS = "10.0.0.7"
DAYS_OF_COUNTS = 7


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The sample credentials, by their state."""

    operator: Any
    developer: Any
    organization: Organization
    active: Credential
    rotating: Credential
    expiring: Credential
    expired: Credential
    revoked: Credential
    users: Credential
    """Acts as ``developer``."""
    app: Credential
    tokens: list[AccessToken]


def populate(*, now: datetime) -> Scene:
    """Create a month of data up to ``now``."""
    operator = make_user(username="operator", is_staff=True, is_superuser=True)
    developer = make_user(username="developer")
    company = make_organization(name="Example Company", slug="example-company")
    other = make_organization(name="Another Company", slug="another-company")
    ago = Since(now, organization=company, by=operator)
    reads, writes = ["reports:read"], ["reports:read", "reports:write"]
    make_client_app(**ago(days=29, organization=other), name="Invoice sync", scopes=writes)
    expired = make_api_key(
        **ago(days=28), name="Trial import", scopes=reads, expires_at=now - timedelta(days=2)
    )
    revoked = make_api_key(**ago(days=25), name="Laptop script", scopes=writes)
    app = make_client_app(**ago(days=24), name="Report writer", scopes=writes)
    expiring = make_api_key(
        **ago(days=20), name="Partner feed", scopes=reads, expires_at=now + timedelta(days=5)
    )
    users = make_api_key(**ago(days=12), name="Notebook", owner=developer, scopes=reads)
    rotating = make_api_key(**ago(days=10), name="Mobile back end", scopes=writes)
    active = make_api_key(**ago(days=3), name="Nightly export", scopes=reads)
    _act(ago, rotating=rotating.credential, revoked=revoked.credential)
    live = [each.credential for each in (active, rotating, app, users)]
    _use(now, *live)
    tokens = [token for each in live for token in _tokens(each, now=now)]
    signing_keys.rotate_signing_key(act=Act(now=now, by=operator, origin=ADDRESS))
    return Scene(
        operator=operator,
        developer=developer,
        organization=company,
        active=active.credential,
        rotating=rotating.credential,
        expiring=expiring.credential,
        expired=expired.credential,
        revoked=revoked.credential,
        users=users.credential,
        app=app.credential,
        tokens=tokens,
    )


class Since:
    """Time, user and origin of an operation: ``ago(days=3)``."""

    def __init__(self, now: datetime, *, organization: Organization, by: Any) -> None:
        self.now = now
        self.organization = organization
        self.by = by

    def __call__(self, *, days: float, **values: Any) -> dict[str, Any]:
        told = {"organization": self.organization, "by": self.by, "origin": ADDRESS}
        return {**told, "now": self.now - timedelta(days=days), **values}


def _act(ago: Since, *, rotating: Credential, revoked: Credential) -> None:
    revocation = Act(
        now=ago.now - timedelta(days=1),
        by=ago.by,
        origin=ADDRESS,
        reason="Found in a public repository.",
    )
    credentials.revoke(revoked, act=revocation)
    rotation = Act(now=ago.now - timedelta(hours=2), by=ago.by, origin=ADDRESS)
    credentials.rotate(rotating, overlap=timedelta(days=1), act=rotation)


def _use(now: datetime, *used: Credential) -> None:
    minutes = timedelta(minutes=1)
    for number, credential in enumerate(used):
        rows = Credential.objects.filter(pk=credential.pk)
        rows.update(last_used_at=now - number * 7 * minutes, last_used_from=ADDRESS)
    Credential.objects.exclude(previous_secret_expires_at=None).update(
        previous_secret_last_used_at=now - 3 * minutes, previous_secret_last_used_from=ADDRESS
    )


def _tokens(credential: Credential, *, now: datetime) -> list[AccessToken]:
    expiries = [now + timedelta(minutes=each) for each in (-10, 7, 22)]
    issued_at = now - timedelta(minutes=20)
    scope = " ".join(credential.scopes)
    return make_tokens(*expiries, credential=credential, issued_at=issued_at, scope=scope)


def count_exchanges(scene: Scene, *, now: datetime) -> None:
    """Count a week of exchanges, more by day than by night, with some failures."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    used = [scene.active, scene.rotating, scene.app, scene.users]
    names = [each.identifier for each in used]
    HourlyCount.objects.bulk_create(
        HourlyCount(
            hour=hour - timedelta(hours=back),
            organization=str(scene.organization.pk),
            identifier=name,
            outcome=outcome,
            count=count,
        )
        for back in range(DAYS_OF_COUNTS * 24)
        for outcome, total in _outcomes(hour - timedelta(hours=back), back=back).items()
        for name, count in _shares(total, names).items()
    )


def _shares(total: int, names: list[str]) -> dict[str, int]:
    """Give each name a smaller share than the one before, and return the total."""
    shares = {name: total // (place + 2) + 1 for place, name in enumerate(names)}
    return {"": sum(shares.values()), **shares}


def _outcomes(hour: datetime, *, back: int) -> dict[str, int]:
    busy = 40 + 12 * (12 - abs(hour.hour - 13)) + 17 * (back % 5)
    outcomes = {"exchanged": busy, "reused": busy // 2}
    if back % 9 == 0:
        outcomes["credential_expired"] = 3 + back % 7
    if back % 20 == 3:
        outcomes["wrong_secret"] = 5 + back % 3
    return outcomes
