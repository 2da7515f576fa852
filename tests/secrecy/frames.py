"""What error reporters see: the local variables of stack frames, by their ``repr``."""

from __future__ import annotations

import base64
import binascii
import re
import sys
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, Final

from django.db.models import Manager, QuerySet
from django.http import HttpRequest
from rest_framework.request import Request

# Each as a whole. A token without its signature opens nothing, and the database has it.
SECRET: Final = re.compile(
    r"\b(?:sk|cs)_\w+\.\w{12}\.\w{49}|eyJ[\w-]+\.[\w-]+\.[\w-]{40,}|-----BEGIN \w* ?PRIVATE"
)
_ENCODED: Final = re.compile(r"[A-Za-z0-9+/]{40,}={0,2}")

# Ours, and those through which a request, a page or a command comes to us.
_OURS: Final = ("token_exchange", "token_exchange_core")
_WRAPPERS: Final = (
    *("django.views", "django.utils", "django.contrib.admin", "django.core.handlers"),
    *("django.template", "django.core.management", "rest_framework", "functools", "contextlib"),
)
# Reporters know these, and remove their headers by name.
_REQUESTS: Final = (HttpRequest, Request)
_REQUEST_NAMES: Final = frozenset({"environ", "scope", "META", "headers"})
_NO_TEXT: Final = (Manager, QuerySet)  # Their repr is a query.


def module_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def is_inspected(frame: FrameType) -> bool:
    module = module_of(frame)
    return module.split(".")[0] in _OURS or module.startswith(_WRAPPERS)


def secrets_in_text(text: str) -> list[str]:
    """Return the secrets in the text, also those in base64."""
    found = SECRET.findall(text)
    for piece in _ENCODED.findall(text):
        try:
            decoded = base64.b64decode(piece + "=" * (-len(piece) % 4)).decode("latin-1")
        except binascii.Error:
            continue
        found += SECRET.findall(decoded)
    return found


def secrets_in(frame: FrameType) -> list[str]:
    """Return where the frame shows a secret: module, function and variable."""
    return [
        f"{module_of(frame)}.{frame.f_code.co_name}: {name}"
        for name, value in list(frame.f_locals.items())
        if name not in _REQUEST_NAMES
        and not isinstance(value, (*_REQUESTS, *_NO_TEXT))
        and secrets_in_text(_text(value))
    ]


def _text(value: Any) -> str:
    if isinstance(value, (tuple, list, set, frozenset)):
        return " ".join(map(_text, value))
    if isinstance(value, dict):
        return " ".join(f"{key!r} {_text(each)}" for key, each in value.items())
    if isinstance(value, (*_REQUESTS, *_NO_TEXT)):
        return ""
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - as a reporter would
        return repr(error)


class LiveFrames:
    """Looks at the frames of each query while it runs: an execute wrapper of a connection."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self.inspected: set[str] = set()
        self._is_busy = False

    def __call__(self, execute: Any, *arguments: Any) -> Any:
        if not self._is_busy:
            self._is_busy = True
            try:
                self._look()
            finally:
                self._is_busy = False
        return execute(*arguments)

    def _look(self) -> None:
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            if is_inspected(frame):
                self.inspected.add(module_of(frame))
                self.found.update(secrets_in(frame))
            frame = frame.f_back


def errors_behind(error: BaseException) -> Iterator[BaseException]:
    """Return the error, its causes and its contexts, also those that Python would not show."""
    waiting, seen = [error], set()
    while waiting:
        each = waiting.pop()
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += filter(None, (each.__cause__, each.__context__))


def frames_of(error: BaseException) -> Iterator[FrameType]:
    """Return the inspected frames in the tracebacks of the error and all behind it."""
    for each in errors_behind(error):
        traceback: TracebackType | None = each.__traceback__
        while traceback is not None:
            if is_inspected(traceback.tb_frame):
                yield traceback.tb_frame
            traceback = traceback.tb_next
