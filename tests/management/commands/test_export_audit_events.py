"""The command export_audit_events, and its progress on a terminal."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import sys
from contextlib import suppress
from datetime import timedelta

import pytest
from django.core.management import call_command

from tests.management.commands.conftest import NOW, text
from tests.support.factories import make_api_key, make_organization
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import AuditEvent
from token_exchange.observability import audit_export

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def make_event(**values):
    defaults = {"occurred_at": NOW, "event": "credential.revoked", "target_type": "api_key"}
    return AuditEvent.objects.create(**{**defaults, "target": "x", **values})


def exported(*arguments):
    """Return the primary keys of this module's events in the output."""
    found = json.loads(text("export_audit_events", *arguments))
    return [each["id"] for each in found if each["target_type"] == "api_key"]


class TestExport:
    def test_is_one_json_array(self):
        event = make_event(reason="Left", origin="192.0.2.1")
        found = json.loads(text("export_audit_events"))
        assert [each["event"] for each in found] == ["signing_key.published", "credential.revoked"]
        assert found[-1] == {
            "id": event.pk,
            "occurred_at": "2026-01-01T00:00:00+00:00",
            "event": "credential.revoked",
            "target_type": "api_key",
            "target": "x",
            "organization": "",
            "actor_id": "",
            "actor": "",
            "origin": "192.0.2.1",
            "reason": "Left",
            "details": {},
        }

    def test_format_csv_is_csv(self):
        make_event(reason="=1+1")
        printed = text("export_audit_events", "--format", "csv", "--target", "x")
        rows = list(csv.DictReader(io.StringIO(printed, newline="")))
        assert [each["reason"] for each in rows] == ["'=1+1"]

    def test_without_events_is_an_empty_array(self):
        assert json.loads(text("export_audit_events", "--target", "nobody")) == []

    def test_can_be_filtered_by_time(self, clock):
        events = [make_event(occurred_at=NOW - age * DAY).pk for age in (8, 2, 1, 0)]
        assert exported("--since", "7d") == events[1:]
        assert exported("--since", "2025-12-30") == events[2:]
        assert exported("--since", "2025-12-31T00:00:01Z") == events[3:]
        assert exported("--until", "2025-12-31T01:00+01:00") == events[:2]
        assert exported("--since", "3d", "--until", "1d") == events[1:2]

    def test_can_be_filtered_by_event(self):
        make_event()
        others = [make_event(event=each).pk for each in ("token.revoked", "credential.issued")]
        assert exported("--event", "token.revoked") == others[:1]
        assert exported("--event", "token.revoked", "--event", "credential.issued") == others

    def test_can_be_filtered_by_target_and_organization(self):
        organization = make_organization(slug="acme")
        make_event()
        event = make_event(target="y", organization=str(organization.pk))
        assert exported("--target", "y") == exported("--organization", "acme") == [event.pk]

    def test_contains_no_secret(self):
        issued = make_api_key()
        rotated = credentials.rotate(issued.credential, act=Act(now=issued.credential.created_at))
        for file_format in ("json", "csv"):
            printed = text("export_audit_events", "--format", file_format)
            assert issued.credential.identifier in printed
            assert issued.raw_secret[-49:] not in printed
            assert rotated.raw_secret[-49:] not in printed
            assert rotated.credential.secret_digest not in printed

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (["--since", "soon"], "'soon' is not a time such as 2026-01-31"),
            (["--since", "2026-02-30"], "'2026-02-30' is not a time"),
            (["--since", "0001-01-01T00:00+14:00", "--until", "x"], "'x' is not a time"),
            (["--event", "sung"], "invalid choice: 'sung'"),
            (["--format", "xml"], "invalid choice: 'xml'"),
            (["--organization", "nobody"], "No organization has the slug 'nobody'."),
        ],
    )
    def test_refuses_invalid_arguments(self, error_of, arguments, expected):
        assert expected in error_of("export_audit_events", *arguments)

    def test_refuses_a_secret_instead_of_an_identifier(self, error_of):
        issued = make_api_key()
        printed = error_of("export_audit_events", "--target", issued.raw_secret)
        assert f"Use its ID, {issued.credential.identifier}." in printed
        assert issued.raw_secret[-49:] not in printed

    @pytest.mark.xdist_group("shell")
    @pytest.mark.processes
    def test_prints_nothing_on_stderr_without_a_terminal(self, shell):
        # Other tests in this shell leave events of their own.
        finished = shell.run("export_audit_events", "--event", "signing_key.published")
        assert (finished.returncode, finished.stderr) == (0, "")
        [event] = json.loads(finished.stdout)
        assert (event["event"], event["origin"]) == ("signing_key.published", "migrate")


class TestProgress:
    def test_is_shown_on_a_terminal(self, monkeypatch):
        monkeypatch.setattr(audit_export, "BATCH_ROWS", 2)
        for _ in range(3):
            make_event()
        ours, theirs = pty.openpty()
        with os.fdopen(theirs, "w") as stderr, monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", stderr)
            out = io.StringIO()
            call_command("export_audit_events", "--target", "x", stdout=out)
        shown: list[str] = []
        with (
            os.fdopen(ours, newline="") as screen,
            suppress(OSError),
        ):  # raised at its end
            shown.extend(iter(lambda: screen.read(1), ""))
        assert len(json.loads(out.getvalue())) == 3
        assert "".join(shown) == "\r2 events\r3 events\r\n"
