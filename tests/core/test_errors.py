"""Errors: codes and descriptions on the wire, header fields, reasons for the log."""

from __future__ import annotations

import ast
import re

import pytest

from tests.support.paths import PACKAGES
from token_exchange_core import errors
from token_exchange_core.errors import (
    ExpiredToken,
    InsufficientScope,
    InvalidClient,
    InvalidToken,
    SlowDown,
    TemporarilyUnavailable,
    TokenExchangeError,
)

CLASSES = {
    name: each
    for name, each in vars(errors).items()
    if isinstance(each, type) and issubclass(each, TokenExchangeError)
}
# RFC 6749, section 5.2: no quote and no backslash, so that it may stand in a challenge as it is.
DESCRIPTION = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]+")


def texts_in_the_package():
    """Every description that is written where an error is raised; what varies counts as a digit."""
    for path in (path for package in PACKAGES for path in package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            if node.func.id in CLASSES and node.args:
                text = node.args[0]
                if isinstance(text, ast.JoinedStr):
                    constants = (each for each in text.values if isinstance(each, ast.Constant))
                    yield "0".join(each.value for each in constants)
                elif isinstance(text, ast.Constant):
                    yield text.value


class TestCodes:
    def test_are_these(self):
        assert {name: (each.status, each.error) for name, each in CLASSES.items()} == {
            "TokenExchangeError": (500, "server_error"),
            "ServerError": (500, "server_error"),
            "TemporarilyUnavailable": (503, "temporarily_unavailable"),
            "CredentialRequired": (401, "invalid_client"),
            "InvalidRequest": (400, "invalid_request"),
            "MalformedAuthorization": (400, "invalid_request"),
            "MethodNotAllowed": (405, "invalid_request"),
            "InvalidScope": (400, "invalid_scope"),
            "InvalidTarget": (400, "invalid_target"),
            "InvalidClient": (401, "invalid_client"),
            "InvalidToken": (401, "invalid_token"),
            "ExpiredToken": (401, "invalid_token"),
            "InsufficientScope": (403, "insufficient_scope"),
            "AuthenticationRequired": (401, "invalid_request"),
            "AccessDenied": (403, "access_denied"),
            "NotFound": (404, "not_found"),
            "Conflict": (409, "conflict"),
            "SlowDown": (429, "slow_down"),
        }


class TestDescriptions:
    @pytest.mark.parametrize("name", sorted(CLASSES))
    def test_of_each_class_may_stand_on_the_wire(self, name):
        assert DESCRIPTION.fullmatch(CLASSES[name]().description)

    def test_of_each_place_may_stand_on_the_wire(self):
        texts = list(texts_in_the_package())
        assert len(texts) > 10
        assert [text for text in texts if DESCRIPTION.fullmatch(text) is None] == []


class TestTokenExchangeError:
    def test_reason_and_identifier_are_private(self):
        error = InvalidClient(reason="credential_revoked", identifier="sk_live.abc")
        assert (error.reason, error.identifier) == ("credential_revoked", "sk_live.abc")
        assert str(error) == error.description == "Client authentication failed."

    def test_description_may_be_another(self):
        error = InvalidClient("Invalid API Key")
        assert (str(error), error.reason, error.identifier) == (
            "Invalid API Key",
            "invalid_client",
            None,
        )
        assert InvalidClient.description == "Client authentication failed."


class TestHeaders:
    @pytest.mark.parametrize("name", sorted(CLASSES))
    def test_no_error_has_others(self, name):
        names = {"TemporarilyUnavailable": {"Retry-After"}}
        names |= {each: {"WWW-Authenticate"} for each in ("InvalidToken", "ExpiredToken")}
        assert set(CLASSES[name]().headers) == names.get(name, set())

    def test_retry_after_is_in_seconds(self):
        assert TemporarilyUnavailable().headers == {"Retry-After": "5"}
        error = SlowDown()
        error.retry_after_seconds = 17
        assert error.headers == {"Retry-After": "17"}

    @pytest.mark.parametrize("refused", [InvalidToken, ExpiredToken])
    def test_refused_token_has_its_challenge(self, refused):
        assert refused().headers["WWW-Authenticate"] == (
            'Bearer realm="token_exchange", error="invalid_token", '
            f'error_description="{refused.description}"'
        )

    def test_insufficient_scope_names_the_scopes(self):
        error = InsufficientScope()
        error.scope = "reports:read reports:write"
        assert error.headers == {
            "WWW-Authenticate": 'Bearer realm="token_exchange", error="insufficient_scope", '
            'scope="reports:read reports:write"'
        }


class TestWithoutFrames:
    def test_drops_the_traceback_and_what_was_behind_it(self):
        try:
            try:
                raise ValueError
            except ValueError as cause:
                raise errors.InvalidClient(reason="x") from cause
        except errors.InvalidClient as caught:
            error = caught
        assert error.__traceback__ is not None
        assert error.without_frames() is error
        assert (error.__traceback__, error.__cause__, error.__context__) == (None, None, None)
        assert (error.reason, error.status) == ("x", 401)
