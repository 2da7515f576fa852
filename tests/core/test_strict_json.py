"""Strict JSON: what RFC 8259 does not allow is refused, and the message says why."""

from __future__ import annotations

import pytest

from token_exchange_core import strict_json


@pytest.mark.parametrize("text", ['{"a": [1, "é", null]}', '{"a": [1, "é", null]}'.encode()])
def test_text_and_bytes_are_read(text):
    assert strict_json.loads(text) == {"a": [1, "é", None]}


def test_halves_of_characters_in_text_are_kept_for_the_caller():
    assert strict_json.loads('"\ud800"') == "\ud800"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"a": 1, "a": 1}', "a member is repeated"),
        ('[{"a": {"b": 1, "b": 2}}]', "a member is repeated"),
        ("NaN", "NaN is not JSON"),
        ("[-Infinity]", "-Infinity is not JSON"),
        ('{"a": Infinity}', "Infinity is not JSON"),
    ],
)
def test_message_says_what_is_wrong(text, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        strict_json.loads(text)


@pytest.mark.parametrize("text", ["", "{", "[1,]", "'a'", "01", "1 1", b"\xff", b"\xff\xfe1\x00"])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        strict_json.loads(text)
