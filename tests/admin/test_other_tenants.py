"""A project that has a tenant model of its own, which the admin does not know."""

from __future__ import annotations

import json

import pytest

from tests.support.subprocesses import environment, run_python


@pytest.mark.processes
def test_the_desk_works_with_tenants_that_have_another_kind_of_key():
    env = environment(DJANGO_SETTINGS_MODULE="tests.tenants.settings")
    finished = run_python("-m", "tests.admin.other_tenants", env=env)
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout) == {
        "shown": [
            "APIKey",
            "AccessToken",
            "AuditEvent",
            "ClientApp",
            "Dashboard",
            "Group",
            "SigningKey",
            "User",
        ],
        "widget": "ForeignKeyRawIdWidget",
        "title": "API key issued",
        "found": ["Nightly"],
        "recorded": [["credential.issued", True]],
        "nonsense": "/admin/token_exchange/apikey/?e=1",
        "beyond": {
            "offered": ["Example"],
            "refused": ["organization"],
            "rotate": 404,
            "found": [],
            "events": ["credential.issued"],
            "told": [False] * 5,
        },
    }
