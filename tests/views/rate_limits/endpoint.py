"""An endpoint with a credential, and readers of its rate limit fields."""

from __future__ import annotations

import http_sf

from tests.support.factories import api_key_header, basic_header, make_api_key, make_client_app
from token_exchange.models import Credential


class Endpoint:
    """An exchange endpoint with a credential for it."""

    def __init__(self, path, client):
        self.path = path
        self.client = client
        self.make = make_api_key if path == "/v1/token" else make_client_app
        self.header = api_key_header if path == "/v1/token" else basic_header
        self.issued = self.make()

    def post(self, issued=None, **extra):
        headers = self.header(issued or self.issued) | extra.pop("headers", {})
        return self.client.post(self.path, headers=headers, **extra)

    def fail(self, **extra):
        """Send a well-formed credential with the right public id and a wrong secret."""
        stranger = self.make()
        identifier = self.issued.credential.identifier
        if self.path == "/auth_token":
            stranger.credential.identifier = identifier
        headers = self.header(stranger)
        Credential.objects.filter(pk=stranger.credential.pk).delete()
        return self.client.post(self.path, headers=headers | extra.pop("headers", {}), **extra)


def fields(response):
    """Parse RateLimit and RateLimit-Policy as Structured Fields."""
    parsed = [
        http_sf.parse(response[name].encode(), tltype="list")
        for name in ("RateLimit", "RateLimit-Policy")
    ]
    ((name, state),), ((policy_name, policy),) = parsed
    assert name == policy_name
    return name, state, policy


def statuses(responses):
    return [response.status_code for response in responses]
