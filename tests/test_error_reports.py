"""Error reports: what sentry-sdk sends of exchanges that fail, and docs/error-reporting.md."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.secrecy.frames import secrets_in_text
from tests.support.paths import DOCS
from tests.support.subprocesses import environment, run_python

(BLOCK,) = re.findall(
    r"```python\n(.*?)```", (DOCS / "error-reporting.md").read_text(encoding="utf-8"), re.DOTALL
)


def events_of(page: str = "", **options: Any) -> list[dict[str, Any]]:
    finished = run_python(
        "-m",
        "tests.secrecy.sentry_program",
        env=environment(),
        text=json.dumps({"page": page, "options": options}),
    )
    assert finished.returncode == 0, finished.stderr
    events: list[dict[str, Any]] = json.loads(finished.stdout)
    return events


def frames_of(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return every frame with its variables: of exceptions, threads and log messages."""
    holders = [
        holder
        for event in events
        for name in ("exception", "threads")
        for holder in event.get(name, {}).get("values", [])
    ]
    return [frame for each in holders for frame in each.get("stacktrace", {}).get("frames", [])]


@pytest.mark.processes
@pytest.mark.parametrize("options", [{}, {"attach_stacktrace": True, "max_value_length": 10**6}])
def test_no_frame_that_sentry_sends_shows_a_secret(options):
    frames = frames_of(events_of(**options))
    assert len([each for each in frames if each["module"].startswith("token_exchange")]) > 50
    assert any("vars" in each for each in frames)
    shown = [
        (each["module"], each["function"], name)
        for each in frames
        # The tests' own frames hold the requests that they send.
        if not each["module"].startswith(("tests.", "__main__", "django.test"))
        for name, value in each.get("vars", {}).items()
        if name not in {"environ", "scope"} and secrets_in_text(json.dumps(value))
    ]
    assert shown == []


@pytest.mark.processes
def test_before_send_of_the_page_leaves_no_secret_in_a_report():
    assert secrets_in_text(json.dumps([each["request"] for each in events_of()]))
    events = events_of(BLOCK)
    assert len(events) > 10
    sent = {each["request"]["url"] for each in events if each["request"].get("data")}
    assert sent == set()
    for each in frames_of(events):
        if each["module"].startswith(("tests.", "__main__", "django.test")):
            each["vars"] = {}
    assert secrets_in_text(json.dumps(events)) == []
