"""A parser that finds the buttons that submit a form."""

from __future__ import annotations

from html.parser import HTMLParser

_OF_THE_FRAME = ("/admin/logout/",)
"""The targets of forms that Django puts on every page."""


class _Forms(HTMLParser):
    """Collects the submit buttons of POST forms."""

    def __init__(self) -> None:
        super().__init__()
        self.buttons: list[str] = []
        self._is_in_form = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form":
            is_post = (values.get("method") or "get").lower() == "post"
            self._is_in_form = is_post and values.get("action") not in _OF_THE_FRAME
        is_button = tag == "button" or (
            tag == "input" and values.get("type") in {"submit", "image"}
        )
        if is_button and ("form" in values or self._is_in_form) and values.get("type") != "button":
            self.buttons.append(self.get_starttag_text() or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_in_form = False


def buttons_that_post(html: str) -> list[str]:
    """Return the buttons that submit a POST form, except the log-out."""
    parser = _Forms()
    parser.feed(html)
    return parser.buttons
