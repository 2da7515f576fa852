"""Something of each kind, and what happens to it from here on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.admin.conftest import sign_in  # noqa: F401 - a fixture
from tests.support.factories import make_api_key, make_client_app, make_organization, make_token
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import AuditEvent

# Behind the first key, which is as old as the database.
NOW = datetime(2036, 1, 31, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clock():
    with time_machine.travel(NOW, tick=False):
        yield


class Trail:
    """The events after those that were there when it began."""

    def begin(self) -> None:
        self.begins_after = AuditEvent.objects.latest("pk").pk

    def rows(self) -> list[AuditEvent]:
        return list(AuditEvent.objects.filter(pk__gt=self.begins_after).order_by("pk"))

    def told(self) -> list[tuple[str, str, str]]:
        """Return what happened, by whom and from where."""
        return [(each.event, each.actor, each.origin) for each in self.rows()]


@pytest.fixture
def trail():
    trail = Trail()
    trail.begin()
    return trail


@pytest.fixture
def key():
    return make_api_key(name="Nightly").credential


@pytest.fixture
def app():
    return make_client_app()


@pytest.fixture
def token(key):
    return make_token(key)


@pytest.fixture
def its(key, app, token, trail):
    make_token(app.credential, expires_at=NOW + timedelta(hours=1))
    rotating = make_client_app().credential
    credentials.rotate(rotating, act=Act(now=NOW))
    empty = make_organization(name="Empty")
    trail.begin()
    its = {"key": key, "app": app, "token": token, "rotating": rotating}
    return {**its, "empty": empty, "empty_key": str(empty.pk)}
