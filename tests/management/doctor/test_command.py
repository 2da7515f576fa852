"""Output and exit status of the doctor's command."""

from __future__ import annotations

import json

import pytest

from tests.management.doctor.reports import examine, shown
from tests.support.subprocesses import environment, run_python
from token_exchange.models import Revocation, SigningKey

pytestmark = pytest.mark.django_db

NO_KEY = "No signing key is active, so no token can be issued."
SUBJECTS = [
    "configuration",
    "database",
    "clock",
    "signing keys",
    "revocation feed",
    "overdue jobs",
    "cache",
    "broker",
]


@pytest.fixture
def _healthy(settings):
    """A cache that brings no finding, whichever one the tests use."""
    settings.SILENCED_SYSTEM_CHECKS = ["token_exchange.W005"]
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}


@pytest.fixture
def _warned(_healthy, settings):
    settings.SILENCED_SYSTEM_CHECKS = []


@pytest.mark.usefixtures("_healthy")
class TestHealthyInstallation:
    def test_every_subject_has_a_finding(self):
        answer = examine().answer
        assert (answer["ok"], answer["errors"], answer["warnings"]) == (True, 0, 0)
        assert list(dict.fromkeys(each["subject"] for each in answer["findings"])) == SUBJECTS
        assert {each["hint"] for each in answer["findings"]} == {""}

    def test_is_printed_by_subject(self):
        lines = shown("--strict")
        assert [line for line in lines if line and line[0] != " "] == [
            *SUBJECTS,
            "Errors: 0. Warnings: 0.",
        ]
        assert "  ok       This machine's clock and the database's agree." in lines

    def test_changes_nothing(self):
        before = list(SigningKey.objects.values()), list(Revocation.objects.values())
        examine()
        assert before == (list(SigningKey.objects.values()), list(Revocation.objects.values()))


class TestWarnings:
    pytestmark = pytest.mark.usefixtures("_warned")

    def test_exit_with_status_0(self):
        assert examine().error == ""

    def test_exit_with_status_1_if_strict(self):
        assert examine("--strict").error == "Errors: 0. Warnings: 1."

    def test_are_printed_with_their_hint_below(self):
        lines = shown()
        assert lines[1].startswith("  warning  The cache of the rate limits is not ")
        assert lines[2].startswith("           Use Redis or Memcached in CACHES, or set ")


class TestErrors:
    @pytest.fixture(autouse=True)
    def _no_keys(self, _healthy):
        SigningKey.objects.all().delete()

    def test_exit_with_status_1_after_the_output(self):
        report = examine()
        assert (report.answer["ok"], report.answer["errors"]) == (False, 1)
        assert report.error == "Errors: 1. Warnings: 0."

    def test_are_printed(self):
        lines = shown()
        assert f"  error    {NO_KEY}" in lines
        assert lines[-1] == "Errors: 1. Warnings: 0."
        assert "".join(lines).count("Errors: ") == 1

    def test_are_coloured_on_a_terminal(self):
        marked = [line for line in shown(force_color=True) if NO_KEY in line]
        assert marked == [f"  \x1b[31;1merror  \x1b[0m  {NO_KEY}"]


@pytest.mark.processes
class TestRealProcess:
    def test_prints_findings_on_stdout_and_the_summary_on_stderr(self):
        finished = run_python("-m", "django", "token_exchange_doctor", "--json", env=environment())
        assert finished.returncode == 1
        assert json.loads(finished.stdout)["ok"] is False
        assert finished.stderr.splitlines() == ["CommandError: Errors: 1. Warnings: 5."]

    def test_does_not_hang_on_a_database_that_never_answers(self, silent_port):
        url = f"postgres://nobody:secret-of-the-database@127.0.0.1:{silent_port}/nothing"
        finished = run_python(
            *("-m", "django", "token_exchange_doctor", "--timeout", "3"),
            env=environment(DATABASE_URL=url),
        )
        assert "  error    No answer within 3 s.\n" in finished.stdout
        assert finished.stdout.count("Not examined: fix the errors of the database first.") == 4
        assert "secret-of-the-database" not in finished.stdout + finished.stderr
        assert finished.returncode == 1
