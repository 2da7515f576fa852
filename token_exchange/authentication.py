"""Who sent this bearer token?"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from django.views.decorators.debug import sensitive_variables
from rest_framework.authentication import BaseAuthentication

from token_exchange.conf import get_verifier
from token_exchange.exceptions import as_api_exception, bearer_challenge, challenges
from token_exchange.request import authorization, client_address, http_request, require_https
from token_exchange.resource_server.bearer import verify_bearer
from token_exchange_core.authorization import BEARER
from token_exchange_core.errors import ServerError, TokenExchangeError
from token_exchange_core.event_log import log_event
from token_exchange_core.tokens import Claims
from token_exchange_core.verification import VerifiedToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A machine that is signed in: ``request.user`` where no Django user stands behind a token.

    It answers what stock permission classes and throttles ask of a user, and has no Django
    permission at all.
    """

    identifier: str
    """The credential's public identifier."""
    organization_id: str
    scopes: frozenset[str] = field(default_factory=frozenset)

    is_authenticated = True
    is_active = True
    is_anonymous = False
    is_staff = False
    is_superuser = False

    @property
    def pk(self) -> str:
        """The identifier, never a row's id: that would share a user's throttle bucket."""
        return self.identifier

    id = pk

    def get_username(self) -> str:
        """Return the identifier."""
        return self.identifier

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Refuse: machines have scopes, not Django permissions."""
        return False

    def has_perms(self, perm_list: object, obj: object = None) -> bool:
        """Refuse, as ``has_perm``."""
        return False

    def has_module_perms(self, app_label: str) -> bool:
        """Refuse, as ``has_perm``."""
        return False

    def __str__(self) -> str:
        return self.identifier


class BearerAuthentication(BaseAuthentication):
    """Authenticate by access token, raw or base64-encoded once more (RFC 6750, section 2.1).

    ``request.user`` becomes the owning Django user or a ``Principal``; ``request.auth`` the frozen
    ``core.tokens.Claims``.
    """

    def authenticate(self, request: Any) -> tuple[Any, Claims] | None:
        """Return user and claims, or ``None`` where there is no Bearer token."""
        try:
            verified = self._verify(request)
        except TokenExchangeError as error:
            ours = error.status >= ServerError.status
            log_event(
                logging.ERROR if ours else logging.WARNING,
                "bearer.failed" if ours else "bearer.refused",
                reason=error.reason,
                address=client_address(request),
            )
            raise as_api_exception(error, request) from error
        if verified is None:
            return None
        claims = verified.claims
        if verified.owner is not None:
            return verified.owner, claims
        machine = Principal(
            identifier=claims.client_id,
            organization_id=claims.organization_id,
            scopes=claims.scopes,
        )
        return machine, claims

    @sensitive_variables("header")
    def _verify(self, request: Any) -> VerifiedToken | None:
        http = http_request(request)
        header = authorization(http)
        if header is None or header.scheme != BEARER:
            return None
        require_https(http)
        return verify_bearer(header.parameter, get_verifier())

    def challenge(self, request: Any) -> str:
        """Return the Bearer challenge alone."""
        return bearer_challenge(request)

    def authenticate_header(self, request: Any) -> str:
        """Return the challenges of every authenticator, for DRF asks only the first."""
        return challenges(request) or self.challenge(request)
