"""Every way to revoke, at every endpoint, in this process and in another."""

from __future__ import annotations

import pytest

from tests.issuer.revocation_feed.revocation_paths import WAYS
from tests.issuer.revocation_feed.token_holders import Subject

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("elapsed")]

EACH = [pytest.param(way, id=name) for name, way in WAYS.items()]
REVERSIBLE = [pytest.param(way, id=name) for name, way in WAYS.items() if way.undo]


@pytest.fixture(params=EACH)
def way(request):
    return request.param


@pytest.fixture
def subjects(way, settings):
    """Of each kind two: one whose token is remembered, one whose token was never shown."""
    return [
        Subject(kind, is_remembered=is_remembered)
        for kind in way.kinds
        for is_remembered in (True, False)
    ]


def assert_stopped(way, subject):
    if way.credential_ends:
        subject.assert_refused_everywhere()
    else:
        subject.assert_needs_a_new_token()


class TestStopped:
    def test_in_the_process_that_did_it(self, way, subjects, operator, elapsed):
        bystander = Subject("machine", is_remembered=True)
        for subject in subjects:
            way.do(subject, operator)
        if not way.is_announced:
            elapsed.seconds += 1
        for subject in subjects:
            assert_stopped(way, subject)
        assert bystander.use() == 200

    def test_in_another_process_within_the_age(self, way, subjects, operator, elapsed, elsewhere):
        with elsewhere():
            for subject in subjects:
                way.do(subject, operator)
        elapsed.seconds += 1
        for subject in subjects:
            assert_stopped(way, subject)

    def test_in_another_process_that_asks_each_time(
        self, way, token_exchange_settings, operator, elsewhere
    ):
        token_exchange_settings(REVOCATION_MAX_AGE=0)
        for kind in way.kinds:
            subject = Subject(kind, is_remembered=True)
            with elsewhere():
                way.do(subject, operator)
            assert_stopped(way, subject)


@pytest.mark.parametrize("way", REVERSIBLE, indirect=True)
class TestStartedAgain:
    def test_unexpired_tokens_work_again(self, way, subjects, operator, elapsed):
        for subject in subjects:
            way.do(subject, operator)
            elapsed.seconds += 1
            subject.assert_refused_everywhere()
            way.undo(subject, operator)
            if not way.is_announced:
                elapsed.seconds += 1
            subject.assert_unharmed()
