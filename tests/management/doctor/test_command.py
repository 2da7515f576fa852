"""What the command prints, and how it ends."""

from __future__ import annotations

import json

import pytest

from tests.management.doctor.reports import examine, shown
from tests.support.subprocesses import environment, run_python
from token_exchange.models import Revocation, SigningKey

pytestmark = pytest.mark.django_db

SUBJECTS = [
    "configuration",
    "database",
    "clock",
    "signing keys",
    "revocation feed",
    "purge",
    "warnings",
    "cache",
    "broker",
]


@pytest.fixture
def _healthy(settings):
    """Nothing to say of the cache of the tests, whichever it is."""
    settings.SILENCED_SYSTEM_CHECKS = ["token_exchange.W005"]
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}


@pytest.fixture
def _warned(_healthy, settings):
    settings.SILENCED_SYSTEM_CHECKS = []


@pytest.mark.usefixtures("_healthy")
class TestNothingWrong:
    def test_every_subject_has_something_to_say(self):
        answer = examine().answer
        assert (answer["ok"], answer["errors"], answer["warnings"]) == (True, 0, 0)
        assert list(dict.fromkeys(each["subject"] for each in answer["findings"])) == SUBJECTS
        assert {each["hint"] for each in answer["findings"]} == {""}

    def test_is_told_to_people(self):
        lines = shown("--strict")
        assert [line for line in lines if line and line[0] != " "] == [
            *SUBJECTS,
            "Errors: 0. Warnings: 0.",
        ]
        assert "  ok       This machine's clock and the database's agree." in lines

    def test_nothing_is_changed(self):
        before = list(SigningKey.objects.values()), list(Revocation.objects.values())
        examine()
        assert before == (list(SigningKey.objects.values()), list(Revocation.objects.values()))


class TestWarnings:
    pytestmark = pytest.mark.usefixtures("_warned")

    def test_end_well(self):
        assert examine().complaint == ""

    def test_fail_where_asked(self):
        assert examine("--strict").complaint == "Errors: 0. Warnings: 1."

    def test_are_shown_with_their_hint_below(self):
        lines = shown()
        assert lines[1].startswith("  warning  The cache that counts for the rate limits is not ")
        assert lines[2].startswith("           Use Redis or Memcached in CACHES, or name ")


class TestErrors:
    @pytest.fixture(autouse=True)
    def _no_keys(self, _healthy):
        SigningKey.objects.all().delete()

    def test_end_in_a_complaint_after_the_answer(self):
        report = examine()
        assert (report.answer["ok"], report.answer["errors"]) == (False, 1)
        assert report.complaint == "Errors: 1. Warnings: 0."

    def test_are_shown(self):
        lines = shown()
        assert "  error    No key signs, so no token is issued." in lines
        assert lines[-1] == "Errors: 1. Warnings: 0."
        assert "".join(lines).count("Errors: ") == 1

    def test_are_coloured_where_a_terminal_is(self):
        marked = [line for line in shown(force_color=True) if "No key signs" in line]
        assert marked == ["  \x1b[31;1merror  \x1b[0m  No key signs, so no token is issued."]


@pytest.mark.processes
class TestRealProcess:
    def test_answers_on_standard_output_and_complains_on_standard_error(self):
        finished = run_python("-m", "django", "token_exchange_doctor", "--json", env=environment())
        assert finished.returncode == 1
        assert json.loads(finished.stdout)["ok"] is False
        assert finished.stderr.splitlines() == ["CommandError: Errors: 1. Warnings: 6."]

    def test_waits_for_no_database_that_never_answers(self, silent_port):
        url = f"postgres://nobody:secret-of-the-database@127.0.0.1:{silent_port}/nothing"
        finished = run_python(
            *("-m", "django", "token_exchange_doctor", "--timeout", "3"),
            env=environment(DATABASE_URL=url),
        )
        assert "  error    No answer within 3 s.\n" in finished.stdout
        assert finished.stdout.count("Not examined, because of the fault in: database.") == 5
        assert "secret-of-the-database" not in finished.stdout + finished.stderr
        assert finished.returncode == 1
