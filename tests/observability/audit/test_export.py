"""What leaves the database is whole, and opens as what it is."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.models.rows import NOW
from token_exchange.models import AuditEvent
from token_exchange.observability import audit_export
from token_exchange.observability.audit_export import FIELDS, as_csv, as_json, batches

pytestmark = pytest.mark.django_db

EVENTS = AuditEvent.objects.filter(target_type="api_key")


def make_event(**values):
    defaults = {"occurred_at": NOW, "event": "credential.revoked", "target_type": "api_key"}
    return AuditEvent.objects.create(**{**defaults, "target": "x", **values})


def exported():
    """What both formats have, parsed."""
    table = csv.DictReader(io.StringIO("".join(as_csv(batches(EVENTS))), newline=""))
    return json.loads("".join(as_json(batches(EVENTS)))), list(table)


class TestFields:
    def test_are_all_that_an_event_has(self):
        assert [each.name for each in AuditEvent._meta.concrete_fields] == list(FIELDS)


class TestBatches:
    def test_are_read_one_by_one_and_forgotten(self, monkeypatch):
        monkeypatch.setattr(audit_export, "BATCH_ROWS", 2)
        pks = [make_event().pk for _ in range(5)]
        with CaptureQueriesContext(connection) as captured:
            found = batches(EVENTS)
            assert len(captured) == 0
            assert [each["id"] for each in next(found)] == pks[:2]
            assert len(captured) == 1
            assert [[each["id"] for each in batch] for batch in found] == [pks[2:4], pks[4:]]
        assert len(captured) == 4


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
def test_every_number_of_events_is_well_formed(monkeypatch, count):
    monkeypatch.setattr(audit_export, "BATCH_ROWS", 2)
    pks = [make_event().pk for _ in range(count)]
    from_json, from_csv = exported()
    assert [each["id"] for each in from_json] == pks
    assert [each["id"] for each in from_csv] == list(map(str, pks))


class TestCells:
    @pytest.mark.parametrize(
        "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1"]
    )
    @pytest.mark.parametrize("field", ["target", "actor", "origin", "reason", "organization"])
    def test_that_look_like_a_formula_begin_with_an_apostrophe(self, field, text):
        make_event(**{field: text})
        from_json, from_csv = exported()
        assert from_csv[0][field] == f"'{text}"
        assert from_json[0][field] == text

    @pytest.mark.parametrize("text", ["", "a=1", "1-1", "'=1", '"x", y', "a\nb", "東京", "<b>"])
    def test_that_do_not_are_as_they_are(self, text):
        make_event(reason=text)
        assert [each[0]["reason"] for each in exported()] == [text, text]

    def test_of_details_are_json(self):
        details = {"=cmd": ["=1", None, {"a": "東京"}]}
        make_event(details=details)
        from_json, from_csv = exported()
        assert from_json[0]["details"] == json.loads(from_csv[0]["details"]) == details

    def test_of_times_say_their_offset(self):
        make_event()
        assert {each[0]["occurred_at"] for each in exported()} == {"2026-01-01T00:00:00+00:00"}
