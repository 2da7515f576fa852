"""The public API: the documented names can be imported, and ``__all__`` exports them."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Final

import pytest

from tests.support.paths import DOCS

PUBLIC: Final = {
    "token_exchange.admin.tenant_access": ["permitted_organization_keys", "restrict_to_tenants"],
    "token_exchange.authentication": ["BearerAuthentication", "Principal"],
    "token_exchange.conf": ["get_settings"],
    "token_exchange.exceptions": ["exception_handler"],
    "token_exchange.issuer.authentication": [
        "ApiKeyAuthentication",
        "ClientAppBasicAuthentication",
    ],
    "token_exchange.issuer.credentials": [
        "Act",
        "CredentialConflict",
        "CredentialPolicy",
        "IssuedSecret",
        "edit",
        "end_overlap",
        "issue",
        "revoke",
        "rotate",
    ],
    "token_exchange.issuer.organizations": ["create", "delete", "edit"],
    "token_exchange.issuer.self_service": ["SelfServiceEntitlement"],
    "token_exchange.issuer.signing_keys": [
        "SigningKeyConflict",
        "remove_signing_key",
        "rotate_signing_key",
    ],
    "token_exchange.issuer.tokens": [
        "IssuedToken",
        "TokenRequest",
        "issue",
        "reuse_or_issue",
        "revoke",
        "verify_access_token",
    ],
    "token_exchange.middleware": ["PrivateResponseMiddleware"],
    "token_exchange.models": [
        "APIKey",
        "AbstractOrganization",
        "AccessToken",
        "AuditEvent",
        "ClientApp",
        "Credential",
        "Organization",
        "SigningKey",
        "get_organization_model",
    ],
    "token_exchange.permissions": ["HasScope"],
    "token_exchange.request": ["client_address"],
    "token_exchange.resource_server.verifier": ["check_sources", "verify_access_token"],
    "token_exchange_core.authorization": ["BEARER", "parse_authorization", "raw_token"],
    "token_exchange_core.challenges": ["BEARER_CHALLENGE", "bearer_challenge"],
    "token_exchange_core.errors": ["TokenExchangeError"],
    "token_exchange_core.remote": ["RemoteKeys", "RemoteRevocations", "remote_verifier"],
    "token_exchange_core.scopes": ["REVOCATIONS_SCOPE", "is_scope_token", "parse_scope"],
    "token_exchange_core.secret_strings": ["redact_secrets"],
    "token_exchange_core.tokens": ["Claims"],
    "token_exchange_core.verification": ["TokenVerifier", "VerifiedToken"],
}

_PAGE: Final = (DOCS / "reference" / "public-api.md").read_text(encoding="utf-8")


def _documented() -> dict[str, list[str]]:
    """Return the names that the tables of the page list for each module."""
    names: dict[str, set[str]] = {}
    module = ""
    for row in re.findall(r"^\| (.+?) \| (.+?) \|$", _PAGE, re.MULTILINE):
        first = re.fullmatch(r"`(token_exchange[\w.]*)`", row[0])
        if first:
            module = first[1]
        elif row[0] != "the same, types":
            continue
        names.setdefault(module, set()).update(re.findall(r"`(\w+)`", row[1]))
    urls = {"token_exchange.urls", "token_exchange.views.self_service.urls"}
    return {name: sorted(each) for name, each in names.items() if name not in urls}


def test_page_lists_exactly_these_names() -> None:
    assert _documented() == PUBLIC


@pytest.mark.parametrize("module", PUBLIC)
def test_names_can_be_imported(module: str) -> None:
    found = import_module(module)
    assert [name for name in PUBLIC[module] if not hasattr(found, name)] == []


@pytest.mark.parametrize(
    "module", [name for name in PUBLIC if hasattr(import_module(name), "__all__")]
)
def test_all_exports_these_names(module: str) -> None:
    assert set(PUBLIC[module]) - set(import_module(module).__all__) == set()
