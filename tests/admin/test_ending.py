"""What is left to do with credentials that have ended, and with overlaps that have not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from tests.admin.pages import credential_page
from tests.admin.test_rotating import works
from tests.factories import make_api_key
from token_exchange import credentials
from token_exchange.models import APIKey

pytestmark = pytest.mark.django_db


class TestEnded:
    @pytest.fixture(params=["revoked", "expired"])
    def ended(self, request):
        now = timezone.now()
        issued = make_api_key(now=now - timedelta(days=2), expires_at=now - timedelta(days=1))
        if request.param == "revoked":
            credentials.revoke(issued.credential, now=now)
        return issued.credential

    @pytest.mark.parametrize("name", ["rotate", "revoke"])
    def test_a_credential_has_no_button(self, desk, ended, name):
        text = desk.get(credential_page(ended, "change")).text
        assert credential_page(ended, name) not in text

    @pytest.mark.parametrize("name", ["rotate", "revoke"])
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_a_credential_is_left_as_it_is(self, desk, ended, name, method):
        before = APIKey.objects.values().get()
        response = getattr(desk, method)(credential_page(ended, name), {"confirmed": "yes"})
        assert response.url == credential_page(ended, "change")
        assert "has ended" in desk.get(response.url).text
        assert APIKey.objects.values().get() == before


class TestEndOverlap:
    def test_ends_the_previous_secret(self, desk):
        issued = make_api_key()
        rotated = credentials.rotate(issued.credential, now=timezone.now())
        response = desk.post(credential_page(issued.credential, "end_overlap"))
        assert response.url == credential_page(issued.credential, "change")
        assert (works(issued.raw_secret), works(rotated.raw_secret)) == (False, True)
        assert LogEntry.objects.get().change_message == "Ended the overlap."

    def test_without_an_overlap_says_so(self, desk):
        issued = make_api_key()
        response = desk.post(credential_page(issued.credential, "end_overlap"))
        assert "There is no previous secret any more." in desk.get(response.url).text
        assert LogEntry.objects.count() == 0

    def test_is_not_obtained_by_get(self, desk):
        issued = make_api_key()
        credentials.rotate(issued.credential, now=timezone.now())
        response = desk.get(credential_page(issued.credential, "end_overlap"))
        assert (response.status_code, response.headers["Allow"]) == (405, "POST")
        assert works(issued.raw_secret)
