"""Log events: fields for machines, one line for people."""

from __future__ import annotations

import logging

import pytest

from token_exchange_core.event_log import log_event


class TestLogEvent:
    def test_event_and_fields(self, caplog):
        with caplog.at_level(logging.INFO, "token_exchange"):
            log_event(logging.INFO, "thing.done", identifier="a b", by=None)
        [record] = caplog.records
        assert record.getMessage() == "thing.done identifier='a b' by=None"
        assert (record.event, record.event_fields) == (
            "thing.done",
            {"identifier": "a b", "by": None},
        )

    def test_fields_may_be_named_like_a_records_own(self, caplog):
        with caplog.at_level(logging.INFO, "token_exchange"):
            log_event(logging.INFO, "thing.done", name="x", message="y", args="z")
        assert caplog.records[0].event_fields == {"name": "x", "message": "y", "args": "z"}

    def test_fields_may_be_named_like_what_is_logged(self, caplog):
        """A project's own tenants have whatever fields they have."""
        with caplog.at_level(logging.INFO, "token_exchange"):
            log_event(logging.INFO, "thing.done", event="x", level=1)
        [record] = caplog.records
        assert record.getMessage() == "thing.done event='x' level=1"
        assert (record.event, record.event_fields) == ("thing.done", {"event": "x", "level": 1})

    def test_exception_is_attached(self, caplog):
        error = RuntimeError("why")
        log_event(logging.ERROR, "thing.failed", exc_info=error)
        assert caplog.records[0].exc_info[1] is error

    def test_level_decides(self, caplog):
        with caplog.at_level(logging.WARNING, "token_exchange"):
            log_event(logging.INFO, "thing.done")
        assert caplog.records == []

    @pytest.mark.parametrize(
        "hostile",
        [
            "a\ncredential.revoked identifier='sk_live.x'",
            "a\r\nb",
            "a\x0bb",
            "a\x0cb",
            "a\x1cb",
            "a\x85b",
            "a\u2028b",
            "a\u2029b",
            "a\x00b",
            "a\x1b[2Jb",
            "a\u202eb",
            "%s %d %(x)s",
            "\udcff",
        ],
    )
    def test_hostile_value_forges_no_line(self, caplog, hostile):
        with caplog.at_level(logging.INFO, "token_exchange"):
            log_event(logging.INFO, "thing.done", name=hostile, by="admin")
        [record] = caplog.records
        text = logging.Formatter("%(levelname)s %(message)s").format(record)
        assert len(text.splitlines()) == 1
        assert text.isprintable()
        assert text == f"INFO thing.done name={hostile!r} by='admin'"
