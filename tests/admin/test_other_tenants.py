"""The admin in a project with an organization model of its own."""

from __future__ import annotations

import json

import pytest

from tests.support.subprocesses import environment, run_python


@pytest.mark.processes
def test_admin_works_with_another_primary_key_type():
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
