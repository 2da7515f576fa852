"""Durations as arguments, and the one-line output of commands."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_exchange.conf.parsers import LONGEST_DURATION
from token_exchange.management.arguments import duration, positive_duration
from token_exchange.management.base import one_line, table


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
    def test_is_parsed(self, text, seconds):
        assert duration(text) == timedelta(seconds=seconds)

    @pytest.mark.parametrize(
        "text",
        [
            *("", " ", "d", "5x", "1 d", " 1d", "1d ", "1d\n", "1.5h", "1e3", "1h30m", "nan"),
            *("P", "PT", "PD", "P1", "P1Y", "P2W", "p1d", "+P1D", "-P1D", "P-1D", "P٣D", "٣d"),
            *("24:00:00", "1 day", "1 00:00:00", "\x00", "1\x00d", "\ud800"),
        ],
    )
    def test_other_text_is_refused(self, text):
        with pytest.raises(ArgumentTypeError, match="is not a duration such as 90s"):
            duration(text)

    @pytest.mark.parametrize(
        "text",
        ["36526d", f"{10**12}d", f"{10**17}", "9" * 18 + "w", "P99999999999D", "PT0.5S"],
    )
    def test_over_a_century_is_refused(self, text):
        with pytest.raises(ArgumentTypeError, match=r"whole seconds|is not a duration"):
            duration(text)

    @pytest.mark.parametrize("text", ["-1", "-1d", "9" * 19, "1" * 10_000])
    def test_negative_or_too_many_digits_is_refused(self, text):
        with pytest.raises(ArgumentTypeError):
            duration(text)

    @pytest.mark.parametrize("text", ["0", "0d", "PT0S"])
    def test_zero_is_refused_if_it_must_be_positive(self, text):
        with pytest.raises(ArgumentTypeError, match=f"'{text}' must be more than 0"):
            positive_duration(text)
        assert positive_duration("1") == timedelta(seconds=1)

    @given(st.text() | st.from_regex(r"-?P?[0-9.]{0,20}[A-Za-z]?", fullmatch=True))
    def test_any_text_is_parsed_or_refused(self, text):
        try:
            value = duration(text)
        except ArgumentTypeError:
            value = timedelta(0)
        assert timedelta(0) <= value <= LONGEST_DURATION


class TestOneLine:
    @given(st.text())
    def test_any_text_becomes_one_printable_line(self, text):
        line = one_line(text)
        assert line.isprintable()
        assert len(line.splitlines()) <= 1

    def test_printable_characters_are_kept(self):
        assert one_line("Zürich  \n 東京\x1b[31m") == "Zürich 東京\\x1b[31m"


def test_table_aligns_its_columns():
    assert table(["a", "title"], [["long", None], ["x\ny", 3]]) == ("a     title\nlong  -\nx y   3")
