"""Installed core in an environment without a framework, where its tests run."""

from __future__ import annotations

import importlib.util
import sys
import sysconfig
from pathlib import Path

import token_exchange_core
import token_exchange_core.remote

FRAMEWORKS = ("django", "rest_framework", "celery")


def main() -> None:
    """Exit with a message if a framework is installed, or if the core is not the wheel's."""
    if installed := [name for name in FRAMEWORKS if importlib.util.find_spec(name)]:
        sys.exit(f"Installed beside the core: {', '.join(installed)}.")
    location = Path(token_exchange_core.__file__).parent
    if not location.is_relative_to(sysconfig.get_path("purelib")):
        sys.exit(f"Imported from {location} and not from the wheel.")
    print(f"token_exchange_core is imported from {location}.")


if __name__ == "__main__":
    main()
