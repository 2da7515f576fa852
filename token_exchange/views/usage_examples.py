"""Commands and programs that show how to use a credential, and the URL it is sent to."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urljoin

from django.urls import NoReverseMatch, reverse

from token_exchange.conf import get_settings
from token_exchange.models import Credential
from token_exchange.models.credential_policy import effective_audience
from token_exchange_core.scopes import REVOCATIONS_SCOPE

# People paste the examples into a shell or a program, where nothing in the URL may be special.
_SAFE_URL: Final = re.compile(r"https?://[A-Za-z0-9._~:/%-]+")

_GET_JSON: Final = """\
import json
from urllib.request import Request, urlopen

headers = {headers}
with urlopen(Request("{url}", headers=headers)) as response:
    print(json.load(response))
"""

_EXCHANGE: Final = """\
{imports}
from urllib.request import Request, urlopen

headers = {headers}
with urlopen(Request("{url}", headers=headers, method="POST")) as response:
    token = json.load(response){token}

# The URL of the API that you call:
headers = {{"Authorization": f"Bearer {{token}}"}}
with urlopen(Request("{api}", headers=headers)) as response:
    print(response.read().decode())
"""


def placeholder(credential: Credential) -> str:
    """Return what an example shows instead of the credential's secret, which is not stored."""
    return "CLIENT_SECRET" if _is_client_app(credential) else "API_KEY"


def only_reads_revocations(credential: Credential) -> bool:
    """Return whether it is an API key that can read the revocation feed and nothing else."""
    return not _is_client_app(credential) and credential.scopes == [REVOCATIONS_SCOPE]


def endpoint_url(credential: Credential) -> str:
    """Return the URL that the credential is sent to: an exchange, or the revocation feed."""
    if _is_client_app(credential):
        return _url("auth_token")
    return _url("revocations" if only_reads_revocations(credential) else "token")


def curl(credential: Credential, secret: str) -> str:
    """Return a curl command that sends the credential to its endpoint.

    ``secret`` is a placeholder, or the stand-in of a new secret.
    """
    url = endpoint_url(credential)
    if _is_client_app(credential):
        return f"curl -X POST -u '{credential.identifier}:{secret}' {url}"
    method = "" if only_reads_revocations(credential) else "-X POST "
    return f"curl {method}-H 'Authorization: ApiKey {secret}' {url}"


def curl_with_token(credential: Credential) -> str:
    """Return a curl command that calls the API, with a placeholder for the token."""
    return f"curl -H 'Authorization: Bearer ACCESS_TOKEN' {_api_url(credential)}"


def python(credential: Credential, secret: str) -> str:
    """Return a program, for the standard library alone, that gets a token and uses it.

    ``secret`` is as for ``curl``.
    """
    url = endpoint_url(credential)
    headers = f'{{"Authorization": "ApiKey {secret}"}}'
    if only_reads_revocations(credential):
        return _GET_JSON.format(headers=headers, url=url)
    imports, token = "import json", '["access_token"]'
    if _is_client_app(credential):
        pair = f"{credential.identifier}:{secret}"
        headers = f'{{"Authorization": "Basic " + b64encode(b"{pair}").decode()}}'
        imports, token = "import json\nfrom base64 import b64encode", '["access_token"]["token"]'
    return _EXCHANGE.format(
        imports=imports, headers=headers, url=url, token=token, api=_api_url(credential)
    )


def _is_client_app(credential: Credential) -> bool:
    return credential.kind == Credential.Kind.CLIENT_APP


def _api_url(credential: Credential) -> str:
    """Return the first audience of its tokens, or the issuer where that is not a safe URL."""
    first = effective_audience(credential.audience)[0]
    return first if _SAFE_URL.fullmatch(first) else get_settings().issuer


def _url(name: str) -> str:
    # The issuer's host, not the request's: a forged Host header must not receive the secret.
    issuer = get_settings().issuer
    try:
        return urljoin(issuer, reverse(f"token_exchange:{name}"))
    except NoReverseMatch:  # the endpoints are served by other processes than the admin
        path = name if name == "auth_token" else f"v1/{name}"
        return f"{issuer.rstrip('/')}/{path}"
