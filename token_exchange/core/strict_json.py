"""What does a text say as JSON, where nothing may be said twice (RFC 8259, section 4)?"""

from __future__ import annotations

import json
from typing import Any


def loads(text: str | bytes) -> Any:
    """Read JSON; raises ``ValueError`` for what is not, repeated members, NaN and infinities.

    Text that is nested too deeply raises ``ValueError`` as well.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is repeated")
    return members


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
