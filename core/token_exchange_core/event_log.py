"""Structured log events, for people and for machines."""

from __future__ import annotations

import logging

logger = logging.getLogger("token_exchange")


def log_event(
    level: int, event: str, /, *, exc_info: BaseException | None = None, **fields: object
) -> None:
    """Log ``event``, a stable dotted name, with its fields in the text and as record attributes.

    Values are formatted by ``repr``, so that a hostile name cannot forge a second line.
    """
    if logger.isEnabledFor(level):
        text = " ".join(f"{name}={value!r}" for name, value in fields.items())
        extra = {"event": event, "event_fields": fields}
        logger.log(level, "%s %s", event, text, exc_info=exc_info, extra=extra)
