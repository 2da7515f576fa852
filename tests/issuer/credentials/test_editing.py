"""An edit is saved with its record: who, from where, what it was before and is now."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from tests.models.rows import DAY, NOW, stored
from tests.support.factories import make_api_key, make_user
from token_exchange.issuer.credentials import Act, edit
from token_exchange.models import AuditEvent
from token_exchange.signals import credential_changed

pytestmark = pytest.mark.django_db


@pytest.fixture
def credential():
    return stored(make_api_key(now=NOW, name="Nightly", scopes=["a", "b"]).credential)


def recorded():
    return AuditEvent.objects.filter(event="credential.changed")


class TestEdit:
    def test_saves_and_records_what_was_and_what_is(self, credential):
        operator = make_user(username="operator")
        changes = {
            "name": "Weekly",
            "scopes": ["a"],
            "token_lifetime": timedelta(minutes=5),
            "expires_at": NOW + DAY,
        }
        edit(credential, changes, act=Act(now=NOW, by=operator, origin="192.0.2.1"))
        assert stored(credential).name == "Weekly"
        [event] = recorded()
        assert (event.target, event.actor, event.origin, event.occurred_at) == (
            credential.identifier,
            "operator",
            "192.0.2.1",
            NOW,
        )
        assert event.details == {
            "name": ["Nightly", "Weekly"],
            "scopes": [["a", "b"], ["a"]],
            "token_lifetime": [None, "300 s"],
            "expires_at": [None, "2026-01-02T00:00:00+00:00"],
        }

    def test_ends_tokens_where_it_allows_less(self, credential):
        edit(credential, {"scopes": ["a"]}, act=Act(now=NOW))
        assert stored(credential).generation == 2

    def test_of_notes_only_that_they_changed(self, credential):
        edit(credential, {"metadata": {"note": "hunter2"}}, act=Act(now=NOW))
        assert recorded().get().details == {"metadata": None}

    def test_nothing_edited_is_nothing_recorded(self, credential, hear):
        said = hear(credential_changed)
        edit(credential, {"name": "Nightly", "scopes": ["a", "b"]}, act=Act(now=NOW))
        edit(credential, {}, act=Act(now=NOW))
        assert (said, recorded().count()) == ([], 0)

    def test_is_undone_with_its_record(self, credential):
        with transaction.atomic():
            edit(credential, {"name": "Weekly"}, act=Act(now=NOW))
            transaction.set_rollback(True)
        assert (stored(credential).name, recorded().count()) == ("Nightly", 0)

    def test_says_so(self, credential, hear, django_capture_on_commit_callbacks):
        said = hear(credential_changed)
        with django_capture_on_commit_callbacks(execute=True):
            edit(credential, {"name": "Weekly"}, act=Act(now=NOW))
            assert said == []
        assert said == [{"credential": credential, "by": None, "fields": ("name",)}]
