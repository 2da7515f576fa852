"""Every reason of a refused exchange has a description."""

from __future__ import annotations

import ast

from tests.support.paths import ROOT
from token_exchange.admin.dashboard.refusal_reasons import REASONS, describe_reason
from token_exchange.conf.settings import DEFAULT_RATE_LIMITS
from token_exchange_core.errors import ServerError

SOURCES = (
    "core/token_exchange_core/authorization.py",
    "core/token_exchange_core/keys.py",
    "core/token_exchange_core/scopes.py",
    "core/token_exchange_core/secret_strings.py",
    "token_exchange/issuer/credentials/client_authentication.py",
    "token_exchange/issuer/tokens/policy.py",
    "token_exchange/request.py",
    "token_exchange/views/auth_token.py",
    "token_exchange/views/endpoint.py",
    "token_exchange/views/rate_limits.py",
    "token_exchange/views/request_body.py",
    "token_exchange/views/token.py",
)
"""What an exchange passes through."""

OF_OTHERS = {"malformed_bearer", "method_not_allowed", "rate_leak_report", "rate_self_service"}
"""Reasons of what is no exchange."""

PARAMETERS = ("audience", "expires_in", "scope")
"""Of an exchange; what cannot be read is named for its parameter."""


def reasons_of(source: str) -> set[str]:
    """Return what is given as a reason there, and the keys of a dictionary of reasons."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / source).read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg == "reason":
            found |= {node.value.value} if isinstance(node.value, ast.Constant) else set()
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "reasons":
            found |= {key.value for key in node.value.keys}
        if isinstance(node, ast.FunctionDef) and node.name == "_reason_to_refuse":
            returned = (each.value for each in ast.walk(node) if isinstance(each, ast.Return))
            found |= {each.value for each in returned if isinstance(each, ast.Constant)}
    return found


def test_each_reason_has_a_description():
    found = set().union(*map(reasons_of, SOURCES))
    found |= {f"malformed_{name}" for name in PARAMETERS}
    found |= {f"rate_{name}" for name in DEFAULT_RATE_LIMITS} | {ServerError.reason}
    assert found - OF_OTHERS == set(REASONS)


def test_unknown_reason_is_described_by_its_code():
    assert describe_reason("of_tomorrow") == "Of tomorrow"
