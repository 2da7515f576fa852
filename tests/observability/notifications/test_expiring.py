"""Announcements of expiring credentials, once at each threshold."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.observability.notifications.conftest import DAY, HOUR, INSTANT, NOW
from tests.support.factories import make_api_key, make_client_app, make_organization, make_user
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import Credential
from token_exchange.observability import notifications
from token_exchange.observability.notifications import due
from token_exchange.signals import credential_expiring

pytestmark = pytest.mark.django_db

YEAR = timedelta(days=365)
ENDS_AT = NOW + 60 * DAY


@pytest.fixture
def credential():
    return make_api_key(now=NOW, expires_at=ENDS_AT).credential


class TestThresholds:
    def test_each_is_announced_once(self, warn, hear, credential):
        heard = hear(credential_expiring)
        announced = []
        for at in (NOW + number * 12 * HOUR for number in range(124)):
            announced += [at] * warn(at).expiring
        assert announced == [ENDS_AT - 30 * DAY, ENDS_AT - 7 * DAY, ENDS_AT - DAY]
        assert heard == [{"credential": credential, "expires_at": ENDS_AT}] * 3

    @pytest.mark.parametrize("days", [30, 7, 1])
    def test_is_reached_exactly_at_its_time(self, warn, credential, days):
        Credential.objects.filter(pk=credential.pk).update(
            expiry_warned_at=ENDS_AT - days * DAY - INSTANT
        )
        assert warn(ENDS_AT - days * DAY - INSTANT).expiring == 0
        assert warn(ENDS_AT - days * DAY).expiring == 1
        assert warn(ENDS_AT - days * DAY + INSTANT).expiring == 0

    def test_several_at_once_are_one_announcement(self, warn, credential):
        assert warn(ENDS_AT - HOUR).expiring == 1
        assert warn(ENDS_AT - HOUR + INSTANT).expiring == 0

    def test_expired_credential_is_not_announced(self, warn, credential):
        assert warn(ENDS_AT - INSTANT).expiring == 1
        Credential.objects.update(expiry_warned_at=None)
        assert warn(ENDS_AT).expiring == 0

    def test_before_its_creation_is_skipped(self, warn):
        """A key for a week needs no announcement that it expires within a month."""
        make_api_key(now=NOW, expires_at=NOW + 7 * DAY)
        assert warn(NOW).expiring == 0
        assert warn(NOW + 6 * DAY - INSTANT).expiring == 0
        assert warn(NOW + 6 * DAY).expiring == 1

    def test_follow_the_setting(self, warn, token_exchange_settings, credential):
        token_exchange_settings(EXPIRY_WARNINGS=[HOUR])
        assert warn(ENDS_AT - HOUR - INSTANT).expiring == 0
        assert warn(ENDS_AT - HOUR).expiring == 1

    def test_empty_setting_disables_announcements(self, warn, token_exchange_settings, credential):
        token_exchange_settings(EXPIRY_WARNINGS=[])
        assert warn(ENDS_AT - INSTANT).expiring == 0

    def test_added_threshold_is_announced(self, warn, token_exchange_settings, credential):
        warn(ENDS_AT - 7 * DAY)
        token_exchange_settings(EXPIRY_WARNINGS=[3 * DAY, 7 * DAY])
        assert warn(ENDS_AT - 3 * DAY).expiring == 1

    def test_credential_without_expiry_has_none(self, warn):
        make_api_key(now=NOW)
        assert warn(NOW + YEAR).expiring == 0

    def test_apply_to_client_apps(self, warn):
        make_client_app(now=NOW, expires_at=ENDS_AT)
        assert warn(ENDS_AT - DAY).expiring == 1


class TestChangedExpiry:
    def test_later_expiry_is_announced_again(self, warn, credential):
        assert warn(ENDS_AT - DAY).expiring == 1
        credentials.edit(credential, {"expires_at": ENDS_AT + 30 * DAY}, act=Act(now=ENDS_AT - DAY))
        assert warn(ENDS_AT - DAY).expiring == 0
        assert warn(ENDS_AT).expiring == 1

    def test_earlier_expiry_is_announced_immediately(self, warn, credential):
        """Although the previous expiry was announced within the same period."""
        at = ENDS_AT - 30 * DAY
        assert warn(at).expiring == 1
        credentials.edit(credential, {"expires_at": at + 2 * DAY}, act=Act(now=at))
        assert warn(at).expiring == 1
        assert warn(at + INSTANT).expiring == 0


class TestInactiveCredentials:
    """Credentials that do not work are not announced."""

    def test_revoked_credential(self, warn, credential):
        credentials.revoke(credential, act=Act(now=NOW))
        assert warn(ENDS_AT - DAY).expiring == 0

    def test_inactive_organization_until_it_is_active_again(self, warn, credential):
        organization = credential.organization
        organization.is_active = False
        organization.save()
        assert warn(ENDS_AT - DAY).expiring == 0
        organization.is_active = True
        organization.save()
        assert warn(ENDS_AT - DAY).expiring == 1

    def test_inactive_owner_until_they_are_active_again(self, warn):
        owner = make_user()
        make_api_key(now=NOW, expires_at=ENDS_AT, owner=owner)
        owner.is_active = False
        owner.save()
        assert warn(ENDS_AT - DAY).expiring == 0
        owner.is_active = True
        owner.save()
        assert warn(ENDS_AT - DAY).expiring == 1

    def test_deleted_owner(self, warn):
        make_api_key(now=NOW, expires_at=ENDS_AT, owner=make_user())
        Credential.objects.update(owner=None)
        assert warn(ENDS_AT - DAY).expiring == 0


class TestRun:
    def test_announces_all_batches(self, warn, hear, monkeypatch):
        monkeypatch.setattr(due, "BATCH_ROWS", 3)
        organization = make_organization()
        made = {
            make_api_key(
                now=NOW, expires_at=ENDS_AT + (number // 5) * HOUR, organization=organization
            ).credential.pk
            for number in range(15)
        }
        heard = hear(credential_expiring)
        assert warn(ENDS_AT - DAY + 2 * HOUR).expiring == 15
        assert {each["credential"].pk for each in heard} == made

    def test_reads_no_row_twice(self, warn, monkeypatch, credential):
        monkeypatch.setattr(due, "BATCH_ROWS", 1)
        with CaptureQueriesContext(connection) as captured:
            assert warn(ENDS_AT - DAY).expiring == 1
        claims = [query for query in captured if query["sql"].startswith("UPDATE")]
        selects = [query for query in captured if query["sql"].startswith("SELECT")]
        # Each threshold has its part of the time, one of them a second batch; and old secrets.
        assert (len(claims), len(selects)) == (1, 3 + 1 + 1)

    def test_only_one_of_two_workers_claims_a_row(self, hear):
        """Both have read the row before either claims it."""
        make_api_key(now=NOW, expires_at=ENDS_AT)
        (first,) = due.expiring("expiry_warned_at", now=ENDS_AT - DAY)
        (second,) = due.expiring("expiry_warned_at", now=ENDS_AT - DAY)
        due.claim(first, "expiry_warned_at", now=ENDS_AT - DAY)
        with pytest.raises(due.AlreadyClaimed):
            due.claim(second, "expiry_warned_at", now=ENDS_AT - DAY)

    @pytest.mark.parametrize("change", ["expiry", "revocation"])
    def test_changed_row_cannot_be_claimed(self, change):
        credential = make_api_key(now=NOW, expires_at=ENDS_AT).credential
        (read,) = due.expiring("expiry_warned_at", now=ENDS_AT - DAY)
        if change == "expiry":
            credentials.edit(credential, {"expires_at": ENDS_AT + YEAR})
        else:
            credentials.revoke(credential, act=Act(now=NOW))
        with pytest.raises(due.AlreadyClaimed):
            due.claim(read, "expiry_warned_at", now=ENDS_AT - DAY)


@pytest.mark.django_db(transaction=True)
class TestReceiver:
    """Each claim is a separate transaction, so receivers run immediately."""

    @pytest.fixture
    def receive(self):
        """Call this function for each announcement."""
        connected = []

        def connect(act):
            def receiver(**_):
                act()

            credential_expiring.connect(receiver, weak=False)
            connected.append(receiver)

        yield connect
        for receiver in connected:
            credential_expiring.disconnect(receiver)

    def test_slow_one_does_not_exceed_the_time_budget(self, elapsed, receive):
        for _ in range(3):
            make_api_key(now=NOW, expires_at=ENDS_AT)

        def take_a_while():
            elapsed.seconds += 6

        receive(take_a_while)
        counts = [
            notifications.warn(now=ENDS_AT - DAY, time_budget_seconds=10).expiring for _ in range(3)
        ]
        assert counts == [2, 1, 0]

    def test_one_that_starts_another_run_is_called_once_for_each_credential(self, hear, receive):
        for _ in range(2):
            make_api_key(now=NOW, expires_at=ENDS_AT)
        others = []

        def run_another():
            others.append(notifications.warn(now=ENDS_AT - DAY).expiring)

        heard = hear(credential_expiring)
        receive(run_another)
        assert notifications.warn(now=ENDS_AT - DAY).expiring == 1
        assert others == [0, 1]
        assert len({each["credential"].pk for each in heard}) == len(heard) == 2

    def test_failing_one_does_not_stop_the_run(self, hear, receive):
        for _ in range(2):
            make_api_key(now=NOW, expires_at=ENDS_AT)

        def fail():
            raise LookupError

        receive(fail)
        assert notifications.warn(now=ENDS_AT - DAY).expiring == 2


class TestLog:
    def test_has_one_event(self, warn, caplog, credential):
        caplog.set_level(logging.INFO, "token_exchange")
        warn(ENDS_AT - DAY)
        (record,) = caplog.records
        assert (record.levelname, record.event) == ("WARNING", "credential.expiring")
        assert record.event_fields == {
            "identifier": credential.identifier,
            "organization": str(credential.organization_id),
            "expires_at": ENDS_AT.isoformat(),
        }
