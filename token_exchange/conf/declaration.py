"""Declaration of one setting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Any


def setting(
    check_id: str,
    default: Any,
    parse: Callable[[Any], Any],
    help_text: str,
    *,
    secret: bool = False,
) -> Any:
    """Declare a setting as a field of a dataclass.

    ``check_id`` is the stable id of its system check, and ``default`` is what a project would
    write. A ``secret`` is left out of the ``repr``.
    """
    metadata = {"check_id": check_id, "default": default, "parse": parse, "help": help_text}
    return field(metadata=metadata, repr=not secret)
