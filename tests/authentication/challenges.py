"""Strict parsing of WWW-Authenticate (RFC 9110, section 11.6.1)."""

from __future__ import annotations

import re

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
QUOTED = r'"((?:[\x09\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x09\x20-\x7e])*)"'
PARAMETER = re.compile(rf"({TOKEN})={QUOTED}")
SCHEME = re.compile(rf"({TOKEN}) (?={TOKEN}=)")


def read_challenges(header: str) -> list[tuple[str, dict[str, str]]]:
    """Return schemes and parameters; fails for what the grammar does not have, and repetitions."""
    challenges: list[tuple[str, dict[str, str]]] = []
    place = 0
    while place < len(header):
        if scheme := SCHEME.match(header, place):
            challenges.append((scheme[1], {}))
            place = scheme.end()
        parameter = PARAMETER.match(header, place)
        assert parameter, f"no parameter at {header[place:]!r}"
        name, parameters = parameter[1].lower(), challenges[-1][1]
        assert name not in parameters, f"{name} is repeated"
        parameters[name] = re.sub(r"\\(.)", r"\1", parameter[2])
        place = parameter.end()
        if place < len(header):
            assert header.startswith(", ", place)
            place += 2
    return challenges
