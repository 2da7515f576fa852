from __future__ import annotations

import re

import pytest

from tests.management.doctor.reports import examine, last_of

pytestmark = pytest.mark.django_db

PURGE = {"task": "token_exchange.tasks.purge_expired_tokens", "schedule": 3600}
ROTATE = {"task": "token_exchange.tasks.rotate_signing_keys", "schedule": 86_400}
WARN = {"task": "token_exchange.tasks.warn_of_expiring_credentials", "schedule": 3600}
SCHEDULE = {"purge": PURGE, "rotate": ROTATE, "warn": WARN}
SCHEDULED = ("ok", "Celery beat's schedule has our tasks.")


def test_no_celery_app():
    told = (
        "No Celery app with a broker is loaded. If the project has one, let its __init__.py "
        "import it; if not, let cron run purge_expired_tokens, rotate_signing_key and "
        "warn_of_expiring_credentials."
    )
    assert examine().of("broker") == [("ok", told)]


def test_connects(celery_app, tmp_path):
    folders = dict.fromkeys(("data_folder_in", "data_folder_out"), str(tmp_path))
    celery_app(broker_url="filesystem://", broker_transport_options=folders, beat_schedule=SCHEDULE)
    scheduled, connects = examine().of("broker")
    assert (scheduled, connects[0]) == (SCHEDULED, "ok")
    assert re.fullmatch(r"It connects by filesystem, in [0-9]+\.[0-9] ms\.", connects[1])


def test_memory_of_one_process(celery_app):
    celery_app(broker_url="memory://", beat_schedule=SCHEDULE)
    report = examine()
    told = "Tasks are kept in the memory of the process that sends them, where no worker is."
    assert report.of("broker")[-1] == ("warning", told)
    assert report.hint("broker").startswith("Let broker_url name a broker ")


class TestSchedule:
    def test_lacks_all(self, celery_app):
        celery_app(broker_url="filesystem://", beat_schedule={"other": {"task": "reports.send"}})
        report = examine()
        told = (
            "Celery beat's schedule lacks token_exchange.tasks.purge_expired_tokens and "
            "token_exchange.tasks.rotate_signing_keys and "
            "token_exchange.tasks.warn_of_expiring_credentials."
        )
        assert report.of("broker")[0] == ("warning", told)
        assert report.hint("broker") == (
            f"Add an entry for each to beat_schedule, such as {PURGE}; or let cron run the command."
        )

    def test_lacks_the_rotation(self, celery_app):
        celery_app(broker_url="memory://", beat_schedule={"purge": PURGE, "warn": WARN})
        told = "Celery beat's schedule lacks token_exchange.tasks.rotate_signing_keys."
        assert examine().of("broker")[0] == ("warning", told)

    @pytest.mark.parametrize("lifetime", [None, -1], ids=["only-you-rotate", "unreadable"])
    def test_needs_no_rotation_where_there_is_no_lifetime(
        self, celery_app, token_exchange_settings, lifetime
    ):
        token_exchange_settings(SIGNING_KEY_LIFETIME=lifetime)
        celery_app(broker_url="memory://", beat_schedule={"purge": PURGE, "warn": WARN})
        assert examine().of("broker")[0] == SCHEDULED

    @pytest.mark.parametrize("warnings", [[], "soon"], ids=["none", "unreadable"])
    def test_needs_no_warnings_where_there_are_none(
        self, celery_app, token_exchange_settings, warnings
    ):
        token_exchange_settings(EXPIRY_WARNINGS=warnings)
        celery_app(broker_url="memory://", beat_schedule={"purge": PURGE, "rotate": ROTATE})
        assert examine().of("broker")[0] == SCHEDULED

    def test_that_is_elsewhere_is_not_judged(self, celery_app):
        scheduler = "django_celery_beat.schedulers:DatabaseScheduler"
        celery_app(broker_url="memory://", beat_scheduler=scheduler)
        told = f"The schedule is with {scheduler}, and not looked into."
        assert examine().of("broker")[0] == ("ok", told)


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
class TestAway:
    def test_refused_is_told_without_the_password(self, celery_app, closed_port, scheme):
        celery_app(broker_url=f"{scheme}://user:secret-of-the-broker@127.0.0.1:{closed_port}//")
        report = examine()
        level, text = report.of("broker")[-1]
        assert level == "error"
        assert text.startswith("It failed: Connection")
        assert "efused" in text
        assert "secret-of-the-broker" not in repr(report)

    def test_never_answers(self, celery_app, silent_port, scheme):
        celery_app(
            broker_url=f"{scheme}://127.0.0.1:{silent_port}//",
            broker_transport_options={"socket_timeout": 60},
            broker_connection_timeout=60,
        )
        told = ("error", "No answer within 0.2 s.")
        assert last_of("broker", timeout_seconds=0.2) == told


def test_an_address_that_cannot_be_read_is_not_quoted(celery_app):
    celery_app(broker_url="redis://:hushed/of-the-broker@127.0.0.1:1/0")
    report = examine()
    told = "It failed: ValueError (its text may quote a password, and is not shown)"
    assert report.of("broker")[-1] == ("error", told)
    assert "hushed" not in repr(report)
