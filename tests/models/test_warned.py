"""Warning times: reset when the expiry or the previous secret changes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.models.rows import HOUR, NOW
from tests.support.factories import make_api_key
from token_exchange.issuer.credentials import Act, end_overlap, rotate
from token_exchange.models import Credential

pytestmark = pytest.mark.django_db

WARNED = {"expiry_warned_at": NOW, "end_mailed_at": NOW}
WARNED_OF_PREVIOUS = {"previous_secret_warned_at": NOW, "previous_secret_mailed_at": NOW}


@pytest.fixture
def credential():
    """A rotated credential of whose ends everybody was warned."""
    credential = make_api_key(now=NOW, expires_at=NOW + timedelta(days=2)).credential
    rotate(credential, overlap=HOUR, act=Act(now=NOW))
    Credential.objects.update(**WARNED, **WARNED_OF_PREVIOUS)
    return Credential.objects.get()


def warned(*names):
    return {name: at for name, at in Credential.objects.values(*names).get().items() if at}


class TestExpiry:
    def test_that_is_another_nobody_was_warned_of(self, credential):
        credential.edit({"expires_at": credential.expires_at + HOUR})
        assert warned(*WARNED) == {}

    def test_that_an_update_writes_nobody_was_warned_of(self, credential):
        Credential.objects.filter(pk=credential.pk).update(expires_at=NOW + HOUR)
        assert warned(*WARNED) == {}

    def test_that_stays_as_it_is_everybody_was_warned_of(self, credential):
        credential.edit({"name": "Other", "scopes": ["a"]})
        assert warned(*WARNED) == WARNED

    def test_the_end_of_the_previous_secret_stays_as_it_is(self, credential):
        credential.edit({"expires_at": credential.expires_at + HOUR})
        assert warned(*WARNED_OF_PREVIOUS) == WARNED_OF_PREVIOUS


class TestPreviousSecret:
    def test_of_the_next_rotation_nobody_was_warned_of(self, credential):
        rotate(credential, compromised=True, act=Act(now=NOW))
        assert warned(*WARNED_OF_PREVIOUS) == {}
        assert warned(*WARNED) == WARNED

    def test_that_was_ended_nobody_was_warned_of(self, credential):
        end_overlap(credential, act=Act(now=NOW))
        assert warned(*WARNED_OF_PREVIOUS) == {}
