"""Hostile text, and the elements of a page that it would control if it were not escaped."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

EVIL = "'\"><img src=x onerror=evil()></title></textarea></option><script>evil()</script>{{ opts }}"
_URL_ATTRIBUTES = {"href", "src", "action", "formaction", "xlink:href"}


def evil(what: str) -> str:
    """Return hostile text that tells from where it came."""
    return f"{what}{EVIL}"


class _Effects(HTMLParser):
    """Collects what a browser would run, or load, that no template of ours has."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        handlers = [name for name in values if name.startswith("on")]
        links = [
            name
            for name in _URL_ATTRIBUTES.intersection(values)
            if values[name].strip().lower().startswith(("javascript:", "data:"))
        ]
        is_inline = tag == "script" and "src" not in values
        if handlers or links or is_inline or values.get("src") == "x":
            self.found.append(self.get_starttag_text() or "")


def effects(response: Any) -> list[str]:
    """Return the tags of a page by which hostile text would do something."""
    parser = _Effects()
    parser.feed(response.text)
    return parser.found
