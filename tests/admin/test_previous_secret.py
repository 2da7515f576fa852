"""Actions on revoked and expired credentials, and ending an overlap."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from tests.admin.clients import works
from tests.admin.conftest import hidden_fields
from tests.support.admin_urls import admin_url, credential_url
from tests.support.factories import make_api_key
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import APIKey

pytestmark = pytest.mark.django_db

LIST = admin_url("apikey", "changelist")
CLOSED = [("expired", "rotate"), ("revoked", "rotate"), ("revoked", "revoke")]


class TestEnded:
    @pytest.fixture
    def expired(self):
        now = timezone.now()
        past = make_api_key(now=now - timedelta(days=2), expires_at=now - timedelta(days=1))
        return past.credential

    @pytest.fixture
    def revoked(self, expired):
        credentials.revoke(expired, act=Act(now=timezone.now()))
        return expired

    @pytest.mark.parametrize(("state", "name"), CLOSED)
    def test_a_credential_has_no_button(self, operator, request, state, name):
        ended = request.getfixturevalue(state)
        text = operator.get(credential_url(ended, "change")).text
        assert credential_url(ended, name) not in text

    @pytest.mark.parametrize(("state", "name"), CLOSED)
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_a_credential_is_left_as_it_is(self, operator, request, state, name, method):
        ended = request.getfixturevalue(state)
        before = APIKey.objects.values().get()
        response = getattr(operator, method)(credential_url(ended, name), {"confirmed": "yes"})
        assert response.url == credential_url(ended, "change")
        assert "revoked or expired" in operator.get(response.url).text
        assert APIKey.objects.values().get() == before

    def test_an_expired_credential_can_be_revoked(self, operator, expired):
        """Nobody can then extend it."""
        url = credential_url(expired, "revoke")
        assert url in operator.get(credential_url(expired, "change")).text
        operator.send(url, reason="leaked")
        assert APIKey.objects.get().revocation_reason == "leaked"

    def test_an_expired_credential_can_be_revoked_among_others(self, operator, expired):
        rows = [expired, make_api_key().credential]
        response = operator.choose(LIST, "revoke_selected", *rows)
        assert response.context["skipped"] == []
        operator.post(LIST, hidden_fields(response))
        assert APIKey.objects.exclude(revoked_at=None).count() == 2

    def test_an_expired_credential_is_not_rotated_among_others(self, operator, expired):
        response = operator.choose(LIST, "rotate_selected", expired, make_api_key().credential)
        assert response.context["skipped"] == [expired]


class TestEndOverlap:
    def test_ends_the_previous_secret(self, operator):
        issued = make_api_key()
        rotated = credentials.rotate(issued.credential, act=Act(now=timezone.now()))
        response = operator.post(credential_url(issued.credential, "end_overlap"))
        assert response.url == credential_url(issued.credential, "change")
        assert (works(issued.raw_secret), works(rotated.raw_secret)) == (False, True)
        assert LogEntry.objects.get().change_message == "Ended the overlap."

    def test_ends_the_one_that_was_shown(self, operator):
        issued = make_api_key()
        credentials.rotate(issued.credential, act=Act(now=timezone.now()))
        shown = hidden_fields(operator.get(credential_url(issued.credential, "change")))
        response = operator.post(credential_url(issued.credential, "end_overlap"), shown)
        assert response.url == credential_url(issued.credential, "change")
        assert not works(issued.raw_secret)

    def test_leaves_the_previous_secret_of_a_later_rotation(self, operator):
        """Somebody else has ended that one, and rotated again."""
        key = make_api_key().credential
        credentials.rotate(key, act=Act(now=timezone.now()))
        shown = hidden_fields(operator.get(credential_url(key, "change")))
        credentials.end_overlap(key, act=Act(now=timezone.now()))
        second = credentials.rotate(key, overlap=timedelta(0), act=Act(now=timezone.now()))
        credentials.rotate(key, act=Act(now=timezone.now()))
        response = operator.post(credential_url(key, "end_overlap"), shown)
        assert response.status_code == 409
        assert "Your changes were not saved." in response.text
        assert works(second.raw_secret)
        assert LogEntry.objects.count() == 0

    def test_without_an_overlap_says_so(self, operator):
        issued = make_api_key()
        response = operator.post(credential_url(issued.credential, "end_overlap"))
        assert "The previous secret no longer works" in operator.get(response.url).text
        assert LogEntry.objects.count() == 0

    def test_is_not_obtained_by_get(self, operator):
        issued = make_api_key()
        credentials.rotate(issued.credential, act=Act(now=timezone.now()))
        response = operator.get(credential_url(issued.credential, "end_overlap"))
        assert (response.status_code, response.headers["Allow"]) == (405, "POST")
        assert works(issued.raw_secret)
