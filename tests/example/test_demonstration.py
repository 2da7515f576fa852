"""The demonstration's messages for arguments and settings that it cannot use."""

from __future__ import annotations

import os
import sys

import pytest

from tests.support.paths import ROOT
from tests.support.subprocesses import run_python
from token_exchange_core.secret_strings import parse_secret

pytestmark = pytest.mark.processes

SCRIPTS = ROOT / "scripts"

SERVICE = """
import sys, tempfile
from pathlib import Path
from demonstration.server import ServiceFailed
from demonstration.service import Service
with tempfile.TemporaryDirectory() as folder:
    service = Service(Path(sys.executable), Path(folder), port=8000, database_url={})
    try:
        print({})
    except ServiceFailed as failure:
        print(failure)
"""


def said(database_url: str | None, expression: str) -> list[str]:
    """Return the lines of what the demonstration's service says."""
    path = os.pathsep.join([str(SCRIPTS), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    program = SERVICE.format(repr(database_url), expression)
    done = run_python("-c", program, env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("port", ["99999", "0", "-1", "x", "8000.0", "", "²", "9" * 5000])
def test_a_number_that_is_no_port(port):
    done = run_python(str(SCRIPTS / "demo.py"), f"--port={port}", env=dict(os.environ))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == (
        "demo.py: error: argument --port: a port is a number from 1 to 65535"
    )


def test_a_text_that_is_no_url_of_a_database():
    assert said("foo", "service.manage('migrate', '--no-input')") == [
        "manage.py migrate --no-input failed:",
        "DATABASE_URL must be a URL such as postgres://user:password@host/name.",
    ]


def test_a_complaint_without_a_traceback_is_told_whole():
    assert said(None, "service.manage('create_organization', '--slug', 'x')") == [
        "manage.py create_organization --slug x failed:",
        "CommandError: the following arguments are required: name",
    ]


def test_a_key_that_never_was_is_well_formed():
    (key,) = said(None, "service.draw_key()")
    assert parse_secret(key, prefix="sk_live").identifier == key.rpartition(".")[0]


SIGNATURES = """
from demonstration.es256 import decode, is_signed
from token_exchange_core.keys import SigningKey
for _ in range(10):
    key = SigningKey.generate("ES256")
    signed, _, signature = key.sign("a.b").rpartition(".")
    jwk = key.public.public_jwk
    print(is_signed(signed, decode(signature), jwk), is_signed("a.c", decode(signature), jwk))
"""


def test_signature_check_agrees_with_the_library():
    path = os.pathsep.join([str(SCRIPTS), *filter(None, sys.path)])
    done = run_python("-c", SIGNATURES, env={**os.environ, "PYTHONPATH": path})
    assert (done.stderr, set(done.stdout.splitlines())) == ("", {"True False"})
