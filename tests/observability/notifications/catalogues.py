"""Writes a compiled gettext catalogue without the gettext tools."""

from __future__ import annotations

import struct
from pathlib import Path

_MAGIC = 0x950412DE
_HEADER_BYTES = 28


def write_catalogue(folder: Path, language: str, messages: dict[str, str]) -> None:
    """Write a catalogue that gettext can read below ``folder``, a path in ``LOCALE_PATHS``."""
    header = {"": "Content-Type: text/plain; charset=UTF-8\n"}
    pairs = sorted((key.encode(), text.encode()) for key, text in {**header, **messages}.items())
    count = len(pairs)
    table, texts = [], b""
    for part in (0, 1):
        for pair in pairs:
            table += [len(pair[part]), _HEADER_BYTES + 16 * count + len(texts)]
            texts += pair[part] + b"\0"
    places = (_HEADER_BYTES, _HEADER_BYTES + 8 * count, 0, _HEADER_BYTES + 16 * count)
    path = folder / language / "LC_MESSAGES" / "django.mo"
    path.parent.mkdir(parents=True)
    path.write_bytes(struct.pack(f"<7I{4 * count}I", _MAGIC, 0, count, *places, *table) + texts)
