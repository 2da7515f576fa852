"""Log lines of refusals over a limit."""

from __future__ import annotations

import logging

import pytest

from tests.support.factories import api_key_header, make_api_key
from tests.views.rate_limits.endpoint import fields, statuses
from token_exchange.views import repeated_events
from token_exchange_core import process_state

pytestmark = pytest.mark.django_db


@pytest.fixture
def refusals(caplog, limits):
    """Return the fields of the refusals that were logged since the last call."""

    def read():
        records = [each for each in caplog.records if each.name == "token_exchange"]
        caplog.clear()
        return [each.event_fields for each in records if each.event == "exchange.refused"]

    return read


@pytest.fixture
def slow_limits(limits, token_exchange_settings):
    """Allow two refusals and one exchange an hour."""
    rates = {"token": "1/h", "auth_token": "1/h", "failure": "2/h", "leak_report": "1/h"}
    token_exchange_settings(RATE_LIMITS=rates)
    return limits


def fail(endpoint, times, **extra):
    return statuses(endpoint.fail(**extra) for _ in range(times))


class TestFailures:
    def test_below_the_limit_each_is_logged(self, endpoint, slow_limits, refusals):
        fail(endpoint, 2)
        assert [each["reason"] in {"unknown", "wrong_secret"} for each in refusals()] == [True] * 2

    def test_over_the_limit_one_line_a_minute_has_the_count(self, endpoint, slow_limits, refusals):
        fail(endpoint, 2)
        refusals()
        assert fail(endpoint, 10) == [429] * 10
        [first] = refusals()
        slow_limits.shift(60)
        fail(endpoint, 5)
        [second] = refusals()
        slow_limits.shift(61)
        fail(endpoint, 1)
        [third] = refusals()
        assert [each["count"] for each in (first, second, third)] == [1, 10, 5]
        assert {each["reason"] for each in (first, second, third)} == {"rate_failure"}
        assert first["address"] == "127.0.0.1"

    def test_djangos_own_line_is_left_out(self, endpoint, slow_limits, caplog):
        fail(endpoint, 2)
        caplog.clear()
        fail(endpoint, 10)
        assert [each.name for each in caplog.records] == ["token_exchange"]

    def test_each_address_has_lines_of_its_own(self, endpoint, slow_limits, refusals):
        for address in ("192.0.2.1", "192.0.2.2"):
            fail(endpoint, 5, REMOTE_ADDR=address)
        over = [each for each in refusals() if each["reason"] == "rate_failure"]
        assert [each["address"] for each in over] == ["192.0.2.1", "192.0.2.2"]

    def test_many_identifiers_from_one_address_have_one_line(self, endpoint, slow_limits, refusals):
        for _ in range(5):
            endpoint.issued = endpoint.make()
            fail(endpoint, 1)
        assert [each["reason"] for each in refusals()][2:] == ["rate_failure"]

    def test_what_an_address_did_last_is_logged_with_the_next_line_of_another(
        self, endpoint, slow_limits, refusals
    ):
        fail(endpoint, 6, REMOTE_ADDR="192.0.2.1")
        refusals()
        slow_limits.shift(60)
        fail(endpoint, 3, REMOTE_ADDR="192.0.2.2")
        over = [each for each in refusals() if each["reason"] == "rate_failure"]
        assert [(each["address"], each["count"]) for each in over] == [
            ("192.0.2.1", 3),
            ("192.0.2.2", 1),
        ]

    def test_what_is_logged_already_is_not_logged_again(self, endpoint, slow_limits, refusals):
        fail(endpoint, 3, REMOTE_ADDR="192.0.2.1")
        refusals()
        slow_limits.shift(60)
        fail(endpoint, 3, REMOTE_ADDR="192.0.2.2")
        over = [each for each in refusals() if each["reason"] == "rate_failure"]
        assert [each["address"] for each in over] == ["192.0.2.2"]

    def test_clock_that_is_set_back_silences_nothing(self, endpoint, slow_limits, refusals):
        fail(endpoint, 3)
        refusals()
        slow_limits.shift(-3600)
        fail(endpoint, 3)
        assert [each["reason"] for each in refusals()][-1] == "rate_failure"

    def test_memory_is_bounded(self, endpoint, slow_limits, refusals, monkeypatch):
        monkeypatch.setattr(repeated_events, "MAX_SUBJECTS", 2)
        for number in range(4):
            fail(endpoint, 4, REMOTE_ADDR=f"192.0.2.{number}")
        over = [each for each in refusals() if each["reason"] == "rate_failure"]
        # The oldest are logged early, to make room.
        assert [(each["address"], each["count"]) for each in over] == [
            ("192.0.2.0", 1),
            ("192.0.2.1", 1),
            ("192.0.2.2", 1),
            ("192.0.2.0", 1),
            ("192.0.2.3", 1),
            ("192.0.2.1", 1),
        ]

    def test_changed_setting_keeps_the_counts(self, endpoint, slow_limits, refusals):
        fail(endpoint, 5)
        process_state.clear_caches()
        refusals()
        slow_limits.shift(60)
        fail(endpoint, 1)
        assert [each["count"] for each in refusals()] == [3]


class TestSuccesses:
    def test_over_the_limit_one_line_a_minute_has_the_count(self, endpoint, slow_limits, refusals):
        # The window of a random identifier could end within the minute, so begin with a new one.
        _, state, _ = fields(endpoint.post())
        slow_limits.shift(state["t"])
        assert statuses(endpoint.post() for _ in range(5)) == [200, 429, 429, 429, 429]
        slow_limits.shift(60)
        endpoint.post()
        assert [each["count"] for each in refusals()] == [1, 4]


class TestLeakReports:
    def test_over_the_limit_one_line_has_the_count(self, https_client, slow_limits, refusals):
        for _ in range(5):
            https_client.post("/v1/leaked-credentials", "[]", content_type="application/json")
        assert [(each["reason"], each["count"]) for each in refusals()] == [("rate_leak_report", 1)]


class TestUnknownAddress:
    """All clients behind a unix socket share one counter."""

    @pytest.mark.parametrize("address", ["", "unix:"])
    def test_is_an_error_once_a_minute(self, endpoint, slow_limits, caplog, address):
        fail(endpoint, 3, REMOTE_ADDR=address)
        [record] = [each for each in caplog.records if each.levelno == logging.ERROR]
        assert record.event == "rate_limit.address_unknown"
        assert record.event_fields == {"limit": "failure", "address": address, "count": 1}

    def test_of_leak_reports_is_one_too(self, https_client, slow_limits, caplog):
        https_client.post(
            "/v1/leaked-credentials", "[]", content_type="application/json", REMOTE_ADDR=""
        )
        [record] = [each for each in caplog.records if each.levelno == logging.ERROR]
        assert record.event_fields["limit"] == "leak_report"

    def test_does_not_matter_without_the_limit(self, endpoint, token_exchange_settings, caplog):
        token_exchange_settings(RATE_LIMITS=None)
        fail(endpoint, 3, REMOTE_ADDR="")
        assert not [each for each in caplog.records if each.levelno == logging.ERROR]


def test_good_key_behind_the_same_address_still_passes(https_client, slow_limits):
    headers = {"authorization": "ApiKey x"}
    answers = [https_client.post("/v1/token", headers=headers) for _ in range(5)]
    assert statuses(answers) == [401, 401, 429, 429, 429]
    assert https_client.post("/v1/token", headers=api_key_header(make_api_key())).status_code == 200
