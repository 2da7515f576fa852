"""A tenant begins, changes and ends with a record of each, in the same transaction."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import ProtectedError

from tests.models.rows import NOW
from tests.support.factories import make_api_key, make_organization, make_user
from token_exchange.issuer import organizations
from token_exchange.issuer.credentials import Act
from token_exchange.models import AuditEvent, Organization

pytestmark = pytest.mark.django_db


def who(name):
    """The act of the user with this name."""
    return Act(now=NOW, by=make_user(username=name), origin="192.0.2.1")


def the_event():
    [event] = AuditEvent.objects.filter(target_type="organization")
    return event


def told(event):
    return (event.event, event.actor, event.origin, event.occurred_at, event.details)


class TestCreate:
    def test_saves_and_records_the_policy(self):
        organization = Organization(name="Acme", slug="acme", max_token_lifetime=timedelta(hours=1))
        organizations.create(organization, act=who("operator"))
        event = the_event()
        assert Organization.objects.get() == organization
        assert event.target == event.organization == str(organization.pk)
        assert told(event) == (
            "organization.created",
            "operator",
            "192.0.2.1",
            NOW,
            {
                "name": "Acme",
                "slug": "acme",
                "is_active": True,
                "default_token_lifetime": None,
                "max_token_lifetime": "3600 s",
            },
        )

    def test_is_undone_with_its_record(self):
        with transaction.atomic():
            organizations.create(Organization(name="Acme", slug="acme"), act=Act(now=NOW))
            transaction.set_rollback(True)
        assert not Organization.objects.exists()
        assert not AuditEvent.objects.filter(target_type="organization").exists()


class TestEdit:
    def test_saves_and_records_what_was_and_what_is(self):
        organization = make_organization(name="Acme")
        organization.name = "Acme & Sons"
        organization.is_active = False
        organization.default_token_lifetime = timedelta(minutes=5)
        organizations.edit(organization, act=who("operator"))
        organization.refresh_from_db()
        assert not organization.is_active
        assert told(the_event()) == (
            "organization.changed",
            "operator",
            "192.0.2.1",
            NOW,
            {
                "name": ["Acme", "Acme & Sons"],
                "is_active": [True, False],
                "default_token_lifetime": [None, "300 s"],
            },
        )

    def test_nothing_edited_is_nothing_recorded(self):
        organizations.edit(make_organization(), act=Act(now=NOW))
        assert not AuditEvent.objects.filter(target_type="organization").exists()

    def test_is_undone_with_its_record(self):
        organization = make_organization(name="Acme")
        organization.name = "Other"
        with transaction.atomic():
            organizations.edit(organization, act=Act(now=NOW))
            transaction.set_rollback(True)
        assert Organization.objects.get().name == "Acme"
        assert not AuditEvent.objects.filter(target_type="organization").exists()


class TestDelete:
    def test_deletes_and_records_who_it_was(self):
        organization = make_organization(name="Acme")
        pk = str(organization.pk)
        organizations.delete(organization, act=who("operator"))
        event = the_event()
        assert not Organization.objects.exists()
        assert event.target == pk
        assert told(event) == (
            "organization.deleted",
            "operator",
            "192.0.2.1",
            NOW,
            {"name": "Acme"},
        )

    def test_refused_is_not_recorded(self):
        organization = make_api_key().credential.organization
        with pytest.raises(ProtectedError):
            organizations.delete(organization, act=Act(now=NOW))
        assert not AuditEvent.objects.filter(target_type="organization").exists()
