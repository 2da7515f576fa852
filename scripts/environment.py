"""Where is a Python that has this project installed, and who makes it when there is none?"""

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
# The first that knows dependency groups.
PIP = "pip>=25.1"


def ensure(name: str, *, extras: Sequence[str] = (), groups: Sequence[str] = ()) -> pathlib.Path:
    """Return the python of ``.venv-<name>``, made anew when pyproject.toml or the request changed.

    Raises SystemExit with a sentence for a person when this machine cannot make it.
    """
    _require_python()
    home = ROOT / f".venv-{name}"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = home / "made-from"
    wanted = _fingerprint(extras, groups)
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    project = f".[{','.join(extras)}]" if extras else "."
    wishes = ["-e", project, *(word for group in groups for word in ("--group", group))]
    print(f"Making {home.name} with Python {sys.version.split()[0]} ...", flush=True)
    venv.create(home, clear=True, with_pip=True)
    _pip(python, "--upgrade", PIP)
    print(f"Installing {' '.join(wishes)} (a minute or so, this once) ...", flush=True)
    _pip(python, *wishes)
    # Last: an environment whose making was broken off has no stamp, and is made anew.
    stamp.write_text(wanted)
    return python


def _require_python() -> None:
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        sys.exit(
            f"Python {wanted} or newer is needed; {sys.executable} is {sys.version.split()[0]}."
        )
    if importlib.util.find_spec("ensurepip") is None:
        # Debian and its children ship the venv module without what it needs.
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        sys.exit(
            f"{sys.executable} cannot make virtual environments: its ensurepip module is missing. "
            f"On Debian and Ubuntu: apt-get install python{version}-venv"
        )


def _fingerprint(extras: Sequence[str], groups: Sequence[str]) -> str:
    """Digest everything that the environment is made from."""
    # The place counts, because the scripts in an environment name it.
    request = repr((str(ROOT), sys.base_prefix, sys.version, tuple(extras), tuple(groups)))
    pyproject = (ROOT / "pyproject.toml").read_bytes()
    return hashlib.sha256(request.encode() + b"\0" + pyproject).hexdigest()


def _pip(python: pathlib.Path, *arguments: str) -> None:
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    done = subprocess.run([*command, *arguments], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(f"pip could not install {' '.join(arguments)}; what it said is above.")
