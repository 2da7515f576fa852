"""Virtual environments of the scripts: ``.venv-<name>``, with this project installed."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pathlib
import subprocess
import sys
import venv
from collections.abc import Sequence

ROOT = pathlib.Path(__file__).resolve().parent.parent
OLDEST_PYTHON = (3, 11)
# The first with support for dependency groups.
PIP = "pip>=25.1"
BUILD_FILES = ("pyproject.toml", "core/pyproject.toml", "hatch_build.py")
"""The files that define what is installed."""


def ensure(name: str, *, extras: Sequence[str] = (), groups: Sequence[str] = ()) -> pathlib.Path:
    """Return the python of ``.venv-<name>``, and create the environment if it is out of date.

    Raises SystemExit with a message for the user if this machine cannot create it.
    """
    _require_python()
    home = ROOT / f".venv-{name}"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = home / "made-from"
    wanted = _fingerprint(extras, groups)
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    project = f".[{','.join(extras)}]" if extras else "."
    requested = ["-e", project, *(word for group in groups for word in ("--group", group))]
    print(f"Creating {home.name} with Python {sys.version.split()[0]} ...", flush=True)
    venv.create(home, clear=True, with_pip=True)
    _pip(python, "--upgrade", PIP)
    print(f"Installing {' '.join(requested)} (about a minute, only once) ...", flush=True)
    _pip(python, *requested)
    # The command above installs a copy of the core, which would not follow changes in core/.
    _pip(python, "--no-deps", "-e", "./core")
    # Written last, so that an environment whose creation was interrupted is created again.
    stamp.write_text(wanted)
    return python


def _require_python() -> None:
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        sys.exit(
            f"Python {wanted} or newer is needed; {sys.executable} is {sys.version.split()[0]}."
        )
    if importlib.util.find_spec("ensurepip") is None:
        # Debian and its derivatives ship the venv module without ensurepip.
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        sys.exit(
            f"{sys.executable} cannot create virtual environments: its ensurepip module is "
            f"missing. On Debian and Ubuntu: apt-get install python{version}-venv"
        )


def _fingerprint(extras: Sequence[str], groups: Sequence[str]) -> str:
    """Return a digest of everything that the environment is created from."""
    # The folder is part of it, because the scripts in an environment contain its path.
    request = repr((str(ROOT), sys.base_prefix, sys.version, tuple(extras), tuple(groups)))
    digest = hashlib.sha256(request.encode())
    for name in BUILD_FILES:
        digest.update(b"\0" + (ROOT / name).read_bytes())
    return digest.hexdigest()


def _pip(python: pathlib.Path, *arguments: str) -> None:
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    done = subprocess.run([*command, *arguments], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(f"pip could not install {' '.join(arguments)}; see its output above.")
