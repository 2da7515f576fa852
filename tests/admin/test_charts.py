"""Coordinates of the dashboard's charts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from token_exchange.admin.dashboard.charts import bar_chart, rate_chart, round_up
from token_exchange.admin.dashboard.queries import Hour, OutcomeCounts

AT = datetime(2030, 1, 1, tzinfo=UTC)


def hours(*counts_by_identifier):
    return [
        Hour(AT, OutcomeCounts(succeeded=good, refused=bad)) for good, bad in counts_by_identifier
    ]


class TestBars:
    def test_stand_on_one_another_under_a_round_number(self):
        chart = bar_chart(hours((30, 10), (0, 0), (0, 50)))
        assert (chart.width, chart.bar_width, chart.top) == (30, 8, 50)
        assert [each[1:] for each in chart.bars] == [
            (1, "40.00", "60.00", "20.00", "20.00"),
            (11, "100.00", "0.00", "100.00", "0.00"),
            (21, "100.00", "0.00", "0.00", "100.00"),
        ]

    def test_of_nothing_are_flat(self):
        assert bar_chart(hours((0, 0))).bars[0][1:] == (1, "100.00", "0.00", "100.00", "0.00")


class TestRate:
    def test_is_a_line_of_steps_with_gaps(self):
        chart = rate_chart(hours((1, 0), (1, 1), (0, 0), (0, 1)))
        assert chart.path == "M0 0.00h10V50.00h10M30 100.00h10"

    def test_of_nothing_is_no_line(self):
        assert rate_chart(hours((0, 0), (0, 0))).path == ""


@pytest.mark.parametrize(
    ("number", "rounded"),
    [(0, 1), (1, 1), (2, 2), (3, 5), (6, 10), (11, 20), (50, 50), (51, 100), (100_001, 200_000)],
)
def test_top_is_a_round_number(number, rounded):
    assert round_up(number) == rounded
