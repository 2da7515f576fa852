"""Strict parsing of a response of the revocation feed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_exchange_core.revocation_feed import FeedPage, parse_feed_page
from token_exchange_core.revocation_set import Revocation, RevocationKind

PAGE = FeedPage(
    epoch="e1",
    after=3,
    position=5,
    mark="7.m",
    as_of=1_700_000_000,
    has_more=True,
    revocations=(
        Revocation(kind=RevocationKind.TOKEN, subject="jti", expires_at=1_700_000_100),
        Revocation(kind=RevocationKind.CREDENTIAL, subject="ci_live.x", generation=2, expires_at=5),
    ),
    inactive_organizations=frozenset({"1", "2"}),
    inactive_users=frozenset({"7"}),
)
MEMBERS = json.loads(PAGE.to_json())
ROW = MEMBERS["revocations"][1]
WRONG: list[Any] = [None, [1], {"a": 1}, 1.5, [None]]


def test_what_was_written_is_read() -> None:
    assert parse_feed_page(PAGE.to_json()) == PAGE


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_each_member_must_be_there(name: str) -> None:
    with pytest.raises(ValueError, match="feed"):
        parse_feed_page(json.dumps({k: v for k, v in MEMBERS.items() if k != name}).encode())


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_each_member_is_of_its_type(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match="feed"):
        parse_feed_page(json.dumps({**MEMBERS, name: value}).encode())


@pytest.mark.parametrize("version", [0, 2])
def test_another_version_is_refused(version: int) -> None:
    with pytest.raises(ValueError, match="version"):
        parse_feed_page(json.dumps({**MEMBERS, "version": version}).encode())


@pytest.mark.parametrize("name", ["after", "position", "as_of"])
def test_true_is_no_number(name: str) -> None:
    with pytest.raises(ValueError, match="not an integer"):
        parse_feed_page(json.dumps({**MEMBERS, name: True}).encode())


@pytest.mark.parametrize("changes", [{"after": 6}, {"after": -1}, {"position": 2}])
def test_positions_go_forwards(changes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="backwards"):
        parse_feed_page(json.dumps({**MEMBERS, **changes}).encode())


@pytest.mark.parametrize(
    "row",
    [
        *(None, [], "jti", {}, {**ROW, "kind": "planet"}, {**ROW, "kind": None}),
        *({**ROW, "subject": 1}, {**ROW, "expires_at": None}, {**ROW, "expires_at": "5"}),
        *({**ROW, "generation": "2"}, {**ROW, "generation": True}, {**ROW, "generation": 1.0}),
    ],
)
def test_a_row_that_is_not_understood_spoils_the_whole(row: Any) -> None:
    """To pass over it would let through what has been revoked."""
    with pytest.raises(ValueError, match=r"feed|RevocationKind"):
        parse_feed_page(json.dumps({**MEMBERS, "revocations": [ROW, row]}).encode())


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff", b'{"epoch":1,"epoch":1}'])
def test_something_else(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_feed_page(body)


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_feed_page(body)
