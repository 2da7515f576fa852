"""Subjects of the commits that a change adds: imperative, and at most 72 characters long.

Checked are the commits after the one that added this file, or after the one that the variable
GATE_BASE names. Older commits are exempt.
"""

from __future__ import annotations

import os
import subprocess
import sys

MAX_LENGTH = 72
ENDINGS = ("ing", "ed", "s")
"""How a verb ends that is no imperative: "Adding", "Added", "Adds"."""
IMPERATIVES = {
    *("Bring", "Ping", "String", "Ring", "Spring"),
    *("Embed", "Exceed", "Feed", "Need", "Proceed", "Seed", "Shed", "Speed", "Succeed"),
    *("Alias", "Bias", "Focus"),
}
"""Imperatives that end like that."""


def main() -> int:
    """Print what is wrong with each subject, and return 1 if something is."""
    base = os.environ.get("GATE_BASE") or _git(
        "log", "--diff-filter=A", "--format=%H", "--max-count=1", "--", ".ci/commits.py"
    )
    commits = _git("log", "--no-merges", "--format=%h %s", f"{base}..HEAD" if base else "HEAD")
    problems = [
        f"{commit}: {subject}\n    {problem}"
        for commit, _, subject in (line.partition(" ") for line in commits.splitlines())
        for problem in problems_of(subject)
    ]
    print(*problems, f"{len(commits.splitlines())} commits checked", sep="\n")
    return 1 if problems else 0


def problems_of(subject: str) -> list[str]:
    """Return what is wrong with a subject."""
    verb = subject.partition(" ")[0]
    problems = []
    if len(subject) > MAX_LENGTH:
        problems.append(f"has {len(subject)} characters; {MAX_LENGTH} are allowed")
    if subject.endswith("."):
        problems.append("ends with a period")
    if not verb[:1].isupper():
        problems.append("does not begin with a capital letter")
    if verb.endswith(ENDINGS) and not verb.endswith("ss") and verb not in IMPERATIVES:
        problems.append(f'"{verb}" is no imperative')
    return problems


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
