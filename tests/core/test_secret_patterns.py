"""The pattern for secret scanners: finds every possible secret, and nothing shorter."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from token_exchange_core.secret_strings import (
    PREFIX_PATTERN,
    make_client_id,
    make_identifier,
    make_secret,
    parse_secret,
    secret_pattern,
)

PREFIXES = st.from_regex(PREFIX_PATTERN, fullmatch=True)
SURROUNDINGS = st.one_of(
    st.text(max_size=20), st.sampled_from(["%3D", "\\n", "KEY_", "=", '"', "'", "Basic ", "/"])
)


@given(PREFIXES, SURROUNDINGS, SURROUNDINGS)
def test_finds_a_secret_wherever_it_stands(prefix, before, after):
    raw_secret = make_secret(make_identifier(prefix)).raw_secret
    text = f"{before}{raw_secret}{after}"
    assert raw_secret in re.findall(secret_pattern(prefix), text)


@given(PREFIXES, st.data())
def test_finds_nothing_where_a_character_is_missing(prefix, data):
    raw_secret = make_secret(make_identifier(prefix)).raw_secret
    place = data.draw(st.integers(0, len(raw_secret) - 1))
    shorter = raw_secret[:place] + raw_secret[place + 1 :]
    assert re.search(secret_pattern(prefix), shorter) is None


@given(PREFIXES)
def test_finds_no_public_id(prefix):
    for public in (make_identifier(prefix), make_client_id(prefix)):
        assert re.search(secret_pattern(prefix), public) is None


@given(PREFIXES)
def test_what_it_finds_is_read_back(prefix):
    secret = make_secret(make_identifier(prefix))
    (found,) = re.findall(secret_pattern(prefix), f"({secret.raw_secret})")
    assert parse_secret(found, prefix=prefix).digest == secret.digest


@given(PREFIXES)
def test_has_only_what_every_engine_has(prefix):
    """Neither what looks around nor what refers back: RE2 and Hyperscan have none of it."""
    assert re.fullmatch(r"[a-z0-9_]+(\\\.\[0-9A-Za-z\]\{[0-9]+\}){2}", secret_pattern(prefix))
