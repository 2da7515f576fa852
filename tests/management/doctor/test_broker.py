"""Findings about Celery's broker and schedule."""

from __future__ import annotations

import re

import pytest

from tests.management.doctor.reports import examine, last_of

pytestmark = pytest.mark.django_db

PURGE = {"task": "token_exchange.tasks.purge_expired_tokens", "schedule": 3600}
ROTATE = {"task": "token_exchange.tasks.rotate_signing_keys", "schedule": 86_400}
WARN = {"task": "token_exchange.tasks.warn_of_expiring_credentials", "schedule": 3600}
SCHEDULE = {"purge": PURGE, "rotate": ROTATE, "warn": WARN}
SCHEDULED = ("ok", "Celery beat's schedule contains our tasks.")


def test_missing_celery_app_is_no_problem():
    expected = (
        "No Celery app with a broker is loaded. If the project has one, import it in the "
        "project's __init__.py. If it has none, run purge_expired_tokens, rotate_signing_key and "
        "warn_of_expiring_credentials with cron."
    )
    assert examine().of("broker") == [("ok", expected)]


def test_broker_that_answers_is_ok(celery_app, tmp_path):
    folders = dict.fromkeys(("data_folder_in", "data_folder_out"), str(tmp_path))
    celery_app(broker_url="filesystem://", broker_transport_options=folders, beat_schedule=SCHEDULE)
    scheduled, connects = examine().of("broker")
    assert (scheduled, connects[0]) == (SCHEDULED, "ok")
    assert re.fullmatch(r"The broker \(filesystem\) answers in [0-9]+\.[0-9] ms\.", connects[1])


def test_broker_in_the_memory_of_one_process_is_a_warning(celery_app):
    celery_app(broker_url="memory://", beat_schedule=SCHEDULE)
    report = examine()
    expected = "The broker is in the sending process's memory, which no worker can read."
    assert report.of("broker")[-1] == ("warning", expected)
    assert report.hint("broker").startswith("Set broker_url to a broker ")


class TestSchedule:
    def test_without_our_tasks_is_a_warning(self, celery_app):
        celery_app(broker_url="filesystem://", beat_schedule={"other": {"task": "reports.send"}})
        report = examine()
        expected = (
            "Celery beat's schedule lacks token_exchange.tasks.purge_expired_tokens, "
            "token_exchange.tasks.rotate_signing_keys, "
            "token_exchange.tasks.warn_of_expiring_credentials."
        )
        assert report.of("broker")[0] == ("warning", expected)
        assert report.hint("broker") == (
            f"Add an entry for each to beat_schedule, such as {PURGE}, or run the commands with "
            "cron."
        )

    def test_without_the_rotation_is_a_warning(self, celery_app):
        celery_app(broker_url="memory://", beat_schedule={"purge": PURGE, "warn": WARN})
        expected = "Celery beat's schedule lacks token_exchange.tasks.rotate_signing_keys."
        assert examine().of("broker")[0] == ("warning", expected)

    @pytest.mark.parametrize("lifetime", [None, -1], ids=["only-you-rotate", "unreadable"])
    def test_needs_no_rotation_without_a_key_lifetime(
        self, celery_app, token_exchange_settings, lifetime
    ):
        token_exchange_settings(SIGNING_KEY_LIFETIME=lifetime)
        celery_app(broker_url="memory://", beat_schedule={"purge": PURGE, "warn": WARN})
        assert examine().of("broker")[0] == SCHEDULED

    @pytest.mark.parametrize("warnings", [[], "soon"], ids=["none", "unreadable"])
    def test_needs_no_notifications_without_expiry_warnings(
        self, celery_app, token_exchange_settings, warnings
    ):
        token_exchange_settings(EXPIRY_WARNINGS=warnings)
        celery_app(broker_url="memory://", beat_schedule={"purge": PURGE, "rotate": ROTATE})
        assert examine().of("broker")[0] == SCHEDULED

    def test_of_another_scheduler_is_not_examined(self, celery_app):
        scheduler = "django_celery_beat.schedulers:DatabaseScheduler"
        celery_app(broker_url="memory://", beat_scheduler=scheduler)
        expected = f"The schedule is kept by {scheduler} and was not examined."
        assert examine().of("broker")[0] == ("ok", expected)


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
class TestUnreachableBroker:
    def test_that_refuses_is_an_error_without_the_password(self, celery_app, closed_port, scheme):
        celery_app(broker_url=f"{scheme}://user:secret-of-the-broker@127.0.0.1:{closed_port}//")
        report = examine()
        level, text = report.of("broker")[-1]
        assert level == "error"
        assert text.startswith("It failed: Connection")
        assert "efused" in text
        assert "secret-of-the-broker" not in repr(report)

    def test_that_never_answers_is_an_error(self, celery_app, silent_port, scheme):
        celery_app(
            broker_url=f"{scheme}://127.0.0.1:{silent_port}//",
            broker_transport_options={"socket_timeout": 60},
            broker_connection_timeout=60,
        )
        expected = ("error", "No answer within 0.2 s.")
        assert last_of("broker", timeout_seconds=0.2) == expected


def test_unreadable_broker_url_is_not_quoted(celery_app):
    celery_app(broker_url="redis://:hushed/of-the-broker@127.0.0.1:1/0")
    report = examine()
    expected = "It failed: ValueError (its text is hidden because it may contain a password)"
    assert report.of("broker")[-1] == ("error", expected)
    assert "hushed" not in repr(report)
