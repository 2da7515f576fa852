"""What do the pages look like? Takes the pictures of the documentation, all of them anew.

Needs a Python of 3.11 or newer and Chromium. The pages are those of a site that lives as long as
the command does: its database is made for it in memory, its clock stands still, and a secret that
a picture shows never opened anything.
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
