"""DRF authentication by API key, or by client id and secret, without an exchange."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication

from token_exchange.authentication import Principal
from token_exchange.caching import keep_private, vary_by_authorization
from token_exchange.conf import get_settings
from token_exchange.database.errors import DATABASE_AWAY
from token_exchange.exceptions import challenges, log_and_convert
from token_exchange.issuer.credentials import (
    AuthenticatedCredential,
    authenticate_api_key,
    authenticate_client_app,
    parse_api_key,
    parse_client_app,
)
from token_exchange.models.credential_policy import effective_audience
from token_exchange.request import (
    authorization,
    browser_origin,
    client_address,
    http_request,
    require_https,
)
from token_exchange_core.authorization import API_KEY, BASIC, Authorization, parse_basic
from token_exchange_core.challenges import API_KEY_CHALLENGE, BASIC_CHALLENGE
from token_exchange_core.errors import InvalidClient, TemporarilyUnavailable, TokenExchangeError
from token_exchange_core.secret_strings import ReceivedSecret


class _CredentialAuthentication(BaseAuthentication):
    """Authenticate by a credential itself; ``request.auth`` is an ``AuthenticatedCredential``."""

    scheme: ClassVar[str]
    """In lower case."""
    refusal: ClassVar[str]
    """The description of every refusal."""

    def authenticate(self, request: Any) -> tuple[Any, AuthenticatedCredential] | None:
        """Return user and credential, or ``None`` if the request does not use this scheme."""
        vary_by_authorization(request)
        try:
            credential = self._authenticate(request)
        except TokenExchangeError as error:
            raise log_and_convert(
                error, request, refused="credential.refused", failed="credential.failed"
            ) from error
        if credential is None:
            return None
        keep_private(request)
        if credential.owner is not None:
            return credential.owner, credential
        machine = Principal(
            identifier=credential.identifier,
            organization_id=str(credential.organization_id),
            scopes=frozenset(credential.scopes),
        )
        return machine, credential

    def _authenticate(self, request: Any) -> AuthenticatedCredential | None:
        http = http_request(request)
        try:
            received = self._received(http)
            if received is None:
                return None
            credential = self.check(
                received,
                address=client_address(http),
                browser_origin=browser_origin(http),
                now=timezone.now(),
            )
            if get_settings().audience not in effective_audience(credential.audience):
                raise InvalidClient(reason="audience_not_allowed", identifier=credential.identifier)
        except InvalidClient as error:
            raise InvalidClient(
                self.refusal, reason=error.reason, identifier=error.identifier
            ) from error
        except DATABASE_AWAY as error:
            raise TemporarilyUnavailable(reason="database_away") from error
        return credential

    def _received(self, http: Any) -> ReceivedSecret | None:
        """Return what the header holds, without the secret itself, if it has this scheme."""
        header = authorization(http)
        if header is None or header.scheme != self.scheme:
            return None
        require_https(http)
        return self.parse(header)

    @abstractmethod
    def parse(self, header: Authorization) -> ReceivedSecret:
        """Parse the header; raises ``InvalidClient``."""

    @abstractmethod
    def check(
        self, received: ReceivedSecret, *, address: str, browser_origin: str | None, now: datetime
    ) -> AuthenticatedCredential:
        """Return the credential; raises ``InvalidClient``."""

    @abstractmethod
    def challenge(self, request: Any) -> str:
        """Return this scheme's challenge alone."""

    def authenticate_header(self, request: Any) -> str:
        """Return the challenges of all authenticators, because DRF asks only the first."""
        return challenges(request) or self.challenge(request)


class ApiKeyAuthentication(_CredentialAuthentication):
    """Authenticate by ``Authorization: ApiKey <key>``, without an exchange: one SELECT."""

    scheme = API_KEY
    refusal = "Invalid API Key"

    def parse(self, header: Authorization) -> ReceivedSecret:
        """Parse the key."""
        return parse_api_key(header.parameter)

    def check(
        self, received: ReceivedSecret, *, address: str, browser_origin: str | None, now: datetime
    ) -> AuthenticatedCredential:
        """Authenticate the key."""
        return authenticate_api_key(
            received, address=address, browser_origin=browser_origin, now=now, load_owner=True
        )

    def challenge(self, request: Any) -> str:
        """Return the ``ApiKey`` challenge."""
        return API_KEY_CHALLENGE


class ClientAppBasicAuthentication(_CredentialAuthentication):
    """Authenticate by client id and secret in HTTP Basic (RFC 7617), without an exchange."""

    scheme = BASIC
    refusal = InvalidClient.description

    def parse(self, header: Authorization) -> ReceivedSecret:
        """Parse the pair."""
        return parse_client_app(parse_basic(header.parameter))

    def check(
        self, received: ReceivedSecret, *, address: str, browser_origin: str | None, now: datetime
    ) -> AuthenticatedCredential:
        """Authenticate the pair."""
        return authenticate_client_app(
            received, address=address, browser_origin=browser_origin, now=now
        )

    def challenge(self, request: Any) -> str:
        """Return the Basic challenge (RFC 7617, section 2.1)."""
        return BASIC_CHALLENGE
