"""Users and organizations that a project's managers hide, in a project of its own."""

from __future__ import annotations

import json

import pytest

from tests.support.subprocesses import environment, run_python

pytestmark = pytest.mark.processes

OF_USER = {
    "exchange a key",
    "a key directly",
    "a user's token",
    "self-service by token",
    "self-service by session",
    "feed: user",
    "live tokens of the key",
    "warnings",
    "choice of the admin: user",
    "command: user",
}
OF_TENANT = {
    "exchange a key",
    "exchange an app",
    "a key directly",
    "an app directly",
    "a user's token",
    "a machine's token",
    "self-service by token",
    "feed: organization",
    "live tokens of the key",
    "live tokens of the app",
    "warnings",
    "choice of the admin: organization",
    "command: user",
    "command: organization",
}
ALL = OF_USER | OF_TENANT
# Django signs nobody in whom the default manager hides, and commands ask it for a user's name.
BY_THE_DEFAULT = {"self-service by session", "command: user"}
PROGRAM = """
import django
django.setup()
from tests.soft_deletion import program
program.run()
"""
DELETED, RESTORED = -1, None


def run(steps, **variables):
    """Return the open doors before and after each step; see ``tests.soft_deletion.program``."""
    project = environment(DJANGO_SETTINGS_MODULE="tests.soft_deletion.settings", **variables)
    program = (
        "import django; django.setup(); from tests.soft_deletion import program; program.run()"
    )
    finished = run_python("-c", program, env=project, text=json.dumps(steps))
    assert finished.returncode == 0, finished.stderr
    *doors, reads = json.loads(finished.stdout)
    assert reads == 1
    return [set(each) for each in doors]


@pytest.mark.parametrize("variables", [{}, {"MANAGER": "objects"}, {"MANAGER": "timed"}])
def test_who_is_hidden_is_refused_and_works_again_when_restored(variables):
    steps = [("member", DELETED), ("member", RESTORED), ("tenant", DELETED), ("tenant", RESTORED)]
    before, no_member, member, no_tenant, after = run(steps, **variables)
    assert [before, member, after] == [ALL] * 3
    assert sorted(ALL - no_member) == sorted(OF_USER)
    assert sorted(ALL - no_tenant) == sorted(OF_TENANT)


def test_manager_that_depends_on_the_time_is_asked_each_time():
    steps = [("member", 60), ("wait", 59), ("wait", 1), ("tenant", 120), ("wait", 60)]
    before, soon, just, no_member, still, neither = run(steps, MANAGER="timed")
    assert before == ALL
    assert [soon, just] == [ALL - BY_THE_DEFAULT] * 2
    assert [no_member, still] == [ALL - OF_USER] * 2
    assert neither == ALL - OF_USER - OF_TENANT


def test_named_manager_decides_and_not_the_default_one():
    _, no_member, no_tenant = run([("member", DELETED), ("tenant", DELETED)], MANAGER="everyone")
    assert [no_member, no_tenant] == [ALL - BY_THE_DEFAULT] * 2
