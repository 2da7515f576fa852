"""A JSON parser that refuses repeated members and everything outside RFC 8259."""

from __future__ import annotations

import json
from typing import Any, Final


def loads(text: str | bytes) -> Any:
    """Parse JSON; bytes must be UTF-8 (section 8.1).

    Raises ``ValueError`` for anything that is not JSON, repeated members, NaN and infinities, and
    text that is nested too deeply.
    """
    try:
        return _DECODER.decode(text if isinstance(text, str) else text.decode())
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is repeated")
    return members


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
