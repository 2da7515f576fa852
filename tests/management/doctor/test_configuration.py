"""Findings about the settings."""

from __future__ import annotations

import pytest

from tests.management.doctor.reports import examine

pytestmark = pytest.mark.django_db

ISSUER = "https://issuer.test"


@pytest.fixture(autouse=True)
def _silenced(settings):
    settings.SILENCED_SYSTEM_CHECKS = ["token_exchange.W005"]


def test_good_settings_are_ok():
    text = "The system checks found no problem in the settings."
    assert examine().of("configuration") == [("ok", text)]


def test_deployment_checks_are_warnings(settings):
    settings.TOKEN_EXCHANGE = {"ISSUER": ISSUER, "RATE_LIMITS": {"token": None}}
    report = examine()
    assert report.of("configuration") == [
        ("warning", "There is no rate limit for token. (token_exchange.W004)")
    ]
    assert report.hint("configuration").startswith("Remove TOKEN_EXCHANGE['RATE_LIMITS'] ")


def test_errors_of_system_checks_are_errors(settings):
    settings.USE_TZ = False
    assert examine().of("configuration") == [
        ("error", "Tokens need time zones, but USE_TZ is off. (token_exchange.E034)")
    ]


def test_subjects_that_need_settings_are_skipped_if_those_are_invalid(settings):
    settings.TOKEN_EXCHANGE = {"ISSUER": ISSUER, "MAX_OVERLAP": -1, "NONSENSE": 1}
    report = examine()
    assert [level for level, _ in report.of("configuration")] == ["error", "error"]
    not_examined = [("warning", "Not examined: fix the errors of the configuration first.")]
    for subject in ("signing keys", "revocation feed", "overdue jobs", "cache"):
        assert report.of(subject) == not_examined
    for subject in ("database", "clock", "broker"):
        assert {level for level, _ in report.of(subject)} == {"ok"}
