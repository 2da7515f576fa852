"""Scopes: the grammar of RFC 6749, section 3.3."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_exchange_core.errors import InvalidScope
from token_exchange_core.scopes import is_scope_token, parse_scope

NQCHAR = [chr(code) for code in (0x21, *range(0x23, 0x5C), *range(0x5D, 0x7F))]
TOKENS = st.text(st.sampled_from(NQCHAR), min_size=1)


class TestIsScopeToken:
    def test_the_characters_are_the_grammars(self):
        allowed = [chr(code) for code in range(0x250) if is_scope_token(chr(code))]
        assert allowed == NQCHAR

    @given(TOKENS)
    def test_any_number_of_them(self, token):
        assert is_scope_token(token)

    @pytest.mark.parametrize("text", ["", "a b", "a\n", 'a"', "a\\", "é", "a\0", "\udcff"])
    def test_not_a_scope(self, text):
        assert not is_scope_token(text)


class TestParseScope:
    @given(st.lists(TOKENS), st.integers(1, 3))
    def test_splits_at_spaces(self, tokens, spaces):
        assert frozenset(tokens) == parse_scope((" " * spaces).join(tokens))

    @pytest.mark.parametrize("text", ["", " ", "   "])
    def test_nothing(self, text):
        assert frozenset() == parse_scope(text)

    @given(st.text())
    def test_any_other_text_is_refused(self, text):
        if re.fullmatch(r"[\x20\x21\x23-\x5b\x5d-\x7e]*", text) is None:
            with pytest.raises(InvalidScope) as refused:
                parse_scope(text)
            assert refused.value.reason == "malformed_scope"
        else:
            assert parse_scope(text) == set(text.split(" ")) - {""}

    @pytest.mark.parametrize("separator", ["\t", "\n", "\r", "\v", "\xa0", "\u2028", ","])
    def test_only_the_space_separates(self, separator):
        if separator == ",":  # a comma is a character of the grammar
            assert frozenset({"a,b"}) == parse_scope("a,b")
        else:
            with pytest.raises(InvalidScope):
                parse_scope(f"a{separator}b")
