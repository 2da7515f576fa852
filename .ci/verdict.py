"""Summary of the JUnit reports of all test runs.

``verdict.py totals DIRECTORY`` prints how many tests passed and failed. ``verdict.py skips
DIRECTORY`` fails if a test was skipped in every run, or if a race did not run on PostgreSQL.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

RACES = "tests.concurrency."


def cases(directory: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the outcome of each test in each report below ``directory``."""
    for report in sorted(directory.rglob("*.xml")):
        for case in ET.parse(report).iter("testcase"):
            outcomes = {child.tag for child in case} & {"failure", "error", "skipped"}
            outcome = "failed" if outcomes & {"failure", "error"} else "passed"
            name = f"{case.get('classname')}.{case.get('name')}"
            yield name, "skipped" if outcomes == {"skipped"} else outcome


def totals(directory: Path) -> int:
    """Print the totals as pytest does."""
    outcomes = [outcome for _, outcome in cases(directory)]
    print(f"{outcomes.count('passed')} passed, {outcomes.count('failed')} failed")
    return 0


def skips(directory: Path) -> int:
    """Print which tests ran nowhere and which races not on PostgreSQL; return 1 if any."""
    everywhere = list(cases(directory))
    ran = {name for name, outcome in everywhere if outcome != "skipped"}
    problems = [f"skipped everywhere: {name}" for name, _ in everywhere if name not in ran]
    postgresql = list(cases(directory / "postgresql"))
    races = [(name, outcome) for name, outcome in postgresql if name.startswith(RACES)]
    problems += [f"not run on PostgreSQL: {name}" for name, how in races if how == "skipped"]
    if not races:
        problems.append(f"no test of {RACES[:-1]} in the reports from PostgreSQL")
    for problem in sorted(set(problems)):
        print(problem)
    print(f"{len(ran)} tests, {len({name for name, _ in races})} of them races on PostgreSQL")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit({"totals": totals, "skips": skips}[sys.argv[1]](Path(sys.argv[2])))
