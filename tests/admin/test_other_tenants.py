"""A project that has a tenant model of its own, which the admin does not know."""

from __future__ import annotations

import json
import os
import subprocess
import sys


def test_the_desk_works_with_tenants_that_have_another_kind_of_key():
    finished = subprocess.run(
        [sys.executable, "-m", "tests.admin.other_tenants"],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "DATABASE_URL": "sqlite://:memory:",
            "CACHE_URL": "locmemcache://",
            "DJANGO_SETTINGS_MODULE": "tests.tenants.settings",
        },
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout) == {
        "shown": ["APIKey", "AccessToken", "ClientApp", "Group", "SigningKey", "User"],
        "widget": "ForeignKeyRawIdWidget",
        "title": "API key issued",
        "found": ["Nightly"],
        "nonsense": "/admin/token_exchange/apikey/?e=1",
    }
