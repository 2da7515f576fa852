"""How is each secret shown, and each form accepted, only once?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from django.core import signing
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from token_exchange.admin.desk import DeskAdmin
from token_exchange.conf import get_settings
from token_exchange.credentials import IssuedSecret
from token_exchange.models import Credential


def seal(value: Any, *, purpose: str, user: Any) -> str:
    """Sign what a form was made with, so that only this user can submit it, for this purpose."""
    return signing.dumps(value, salt=_salt(purpose, user))


def unseal(text: str, *, purpose: str, user: Any) -> Any:
    """Return what the form was made with; raises ``signing.BadSignature`` for anything else."""
    return signing.loads(text, salt=_salt(purpose, user))


def _salt(purpose: str, user: Any) -> str:
    return f"token_exchange.admin:{purpose}:{user.pk}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSecret:
    """What the page says of one secret; a traceback shows none of it."""

    credential: Credential
    parts: list[tuple[Any, str]] = field(repr=False)
    curl: str = field(repr=False)


def show_secrets(
    model_admin: DeskAdmin, request: HttpRequest, issued: Iterable[IssuedSecret], *, title: str
) -> TemplateResponse:
    """Answer a POST with its new secrets: nothing else knows them, and nothing keeps them."""
    return model_admin.page(
        request, "show_once.html", title=title, secrets=[_shown(each) for each in issued]
    )


@sensitive_variables("secret", "parts", "curl")
def _shown(issued: IssuedSecret) -> ShownSecret:
    credential, secret = issued.credential, issued.raw_secret
    parts: list[tuple[Any, str]] = [(_("API key"), secret)]
    url = _endpoint("token", "/v1/token")
    curl = f"curl -X POST -H 'Authorization: ApiKey {secret}' {url}"
    if credential.kind == Credential.Kind.CLIENT_APP:
        parts = [("client_id", credential.identifier), ("client_secret", secret)]
        url = _endpoint("auth_token", "/auth_token")
        curl = f"curl -X POST -u '{credential.identifier}:{secret}' {url}"
    return ShownSecret(credential=credential, parts=parts, curl=curl)


def _endpoint(name: str, default_path: str) -> str:
    # The issuer's host and never the request's: a forged Host header must not get the secret.
    issuer = get_settings().issuer
    try:
        return urljoin(issuer, reverse(f"token_exchange:{name}"))
    except NoReverseMatch:  # the wire is served by other processes than the admin
        return issuer.rstrip("/") + default_path
