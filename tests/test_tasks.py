"""Celery tasks."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Timer

import pytest
import time_machine
from celery import current_app

from tests.support.factories import make_api_key, make_token
from tests.support.subprocesses import environment, run_python
from token_exchange import tasks
from token_exchange.models import AccessToken, SigningKey

NOW = datetime(2026, 1, 1, tzinfo=UTC)


LONG_AGO = NOW - timedelta(days=9)


@pytest.mark.django_db
class TestPurgeExpiredTokens:
    def test_has_a_stable_name(self):
        task = current_app.tasks["token_exchange.tasks.purge_expired_tokens"]
        assert task.name == tasks.purge_expired_tokens.name
        assert task.ignore_result is True

    def test_purges(self):
        make_token(expires_at=LONG_AGO)
        live = make_token(expires_at=NOW)
        with time_machine.travel(NOW, tick=False):
            assert tasks.purge_expired_tokens.apply().get() == 1
        assert AccessToken.objects.get() == live

    def test_takes_its_time_budget_in_seconds(self):
        make_token(expires_at=LONG_AGO)
        with time_machine.travel(NOW, tick=False):
            assert tasks.purge_expired_tokens.apply(kwargs={"time_budget_seconds": 0}).get() == 0
            assert tasks.purge_expired_tokens.apply(args=[60]).get() == 1

    def test_tells_celery_of_a_failure(self):
        make_token(expires_at=NOW)
        result = tasks.purge_expired_tokens.apply(kwargs={"time_budget_seconds": "soon"})
        assert result.failed()


@pytest.mark.django_db
class TestRotateSigningKeys:
    def test_has_a_stable_name(self):
        task = current_app.tasks["token_exchange.tasks.rotate_signing_keys"]
        assert task.name == tasks.rotate_signing_keys.name
        assert task.ignore_result is True

    def test_rotates_when_it_is_time(self):
        SigningKey.objects.update(activates_at=NOW - timedelta(days=90))
        with time_machine.travel(NOW, tick=False):
            kid = tasks.rotate_signing_keys.apply().get()
            assert kid == SigningKey.objects.get(sequence=2).kid
            assert tasks.rotate_signing_keys.apply().get() is None
        assert SigningKey.objects.count() == 2


@pytest.mark.django_db
class TestWarnOfExpiringCredentials:
    def test_has_a_stable_name(self):
        task = current_app.tasks["token_exchange.tasks.warn_of_expiring_credentials"]
        assert task.name == tasks.warn_of_expiring_credentials.name
        assert task.ignore_result is True

    def test_warns(self):
        make_api_key(now=LONG_AGO, expires_at=NOW + timedelta(hours=1))
        with time_machine.travel(NOW, tick=False):
            assert tasks.warn_of_expiring_credentials.apply().get() == 1
            assert tasks.warn_of_expiring_credentials.apply().get() == 0

    def test_takes_its_time_budget_in_seconds(self):
        make_api_key(now=LONG_AGO, expires_at=NOW + timedelta(hours=1))
        with time_machine.travel(NOW, tick=False):
            assert tasks.warn_of_expiring_credentials.apply(args=[0]).get() == 0


WORKER = """
from celery import Celery
app = Celery("project")
app.conf.update(json.loads(os.environ["CELERY_SETTINGS"]))
app.autodiscover_tasks()
"""
"""What a project writes to have a worker."""


@pytest.mark.processes
class TestRealWorker:
    """Message broker, worker process and database are what a small project would have."""

    @pytest.fixture
    def project(self, tmp_path):
        (tmp_path / "project.py").write_text(f"import json, os\n{WORKER}")
        for name in ("queue", "control"):
            (tmp_path / name).mkdir()
        celery_settings = {
            "broker_url": "filesystem://",
            "broker_transport_options": {
                "data_folder_in": str(tmp_path / "queue"),
                "data_folder_out": str(tmp_path / "queue"),
                "control_folder": str(tmp_path / "control"),
            },
        }
        env = environment(
            tmp_path,
            DATABASE_URL=f"sqlite:///{tmp_path / 'db.sqlite3'}",
            CELERY_SETTINGS=json.dumps(celery_settings),
        )

        def run(*arguments: str) -> str:
            finished = run_python(*arguments, env=env, folder=tmp_path)
            assert finished.returncode == 0, finished.stderr
            return finished.stdout

        @contextmanager
        def worker():
            arguments = ("worker", "--pool", "solo", "--loglevel", "INFO")
            with subprocess.Popen(
                [sys.executable, "-m", "celery", "--app", "project", *arguments],
                env=env,
                cwd=tmp_path,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            ) as process:
                watchdog = Timer(60, process.kill)
                watchdog.start()
                try:
                    yield process.stderr
                finally:
                    watchdog.cancel()
                    process.terminate()
                    process.communicate(timeout=30)

        return run, worker

    def test_finds_the_task_and_purges(self, project):
        run, worker = project
        run("-c", MAKE_TOKENS_AND_ASK_FOR_A_PURGE)
        with worker() as log:
            done = next((line for line in log if "succeeded" in line or "raised" in line), "")
        assert f"Task {TASK}[" in done
        assert done.endswith(": 1\n")
        assert run("-c", SHOW_TOKENS) == "['live']\n"


TASK = "token_exchange.tasks.purge_expired_tokens"
SETUP = "import django; django.setup()\n"
MAKE_TOKENS_AND_ASK_FOR_A_PURGE = (
    SETUP
    + f"""
from datetime import timedelta
from django.core.management import call_command
from django.utils.timezone import now
from project import app
from tests.support.factories import make_token
call_command("migrate", verbosity=0)
make_token(jti="dead", expires_at=now() - timedelta(days=9))
make_token(jti="live")
app.send_task({TASK!r})
"""
)
SHOW_TOKENS = SETUP + (
    "from token_exchange.models import AccessToken; "
    "print(list(AccessToken.objects.values_list('jti', flat=True)))"
)
