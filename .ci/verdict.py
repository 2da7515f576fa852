"""What do the reports of all test runs say together?

``verdict.py totals DIRECTORY`` prints how many tests passed and failed. ``verdict.py skips
DIRECTORY`` fails if a test ran nowhere, or if a race was not run on PostgreSQL.
"""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Iterator
from xml.etree import ElementTree as ET

RACES = "tests.concurrency."


def cases(directory: pathlib.Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the outcome of each test in each report below ``directory``."""
    for report in sorted(directory.rglob("*.xml")):
        for case in ET.parse(report).iter("testcase"):
            outcomes = {child.tag for child in case} & {"failure", "error", "skipped"}
            outcome = "failed" if outcomes & {"failure", "error"} else "passed"
            name = f"{case.get('classname')}.{case.get('name')}"
            yield name, "skipped" if outcomes == {"skipped"} else outcome


def totals(directory: pathlib.Path) -> int:
    """Print the sums in pytest's words."""
    outcomes = [outcome for _, outcome in cases(directory)]
    print(f"{outcomes.count('passed')} passed, {outcomes.count('failed')} failed")
    return 0


def skips(directory: pathlib.Path) -> int:
    """Return 1, and say why, if a test was run nowhere, or a race not on PostgreSQL."""
    everywhere = list(cases(directory))
    ran = {name for name, outcome in everywhere if outcome != "skipped"}
    complaints = [f"skipped everywhere: {name}" for name, _ in everywhere if name not in ran]
    postgresql = list(cases(directory / "postgresql"))
    races = [(name, outcome) for name, outcome in postgresql if name.startswith(RACES)]
    complaints += [f"no race on PostgreSQL: {name}" for name, how in races if how == "skipped"]
    if not races:
        complaints.append(f"no test of {RACES[:-1]} in the reports from PostgreSQL")
    for complaint in sorted(set(complaints)):
        print(complaint)
    print(f"{len(ran)} tests, {len({name for name, _ in races})} of them races on PostgreSQL")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit({"totals": totals, "skips": skips}[sys.argv[1]](pathlib.Path(sys.argv[2])))
