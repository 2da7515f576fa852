"""Command that takes the screenshots and prints their sizes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from photography.studio import studio
from tests.support.browser import chromium

ROOT = Path(__file__).resolve().parent.parent.parent
PICTURES = ROOT / "docs" / "screenshots"


def main() -> int:
    """Take all pictures, or those whose names are given; return 1 if a page had a fault."""
    parser = argparse.ArgumentParser(prog="screenshots.py", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a picture, without .png")
    wanted = parser.parse_args().names
    if chromium.chromium() is None:
        sys.exit("Chromium is needed: Debian's package `chromium`, or its path in CHROMIUM.")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with studio() as photographer:
        from photography.subjects import SUBJECTS  # noqa: PLC0415 - waits for Django

        for name, subject in SUBJECTS.items():
            if not wanted or name in wanted:
                size = photographer.take(subject, PICTURES / f"{name}.png")
                print(f"{size / 1000:6.1f} kB  {name}")
    for complaint in photographer.complaints:
        print(complaint, file=sys.stderr)
    total = sum(each.stat().st_size for each in PICTURES.glob("*.png"))
    print(f"{total / 1000:6.1f} kB in {PICTURES.relative_to(ROOT)}")
    return 1 if photographer.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
