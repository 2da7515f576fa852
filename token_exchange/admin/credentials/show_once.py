"""How is a new secret shown, so that nothing can show it again?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from token_exchange.admin.base import DeskAdmin
from token_exchange.admin.credential_summary import where_it_works
from token_exchange.issuer.credentials import IssuedSecret
from token_exchange.models import Credential
from token_exchange.views import usage_examples


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSecret:
    """What the page says of one secret; a traceback shows none of it."""

    credential: Credential
    url: str
    """Of the credential's own page."""
    parts: list[tuple[Any, str]] = field(repr=False)
    curl: str = field(repr=False)
    curl_with_token: str
    """Empty where the credential is sent itself."""
    python: str = field(repr=False)
    where: list[tuple[str, Any]]


def show_secrets(
    model_admin: DeskAdmin, request: HttpRequest, issued: Iterable[IssuedSecret], *, title: str
) -> TemplateResponse:
    """Answer a POST with its new secrets: nothing else knows them, and nothing keeps them."""
    secrets = [_shown(model_admin, each) for each in issued]
    return model_admin.page(request, "show_once.html", title=title, secrets=secrets)


@sensitive_variables("issued", "secret", "parts")
def _shown(model_admin: DeskAdmin, issued: IssuedSecret) -> ShownSecret:
    credential, secret = issued.credential, issued.raw_secret
    parts: list[tuple[Any, str]] = [(_("API key"), secret)]
    if credential.kind == Credential.Kind.CLIENT_APP:
        parts = [("client_id", credential.identifier), ("client_secret", secret)]
    return ShownSecret(
        credential=credential,
        url=model_admin.url("change", credential),
        parts=parts,
        curl=usage_examples.curl(issued),
        curl_with_token=(
            ""
            if usage_examples.only_reads_revocations(credential)
            else usage_examples.curl_with_token(credential)
        ),
        python=usage_examples.python(issued),
        where=where_it_works(credential),
    )
