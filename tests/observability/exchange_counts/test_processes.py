"""Counts of processes that fork or exit."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing

import pytest

from tests.support.paths import ROOT
from tests.support.subprocesses import environment, run_python

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("count_processes")]


SETUP = """
import os, django
django.setup()
from django.core.signals import request_finished
from django.db import connection
from token_exchange.observability import exchange_counts

def exchange(count):
    for _ in range(count):
        exchange_counts.count("exchanged", now=1_900_000_000, organization_id=1, identifier="id")

def respond():
    request_finished.send(sender=None)
"""

SHOW = "SELECT identifier, count FROM token_exchange_hourlycount ORDER BY identifier"


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """Return a migrated database without rows."""
    path = tmp_path_factory.mktemp("migrated") / "db.sqlite3"
    env = environment(ROOT, DATABASE_URL=f"sqlite:///{path}")
    done = run_python("-m", "django", "migrate", "-v0", env=env)
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture
def run(tmp_path, migrated):
    """Run a program with a new database, and return the counts in it."""
    path = shutil.copy(migrated, tmp_path)
    env = environment(ROOT, DATABASE_URL=f"sqlite:///{path}")

    def run(program):
        done = run_python("-c", SETUP + program, env=env)
        assert done.returncode == 0, done.stderr
        with closing(sqlite3.connect(path)) as database:
            return dict(database.execute(SHOW))

    return run


def test_first_counts_are_written_at_once_and_the_last_at_exit(run):
    assert run("exchange(1); respond(); exchange(2); respond()") == {"": 3, "id": 3}


def test_killed_process_loses_its_last_counts(run):
    program = "exchange(1); respond(); exchange(2); respond(); os._exit(0)"
    assert run(program) == {"": 1, "id": 1}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_forked_child_writes_only_its_own_counts(run):
    fork = """
exchange(1); respond(); exchange(2)
connection.close()
if os.fork() == 0:
    exchange(10); respond()
else:
    os.wait()
"""
    assert run(fork) == {"": 13, "id": 13}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_forked_child_does_not_wait_for_a_lock_of_its_parent(run):
    """The parent holds the lock until the child has exited."""
    fork = """
with exchange_counts._pending._lock:
    child = os.fork()
    if child == 0:
        exchange(10); respond()
        connection.close()
        exchange_counts.flush()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""
    assert run(fork) == {"": 10, "id": 10}


def test_test_run_of_a_project_does_not_write_to_its_own_database(run):
    """NAME is the test database until the tests end, and then the project's own."""
    program = """
settings_dict = connection.settings_dict
name, settings_dict["NAME"] = settings_dict["NAME"], settings_dict["NAME"] + "-of-the-tests"
exchange(1); respond()
connection.close()
settings_dict["NAME"] = name
"""
    assert run(program) == {}
