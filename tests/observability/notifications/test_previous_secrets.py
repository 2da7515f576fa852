"""Announcements of previous secrets that expire soon and are still in use."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from tests.observability.notifications.conftest import (
    ADDRESS,
    DAY,
    HOUR,
    INSTANT,
    NOW,
    use_previous,
)
from tests.support.authentication import authenticate_client_app
from tests.support.factories import make_api_key, make_client_app
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import Credential
from token_exchange.signals import previous_secret_still_used

pytestmark = pytest.mark.django_db

USED_AT = NOW + timedelta(minutes=5)


@pytest.fixture
def rotated(django_capture_on_commit_callbacks):
    """Create a key, rotate it with this overlap, and use its previous secret: ``rotated(DAY)``."""

    def rotate(overlap, *, used_at=USED_AT, **values):
        issued = make_api_key(now=NOW, **values)
        credentials.rotate(issued.credential, overlap=overlap, act=Act(now=NOW))
        if used_at is not None:
            with django_capture_on_commit_callbacks(execute=True):
                use_previous(issued, at=used_at)
        return issued

    return rotate


class TestTimeOfAnnouncement:
    @pytest.mark.parametrize(
        ("overlap", "notice"),
        [
            (7 * DAY, DAY),
            (2 * DAY, DAY),
            (DAY, 12 * HOUR),
            (HOUR, timedelta(minutes=30)),
        ],
    )
    def test_is_a_day_before_expiry_or_half_the_overlap(self, warn, rotated, overlap, notice):
        rotated(overlap)
        due_at = NOW + overlap - notice
        assert warn(due_at - INSTANT).previous_secrets == 0
        assert warn(due_at).previous_secrets == 1
        assert warn(due_at + INSTANT).previous_secrets == 0

    def test_is_the_first_use_if_that_is_later(self, warn, rotated):
        rotated(DAY, used_at=NOW + 20 * HOUR)
        assert warn(NOW + 21 * HOUR).previous_secrets == 1

    def test_is_never_after_expiry(self, warn, rotated):
        rotated(DAY)
        assert warn(NOW + DAY).previous_secrets == 0

    def test_unused_secret_is_not_announced(self, warn, rotated):
        rotated(DAY, used_at=None)
        assert warn(NOW + 20 * HOUR).previous_secrets == 0

    def test_each_rotation_is_announced(self, warn, rotated, django_capture_on_commit_callbacks):
        first = rotated(DAY)
        assert warn(NOW + 20 * HOUR).previous_secrets == 1
        key = Credential.objects.get()
        credentials.end_overlap(key, act=Act(now=NOW + 21 * HOUR))
        assert warn(NOW + 21 * HOUR).previous_secrets == 0
        assert first.credential.pk == key.pk
        second = credentials.rotate(key, overlap=DAY, act=Act(now=NOW + 22 * HOUR))
        third = credentials.rotate(key, overlap=DAY, act=Act(now=NOW + 47 * HOUR))
        assert third.credential.previous_secret_last_used_at is None
        with django_capture_on_commit_callbacks(execute=True):
            use_previous(second, at=NOW + 48 * HOUR)
        assert warn(NOW + 60 * HOUR).previous_secrets == 1


class TestInactiveCredentials:
    def test_revoked_credential(self, warn, rotated):
        credentials.revoke(rotated(DAY).credential, act=Act(now=NOW))
        assert warn(NOW + 20 * HOUR).previous_secrets == 0

    def test_expired_credential(self, warn, rotated):
        rotated(DAY, expires_at=NOW + 20 * HOUR)
        assert warn(NOW + 20 * HOUR - INSTANT).previous_secrets == 1
        Credential.objects.update(previous_secret_warned_at=None)
        assert warn(NOW + 20 * HOUR).previous_secrets == 0

    def test_inactive_organization(self, warn, rotated):
        organization = rotated(DAY).credential.organization
        organization.is_active = False
        organization.save()
        assert warn(NOW + 20 * HOUR).previous_secrets == 0


class TestAnnouncement:
    def test_is_a_signal_and_a_log_event(self, warn, rotated, hear, caplog):
        credential = rotated(DAY).credential
        caplog.set_level(logging.INFO, "token_exchange")
        caplog.clear()
        heard = hear(previous_secret_still_used)
        warn(NOW + 20 * HOUR)
        assert heard == [
            {
                "credential": credential,
                "last_used_at": USED_AT,
                "address": ADDRESS,
                "ends_at": NOW + DAY,
            }
        ]
        (record,) = caplog.records
        assert (record.levelname, record.event) == (
            "WARNING",
            "credential.previous_secret_still_used",
        )
        assert record.event_fields == {
            "identifier": credential.identifier,
            "organization": str(credential.organization_id),
            "ends_at": (NOW + DAY).isoformat(),
            "last_used_at": USED_AT.isoformat(),
            "address": ADDRESS,
        }

    def test_is_independent_of_the_credentials_expiry(self, warn, rotated):
        rotated(7 * DAY, expires_at=NOW + 7 * DAY)
        warned = warn(NOW + 6 * DAY)
        assert (warned.expiring, warned.previous_secrets) == (1, 1)

    def test_applies_to_client_apps(self, warn, django_capture_on_commit_callbacks):
        app = make_client_app(now=NOW)
        credentials.rotate(app.credential, overlap=DAY, act=Act(now=NOW))
        with django_capture_on_commit_callbacks(execute=True):
            authenticate_client_app(
                app.credential.identifier, app.raw_secret, address=ADDRESS, now=USED_AT
            )
        assert warn(NOW + 20 * HOUR).previous_secrets == 1
