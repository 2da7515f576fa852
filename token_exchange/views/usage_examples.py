"""How does a client use its credential: which lines, at which address?"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urljoin

from django.urls import NoReverseMatch, reverse

from token_exchange.conf import get_settings
from token_exchange.models import Credential
from token_exchange.models.credential_policy import effective_audience
from token_exchange_core.scopes import REVOCATIONS_SCOPE

# Somebody else copies the lines, into a shell or a program: the audience must not act there.
_PLAIN_ADDRESS: Final = re.compile(r"https?://[A-Za-z0-9._~:/%-]+")

_GET_JSON = """\
import json
from urllib.request import Request, urlopen

headers = {headers}
with urlopen(Request("{url}", headers=headers)) as answer:
    print(json.load(answer))
"""

_EXCHANGE = """\
{imports}
from urllib.request import Request, urlopen

headers = {headers}
with urlopen(Request("{url}", headers=headers, method="POST")) as answer:
    token = json.load(answer){token}

# The address of the API that you call:
headers = {{"Authorization": f"Bearer {{token}}"}}
with urlopen(Request("{api}", headers=headers)) as answer:
    print(answer.read().decode())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What a client must know to use a credential."""

    kind: str
    identifier: str
    scopes: list[str]
    audience: list[str]
    raw_secret: str = field(repr=False)
    """The whole API key or the client secret, or what stands for it where nobody knows it."""

    @property
    def is_follower(self) -> bool:
        """Whether it is only there to read what has been revoked."""
        return self.kind == Credential.Kind.API_KEY and self.scopes == [REVOCATIONS_SCOPE]

    @property
    def endpoint(self) -> str:
        """Where it is sent: the exchange of its kind, or the feed for what follows that."""
        if self.kind == Credential.Kind.CLIENT_APP:
            return _address("auth_token")
        return _address("revocations" if self.is_follower else "token")

    @property
    def api(self) -> str:
        """Where its tokens are good: its first audience, if that is an address and no more."""
        first = effective_audience(self.audience)[0]
        return first if _PLAIN_ADDRESS.fullmatch(first) else get_settings().issuer


def client_of(credential: Credential, *, raw_secret: str) -> Client:
    """Return the credential as its client knows it."""
    return Client(
        kind=credential.kind,
        identifier=credential.identifier,
        scopes=credential.scopes,
        audience=credential.audience,
        raw_secret=raw_secret,
    )


def curl(client: Client) -> str:
    """Return the line that tries the credential."""
    if client.kind == Credential.Kind.CLIENT_APP:
        return f"curl -X POST -u '{client.identifier}:{client.raw_secret}' {client.endpoint}"
    method = "" if client.is_follower else "-X POST "
    return f"curl {method}-H 'Authorization: ApiKey {client.raw_secret}' {client.endpoint}"


def curl_with_token(client: Client) -> str:
    """Return the line that calls the API with a token, which the reader puts in."""
    return f"curl -H 'Authorization: Bearer ACCESS_TOKEN' {client.api}"


def python(client: Client) -> str:
    """Return a program, of the standard library alone, that gets a token and uses it."""
    if client.kind == Credential.Kind.CLIENT_APP:
        pair = f"{client.identifier}:{client.raw_secret}"
        return _EXCHANGE.format(
            imports="import json\nfrom base64 import b64encode",
            headers=f'{{"Authorization": "Basic " + b64encode(b"{pair}").decode()}}',
            url=client.endpoint,
            token='["access_token"]["token"]',
            api=client.api,
        )
    headers = f'{{"Authorization": "ApiKey {client.raw_secret}"}}'
    if client.is_follower:
        return _GET_JSON.format(headers=headers, url=client.endpoint)
    return _EXCHANGE.format(
        imports="import json",
        headers=headers,
        url=client.endpoint,
        token='["access_token"]',
        api=client.api,
    )


def _address(name: str) -> str:
    # The issuer's host and never the request's: a forged Host header must not get the secret.
    issuer = get_settings().issuer
    try:
        return urljoin(issuer, reverse(f"token_exchange:{name}"))
    except NoReverseMatch:  # the wire is served by other processes than the admin
        path = name if name == "auth_token" else f"v1/{name}"
        return f"{issuer.rstrip('/')}/{path}"
