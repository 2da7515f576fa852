from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_exchange.management.arguments import (
    LONGEST_DURATION,
    duration,
    positive_duration,
)
from token_exchange.management.base import one_line, table
from token_exchange.management.output import in_words


class TestDuration:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("0", 0),
            ("0d", 0),
            ("90", 90),
            ("90s", 90),
            ("30m", 1800),
            ("24h", 86_400),
            ("7d", 604_800),
            ("2w", 1_209_600),
            ("007d", 604_800),
            ("P1DT12H", 129_600),
            ("PT30M", 1800),
            ("P0DT1H", 3600),
            ("36525d", LONGEST_DURATION.total_seconds()),
        ],
    )
    def test_is_read(self, text, seconds):
        assert duration(text) == timedelta(seconds=seconds)

    @pytest.mark.parametrize(
        "text",
        [
            *("", " ", "d", "5x", "1 d", " 1d", "1d ", "1d\n", "1.5h", "1e3", "1h30m", "nan"),
            *("P", "PT", "PD", "P1", "P1Y", "P2W", "p1d", "+P1D", "-P1D", "P-1D", "P٣D", "٣d"),
            *("24:00:00", "1 day", "1 00:00:00", "\x00", "1\x00d", "\ud800"),
        ],
    )
    def test_is_refused_if_it_is_none(self, text):
        with pytest.raises(ArgumentTypeError, match="is not a duration such as 90s"):
            duration(text)

    @pytest.mark.parametrize(
        "text",
        ["36526d", f"{10**12}d", f"{10**17}", "9" * 18 + "w", "P99999999999D", "PT0.5S"],
    )
    def test_is_refused_if_it_is_absurd(self, text):
        with pytest.raises(ArgumentTypeError, match=r"whole seconds|is not a duration"):
            duration(text)

    @pytest.mark.parametrize("text", ["-1", "-1d", "9" * 19, "1" * 10_000])
    def test_is_refused_outside_of_the_digits(self, text):
        with pytest.raises(ArgumentTypeError):
            duration(text)

    @pytest.mark.parametrize("text", ["0", "0d", "PT0S"])
    def test_is_refused_if_it_must_not_be_nothing(self, text):
        with pytest.raises(ArgumentTypeError, match=f"'{text}' must be more than 0"):
            positive_duration(text)
        assert positive_duration("1") == timedelta(seconds=1)

    @given(st.text() | st.from_regex(r"-?P?[0-9.]{0,20}[A-Za-z]?", fullmatch=True))
    def test_is_a_duration_or_refused_whatever_it_is(self, text):
        try:
            value = duration(text)
        except ArgumentTypeError:
            value = timedelta(0)
        assert timedelta(0) <= value <= LONGEST_DURATION


@pytest.mark.parametrize(
    ("lifetime", "expected"),
    [
        (timedelta(days=30), "30 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(minutes=61), "61 minutes"),
        (timedelta(seconds=86_401), "86401 seconds"),
    ],
)
def test_a_duration_is_said_in_its_largest_whole_unit(lifetime, expected):
    assert in_words(lifetime) == expected


class TestOneLine:
    @given(st.text())
    def test_is_one_line_that_a_terminal_can_print(self, text):
        line = one_line(text)
        assert line.isprintable()
        assert len(line.splitlines()) <= 1

    def test_keeps_what_is_printable(self):
        assert one_line("Zürich  \n 東京\x1b[31m") == "Zürich 東京\\x1b[31m"


def test_table_aligns_its_columns():
    assert table(["a", "title"], [["long", None], ["x\ny", 3]]) == ("a     title\nlong  -\nx y   3")
