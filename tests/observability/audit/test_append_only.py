"""An event that is written stays, and stays as it is."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, NotSupportedError, transaction

from tests.observability.audit.conftest import NOW
from tests.support.factories import make_user
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import AuditEvent

pytestmark = pytest.mark.django_db


class TestAppendOnly:
    @pytest.mark.parametrize(
        "act",
        [
            lambda: AuditEvent.objects.all().update(reason="x"),
            lambda: AuditEvent.objects.all().delete(),
            lambda: AuditEvent.objects.filter(event="credential.issued").delete(),
            lambda: AuditEvent.objects.get().delete(),
            lambda: AuditEvent.objects.get().save(),
            lambda: AuditEvent.objects.bulk_update([AuditEvent.objects.get()], ["reason"]),
            lambda: AuditEvent.objects.update_or_create(
                event="signing_key.published", defaults={"reason": "x"}
            ),
            lambda: AuditEvent.objects.bulk_create(
                AuditEvent.objects.all(),
                update_conflicts=True,
                unique_fields=["id"],
                update_fields=["reason"],
            ),
        ],
    )
    def test_nothing_of_django_changes_or_deletes_an_event(self, act):
        before = list(AuditEvent.objects.values())
        assert len(before) == 1
        with pytest.raises(NotSupportedError), transaction.atomic():
            act()
        assert list(AuditEvent.objects.values()) == before

    def test_nothing_takes_the_place_of_an_event(self):
        before = list(AuditEvent.objects.values())
        another = AuditEvent(**{**before[0], "target": "x"})
        with pytest.raises(IntegrityError), transaction.atomic():
            another.save()
        assert list(AuditEvent.objects.values()) == before

    def test_what_goes_leaves_its_events(self, its):
        """A user, an organization, a purged token: the row names them as they were."""
        by = make_user(username="operator")
        credentials.revoke(its["key"], act=Act(now=NOW, by=by))
        by.delete()
        row = AuditEvent.objects.latest("pk")
        assert (row.actor, row.event) == ("operator", "credential.revoked")
