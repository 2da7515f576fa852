"""The page that shows new secrets, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from token_exchange.admin import credential_summary
from token_exchange.admin.base import TokenExchangeAdmin
from token_exchange.issuer.credentials import IssuedSecret
from token_exchange.models import Credential
from token_exchange.views import usage_examples


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSecret:
    """One secret on the page, by its stand-in."""

    credential: Credential
    url: str
    """The credential's change form."""
    parts: list[tuple[Any, str]]
    curl: str
    curl_with_token: str
    """Empty for a credential that is sent without an exchange."""
    python: str
    limits: list[tuple[str, Any]]


def show_secrets(
    model_admin: TokenExchangeAdmin,
    request: HttpRequest,
    issued: Sequence[IssuedSecret],
    *,
    title: str,
) -> TemplateResponse:
    """Answer a POST with its new secrets, which are not stored anywhere.

    The templates see only stand-ins.
    """
    secrets = [_shown(model_admin, each) for each in issued]
    response = model_admin.render(request, "show_once.html", title=title, secrets=secrets)

    def reveal(rendered: TemplateResponse) -> None:
        for each in issued:
            rendered.content = each.reveal(rendered.text)

    response.add_post_render_callback(reveal)
    return response


def _shown(model_admin: TokenExchangeAdmin, issued: IssuedSecret) -> ShownSecret:
    credential, secret = issued.credential, issued.stand_in
    parts: list[tuple[Any, str]] = [(_("API key"), secret)]
    if credential.kind == Credential.Kind.CLIENT_APP:
        parts = [("client_id", credential.identifier), ("client_secret", secret)]
    return ShownSecret(
        credential=credential,
        url=model_admin.url("change", credential),
        parts=parts,
        curl=usage_examples.curl(credential, secret),
        curl_with_token=(
            ""
            if usage_examples.only_reads_revocations(credential)
            else usage_examples.curl_with_token(credential)
        ),
        python=usage_examples.python(credential, secret),
        limits=credential_summary.limits(credential),
    )
