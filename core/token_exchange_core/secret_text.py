"""A secret as text, in a value that error reporters can show.

Error reporters collect the local variables of every stack frame and show their ``repr``. So a
function that holds a secret while it asks a database or another service holds it in this form.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SecretText:
    """A text whose ``repr`` leaves the text out."""

    text: str = field(repr=False)

    @classmethod
    def of(cls, value: str | SecretText) -> SecretText:
        """Return the value as a ``SecretText``."""
        return value if isinstance(value, SecretText) else cls(value)
