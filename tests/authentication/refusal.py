"""Assertions about the refusal of a bearer token."""

from __future__ import annotations

from typing import Any

from tests.authentication.challenges import read_challenges
from token_exchange_core.errors import InvalidToken

CHALLENGE = {"realm": "token_exchange"}


INVALID = {
    **CHALLENGE,
    "error": "invalid_token",
    "error_description": "The access token provided is invalid.",
}


def assert_refused(answer: Any, description: str = InvalidToken.description) -> None:
    assert answer.status_code == 401
    assert answer.json() == {"error": "invalid_token", "error_description": description}
    assert answer["Cache-Control"] == "no-store, private, max-age=0"
    assert read_challenges(answer["WWW-Authenticate"]) == [
        ("Bearer", {**INVALID, "error_description": description})
    ]
