"""Time limits of examinations, and the database connections that they use."""

from __future__ import annotations

from threading import Event

import pytest
from django.db import connection, connections

from token_exchange.management.doctor import Examination, Finding, examine_all
from token_exchange.management.doctor.findings import ok
from token_exchange.models import RevocationFeed


def run(examine, **values) -> list[Finding]:
    """Examine with a short time-out."""
    examination = Examination(subject="x", examine=examine, hint="Wait.", **values)
    return [finding for _, finding in examine_all([examination], timeout_seconds=0.05)]


class TestTimeout:
    @pytest.fixture
    def hang(self):
        """An examination that finds something and then hangs until the test ends."""
        released = Event()

        def examine(_now):
            yield ok("Found.")
            released.wait(timeout=20)

        yield examine
        released.set()

    @pytest.mark.parametrize(
        ("explain", "hint"),
        [
            (None, "Wait."),
            (lambda: "", "Wait."),
            (lambda: "A lock.", "A lock."),
            (lambda: 1 / 0, "Wait."),
        ],
        ids=["no-explanation", "unknown", "known", "failed"],
    )
    def test_ends_the_examination_with_a_hint(self, hang, explain, hint):
        found, late = run(hang, explain_delay=explain)
        assert found == ok("Found.")
        assert (late.text, late.hint) == ("No answer within 0.05 s.", hint)


@pytest.mark.django_db
class TestInsideATransaction:
    def test_examination_sees_uncommitted_rows(self):
        RevocationFeed.objects.update(position=7)
        found = run(lambda _now: [ok(str(RevocationFeed.objects.get().position))])
        assert found == [ok("7")]

    def test_connection_belongs_to_its_thread_again(self):
        connection.ensure_connection()
        run(lambda _now: [])
        assert connection.allow_thread_sharing is False


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_the_examination_has_a_connection_of_its_own():
    used = []

    def examine(_now):
        connections["default"].ensure_connection()
        used.append(connections["default"])
        return []

    run(examine)
    (own,) = used
    assert own is not connections["default"]
    assert own.connection is None
