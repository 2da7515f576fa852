"""Window sizes and colour schemes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A window size and a colour scheme."""

    width: int
    height: int
    scheme: Literal["light", "dark"]

    def __str__(self) -> str:
        return f"{self.width}-{self.scheme}"


WIDE_LIGHT = Look(width=1280, height=900, scheme="light")
WIDE_DARK = Look(width=1280, height=900, scheme="dark")
NARROW_LIGHT = Look(width=390, height=844, scheme="light")
NARROW_DARK = Look(width=390, height=844, scheme="dark")

LOOKS = (WIDE_LIGHT, WIDE_DARK, NARROW_LIGHT, NARROW_DARK)
