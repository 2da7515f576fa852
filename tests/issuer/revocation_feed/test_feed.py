"""The cached feed: transactions, restored backups and malformed rows."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from tests.issuer.revocation_feed.token_holders import Subject, Undo, revoke
from tests.support.factories import make_api_key, make_token, make_user
from token_exchange.issuer import credentials, revocation_feed, signing_keys
from token_exchange.issuer.credentials import Act
from token_exchange.models import AccessToken, Credential, Organization, Revocation, RevocationFeed
from token_exchange.models.revocation_writer import MARGIN
from token_exchange_core import process_state

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("elapsed")]


class TestTransactions:
    def test_what_is_rolled_back_has_not_happened(self, subject):
        """Also if the same thread verified in between."""
        with contextlib.suppress(Undo), transaction.atomic():
            revoke(subject)
            assert subject.show() == 401
            raise Undo
        subject.assert_unharmed()
        assert Revocation.objects.count() == 0

    def test_what_a_savepoint_rolls_back_has_not_happened(self, subject, another):
        with transaction.atomic():
            revoke(another)
            with contextlib.suppress(Undo), transaction.atomic():
                revoke(subject)
                assert (subject.show(), another.show()) == (401, 401)
                raise Undo
            assert (subject.show(), another.show()) == (200, 401)
        assert (subject.show(), another.show()) == (200, 401)

    def test_a_savepoint_rolled_back_first_of_all(self, subject, another):
        with transaction.atomic():
            with contextlib.suppress(Undo), transaction.atomic():
                revoke(subject)
                raise Undo
            assert subject.show() == 200
            revoke(another)
            assert (subject.show(), another.show()) == (200, 401)
        assert (subject.show(), another.show()) == (200, 401)

    def test_an_organization_that_was_not_deactivated_after_all(self, subject):
        organization = subject.credential.organization
        with contextlib.suppress(Undo), transaction.atomic():
            organization.is_active = False
            organization.save()
            assert subject.show() == 401
            raise Undo
        subject.assert_unharmed()

    def test_a_request_in_a_transaction_of_its_own(self, subject, monkeypatch):
        """It is over when the answer is there."""
        app = Subject("app", is_remembered=True)
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
        assert app.client.delete("/auth_token", headers=app.headers).status_code == 200
        app.assert_needs_a_new_token()
        subject.assert_unharmed()


class TestPositions:
    def test_count_up_by_one_row(self, subject, another):
        revoke(subject)
        revoke(another)
        assert RevocationFeed.objects.get().position == 2
        assert list(Revocation.objects.order_by("position").values_list("position", flat=True)) == [
            1,
            2,
        ]

    def test_a_subject_has_one_row_at_its_last_position(self, subject):
        for _ in range(3):
            credentials.rotate(subject.credential, compromised=True, act=Act(now=timezone.now()))
        row = Revocation.objects.get()
        assert (row.position, row.generation) == (3, 3)
        revoke(subject)
        row = Revocation.objects.get()
        assert (row.position, row.generation) == (4, None)
        assert str(row) == f"credential {subject.credential.identifier}"
        assert str(RevocationFeed.objects.get()).endswith(":4")

    def test_start_anew_in_a_new_database(self, subject, another, elapsed):
        revoke(subject)
        assert subject.show() == 401
        RevocationFeed.objects.all().delete()
        Revocation.objects.all().delete()
        elapsed.seconds += 1
        assert subject.show() == 200  # nothing of it is known any more
        revoke(another)
        assert RevocationFeed.objects.get().position == 1
        assert (subject.show(), another.show()) == (200, 401)

    def test_go_back_when_a_backup_is_restored(self, subject, another, elapsed):
        revoke(subject)
        backup = list(Revocation.objects.all())
        revoke(another)
        assert (subject.show(), another.show()) == (401, 401)
        Revocation.objects.all().delete()
        Revocation.objects.bulk_create(backup)
        RevocationFeed.objects.update(position=1)
        elapsed.seconds += 1
        assert (subject.show(), another.show()) == (401, 401)

    def test_are_void_once_all_keys_are_new(self, subject, another, elapsed):
        """Also for a process that slept from before the restoration until long after it."""
        for _ in range(3):
            revoke(Subject("machine"))
        assert another.is_accepted()  # it has read up to 3
        Revocation.objects.all().delete()
        RevocationFeed.objects.update(position=0)
        signing_keys.rotate_signing_key(all_new=True, act=Act(now=timezone.now()))
        other = Subject("machine")
        for each in (other, subject, another):
            revoke(each)
        assert RevocationFeed.objects.get().position == 4
        elapsed.seconds += 1
        other.assert_token_is_dead()

    def test_are_void_after_a_flush(self, subject):
        revoke(subject)
        assert len(revocation_feed.revocations()) == 1
        call_command("flush", verbosity=0, interactive=False)
        assert len(revocation_feed.revocations()) == 0

    def test_of_many_are_written_at_once(self, subject, django_assert_num_queries):
        revoke(subject)
        others = [make_api_key().credential.pk for _ in range(20)]
        # The position and its mark, the rows and theirs in the feed, in a transaction.
        with django_assert_num_queries(11 if connection.vendor == "sqlite" else 15):
            Credential.objects.filter(pk__in=others).update(revoked_at=timezone.now())
        assert Revocation.objects.filter(position=2).count() == 20


class TestClocks:
    @pytest.mark.parametrize("minutes", [-10, 10])
    def test_that_step_bring_nothing_back(self, minutes, elapsed):
        with time_machine.travel(timezone.now(), tick=False) as clock:
            subject = Subject("machine", is_remembered=True, token_lifetime=timedelta(minutes=30))
            token = subject.tokens.get()
            type(token).objects.update(revoked_at=timezone.now())
            clock.shift(timedelta(minutes=29))
            clock.shift(timedelta(minutes=minutes))
            elapsed.seconds += 1
            revocation_feed.revocations()
            clock.shift(timedelta(minutes=-minutes))
            elapsed.seconds += 1
            assert subject.show() == 401

    def test_that_step_leave_a_copy_as_old_as_it_is(self, subject, elsewhere, elapsed):
        """Its age is told by the clock that only counts."""
        now = timezone.now()
        with time_machine.travel(now - timedelta(minutes=10), tick=False), elsewhere():
            revoke(subject)
        elapsed.seconds += 1
        with time_machine.travel(now - timedelta(minutes=10), tick=False):
            assert subject.show() == 401

    def test_a_row_is_forgotten_once_it_concerns_no_live_token(self, elapsed):
        with time_machine.travel(timezone.now(), tick=False) as clock:
            subject, another = Subject("machine"), Subject("machine")
            subject.tokens.update(revoked_at=timezone.now())
            assert len(revocation_feed.revocations()) == 1
            clock.move_to(subject.tokens.get().expires_at + MARGIN)
            another.tokens.update(revoked_at=timezone.now())
            # A database with a clock of its own says that they live.
            expected = 0 if connection.vendor == "sqlite" else 2
            assert len(revocation_feed.revocations()) == expected
            process_state.clear_caches()
            assert len(revocation_feed.revocations()) == expected


class TestMemory:
    def test_of_verified_tokens_may_be_none(self, token_exchange_settings):
        token_exchange_settings(VERIFIED_TOKEN_CACHE_SIZE=0)
        subject = Subject("machine", is_remembered=True)
        assert [subject.show(), subject.show()] == [200, 200]
        revoke(subject)
        subject.assert_refused_everywhere()

    def test_of_more_tokens_than_it_has_room_for(self, token_exchange_settings):
        token_exchange_settings(VERIFIED_TOKEN_CACHE_SIZE=2)
        subjects = [Subject("machine", is_remembered=True) for _ in range(3)]
        revoke(subjects[0])
        revoke(subjects[2])
        assert [each.show() for each in subjects] == [401, 200, 401]


class TestOwner:
    def test_deleted_takes_only_his_own_with_him(self, elapsed):
        his, anothers = Subject("user", is_remembered=True), Subject("user", is_remembered=True)
        his.credential.owner.delete()
        his.assert_refused_everywhere()
        anothers.assert_unharmed()

    def test_deleted_is_told_to_those_who_cannot_ask_for_him(self):
        owner = Subject("user").credential.owner
        primary_key = str(owner.pk)
        owner.delete()
        assert Revocation.objects.get(kind="user").subject == primary_key

    def test_deleted_who_never_had_a_credential_concerns_nobody(self):
        """And waits for nobody who holds the feed."""
        before = list(RevocationFeed.objects.values())
        make_user().delete()
        assert list(RevocationFeed.objects.values()) == before
        assert Revocation.objects.count() == 0

    def test_deleted_after_he_gave_his_credential_away(self):
        subject = Subject("user", is_remembered=True)
        owner = subject.credential.owner
        Credential.objects.update(owner=make_user())
        owner.delete()
        subject.assert_needs_a_new_token()


class TestDeadTokens:
    def test_that_are_revoked_stay_out_of_the_feed(self):
        """Or to revoke all that a table holds would fill the memory of every process."""
        now = timezone.now()
        subject, long_dead = Subject("machine"), make_token(expires_at=now - MARGIN)
        assert AccessToken.objects.update(revoked_at=now) == 2
        assert [each.subject for each in Revocation.objects.all()] == [subject.tokens.get().jti]
        long_dead.refresh_from_db()
        assert long_dead.revoked_at == now


def test_an_organization_is_told_by_its_primary_key(subject):
    organization = subject.credential.organization
    organization.is_active = False
    organization.save()
    assert revocation_feed.revocations().inactive_organizations == {str(organization.pk)}
    assert Organization.objects.get().is_active is False
