"""Does the wheel hold all of the package, and nothing else?"""

from __future__ import annotations

import fnmatch
import subprocess
import sys
import zipfile

PACKAGE = "token_exchange"
KINDS = (
    "py.typed",
    "migrations/0001_*.py",
    "templates/*.html",
    "static/*",
    "views/openapi.json",
    "management/commands/*.py",
)


def main(wheel: str) -> int:
    """Compare the wheel's files with those that git keeps of the package."""
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", PACKAGE], check=True, capture_output=True, text=True
    )
    kept = set(listed.stdout.split("\0")) - {""}
    complaints = [f"missing: {name}" for name in sorted(kept - held)]
    complaints += [f"does not belong there: {name}" for name in sorted(held - kept)]
    complaints += [f"nothing like {kind}" for kind in KINDS if not has(held, kind)]
    print(*complaints, f"{len(held)} files in {wheel.rpartition('/')[2]}", sep="\n")
    return 1 if complaints else 0


def has(names: set[str], kind: str) -> bool:
    """Tell whether one of the package's files looks like ``kind``."""
    return bool(fnmatch.filter(names, f"{PACKAGE}/{kind}"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
