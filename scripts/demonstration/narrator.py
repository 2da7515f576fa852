"""Output of the demonstration: requests, responses and the checks on them."""

from __future__ import annotations

import base64
import http.client
import json
import shlex
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 15
# Longer words are shown by their two ends.
LONGEST_WORD = 56
_SHOWN_HEADERS = (
    "Location",
    "WWW-Authenticate",
    "Retry-After",
    "RateLimit",
    "RateLimit-Policy",
    "Cache-Control",
    "ETag",
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the service answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body's JSON; an empty dictionary where it has none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return {}

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that it sets."""
        pairs = [each.split(";")[0] for each in self.headers.get_all("Set-Cookie", [])]
        return dict(pair.split("=", 1) for pair in pairs)


class Narrator:
    """Sends, prints and checks; remembers what was not right."""

    def __init__(self) -> None:
        self._step = 0
        self._passed = 0
        self._failed: list[str] = []

    @property
    def all_passed(self) -> bool:
        """Whether everything was right so far."""
        return not self._failed

    def step(self, title: str, text: str = "") -> None:
        """Begin the next part."""
        self._step += 1
        print(f"\n{f' {self._step}. {title} ':─^80}")
        if text:
            self.say(text)
        print()

    def say(self, text: str) -> None:
        """Print a paragraph."""
        print(textwrap.dedent(text).rstrip())

    def ran(self, *arguments: str, answer: Any = None) -> None:
        """Print a management command, and the JSON that it answered with."""
        words = ["python", "manage.py", *arguments, *([] if answer is None else ["--json"])]
        print(f"$ {' '.join(map(shlex.quote, words))}")
        if answer is not None:
            absent: tuple[Any, ...] = (None, "", [])
            _print_json({name: value for name, value in answer.items() if value not in absent})

    def show(self, what: str, value: Any) -> None:
        """Print something that has a name."""
        print(f"  {what}:")
        _print_json(value)

    def call(
        self,
        method: str,
        url: str,
        *,
        authorization: str | None = None,
        user: tuple[str, str] | None = None,
        body: Any = None,
    ) -> Answer:
        """Send a request, print it as curl would have sent it, and its answer; return that."""
        headers = {"Authorization": authorization} if authorization else {}
        if user:
            encoded = base64.b64encode(":".join(user).encode()).decode()
            headers["Authorization"] = f"Basic {encoded}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        sent = None if body is None else json.dumps(body)
        _print_request(method, url, authorization=authorization, user=user, sent=sent)
        answer = send(method, url, headers=headers, body=sent)
        _print_answer(answer)
        return answer

    def check(self, claim: str, *, passed: bool) -> None:
        """Say whether it is so."""
        print(f"  {'✓' if passed else '✗'} {claim}")
        if passed:
            self._passed += 1
        else:
            self._failed.append(claim)

    def summary(self) -> None:
        """Say how it went."""
        total = self._passed + len(self._failed)
        print(f"\n{'':─^80}\n{self._passed} of {total} checks passed.")
        for claim in self._failed:
            print(f"  ✗ {claim}")


def send(method: str, url: str, *, headers: Mapping[str, str], body: str | None = None) -> Answer:
    """Send a request and return its answer, whatever its status."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT_SECONDS)
    try:
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, target, body=body, headers=dict(headers))
        response = connection.getresponse()
        return Answer(status=response.status, headers=response.headers, body=response.read())
    finally:
        connection.close()


def shorten(text: str) -> str:
    """Return the text with the middle of each long word left out."""
    return " ".join(
        f"{word[:24]}…{word[-8:]}" if len(word) > LONGEST_WORD else word for word in text.split(" ")
    )


def _print_request(
    method: str,
    url: str,
    *,
    authorization: str | None,
    user: tuple[str, str] | None,
    sent: str | None,
) -> None:
    words = ["curl"]
    if method != "GET":
        words += ["-X", method]
    words.append(url)
    if user:
        words += ["-u", ":".join(map(shorten, user))]
    if authorization:
        words += ["-H", f"Authorization: {shorten(authorization)}"]
    if sent is not None:
        words += ["-H", "Content-Type: application/json", "-d", sent]
    print(f"$ {' '.join(map(shlex.quote, words))}")


def _print_answer(answer: Answer) -> None:
    print(f"  {answer.status} {http.client.responses.get(answer.status, '')}")
    for name in _SHOWN_HEADERS:
        if value := answer.headers.get(name):
            print(f"  {name}: {value}")
    if answer.json:
        _print_json(answer.json)


def _print_json(value: Any) -> None:
    shown = _shortened(value)
    text = shown if isinstance(shown, str) else json.dumps(shown, indent=2, ensure_ascii=False)
    print(textwrap.indent(text, "  "))


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shortened(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_shortened(each) for each in value]
    return shorten(value) if isinstance(value, str) else value
