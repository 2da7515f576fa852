"""Screenshots of the documentation.

Needs Python 3.11 or newer and Chromium. The pages come from a site that exists only while the
command runs: its database is in memory, its clock stands still, and the secrets in the pictures
have never been valid anywhere.
"""

from __future__ import annotations

import os
import subprocess
import sys

import environment


def main() -> int:
    """Make the environment, and let the photographer work in it."""
    groups = ["test", "browser", "screenshots"]
    python = environment.ensure("screenshots", extras=["example"], groups=groups)
    folders = [environment.ROOT, environment.ROOT / "scripts", environment.ROOT / "example_project"]
    # What is meant for another project must not lead there.
    others = {"DATABASE_URL", "CACHE_URL"}
    variables = {
        **{name: value for name, value in os.environ.items() if name not in others},
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
    }
    command = [str(python), "-m", "photography", *sys.argv[1:]]
    return subprocess.run(command, cwd=environment.ROOT, env=variables, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
