"""Contents of a wheel, compared with the files of its package that git tracks."""

from __future__ import annotations

import fnmatch
import re
import subprocess
import sys
import zipfile
from pathlib import Path

FOLDERS = {"django_token_exchange": ".", "token_exchange_core": "core"}
"""The folder of each distribution's package."""
PACKAGES = {"django_token_exchange": "token_exchange", "token_exchange_core": "token_exchange_core"}
PATTERNS = {
    "django_token_exchange": (
        "py.typed",
        "migrations/0001_*.py",
        "templates/*.html",
        "static/*",
        "views/openapi.json",
        "management/commands/*.py",
    ),
    "token_exchange_core": ("py.typed", "remote/*.py"),
}
"""What each wheel must contain in any case."""


def main(wheel: Path) -> int:
    """Print every difference, and return 1 if there is one."""
    distribution, version = wheel.name.split("-")[:2]
    package = PACKAGES[distribution]
    with zipfile.ZipFile(wheel) as archive:
        contained = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = archive.read(f"{distribution}-{version}.dist-info/METADATA").decode()
    tracked = _tracked(FOLDERS[distribution], package)
    problems = [f"missing: {name}" for name in sorted(tracked - contained)]
    problems += [f"unexpected: {name}" for name in sorted(contained - tracked)]
    problems += [
        f"nothing matches {pattern}"
        for pattern in PATTERNS[distribution]
        if not fnmatch.filter(contained, f"{package}/{pattern}")
    ]
    if distribution == "django_token_exchange":
        problems += _problems_of_requirements(metadata, version)
    print(*problems, f"{len(contained)} files in {wheel.name}", sep="\n")
    return 1 if problems else 0


def _tracked(folder: str, package: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", package],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return set(listed.stdout.split("\0")) - {""}


def _problems_of_requirements(metadata: str, version: str) -> list[str]:
    """Check that the core is required in this very version, and nothing by its path."""
    required = re.findall(r"^Requires-Dist: (.*)$", metadata, re.MULTILINE)
    problems = [f"requires a path: {each}" for each in required if "@" in each]
    if f"token-exchange-core=={version}" not in required:
        problems.append(f"does not require token-exchange-core=={version}")
    return problems


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
