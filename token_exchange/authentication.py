"""DRF authentication by bearer token."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rest_framework.authentication import BaseAuthentication

from token_exchange.caching import keep_private, vary_by_authorization
from token_exchange.conf import get_verifier
from token_exchange.exceptions import bearer_challenge, challenges, log_and_convert
from token_exchange.request import authorization, http_request, require_https
from token_exchange.resource_server.bearer import verify_bearer
from token_exchange_core.authorization import BEARER
from token_exchange_core.errors import TokenExchangeError
from token_exchange_core.tokens import Claims
from token_exchange_core.verification import VerifiedToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """An authenticated machine: ``request.user`` if a token does not act as a Django user.

    It has the attributes that stock permission classes and throttles need, and no Django
    permissions.
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
        """The identifier, not a row's id: that would count towards the throttle of a user."""
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

    ``request.user`` becomes the owning Django user or a ``Principal``; ``request.auth`` becomes the
    frozen ``token_exchange_core.tokens.Claims``.
    """

    def authenticate(self, request: Any) -> tuple[Any, Claims] | None:
        """Return user and claims, or ``None`` if there is no Bearer token."""
        vary_by_authorization(request)
        try:
            verified = self._verify(request)
        except TokenExchangeError as error:
            raise log_and_convert(
                error, request, refused="bearer.refused", failed="bearer.failed"
            ) from error
        if verified is None:
            return None
        keep_private(request)
        claims = verified.claims
        if verified.owner is not None:
            return verified.owner, claims
        machine = Principal(
            identifier=claims.client_id,
            organization_id=claims.organization_id,
            scopes=claims.scopes,
        )
        return machine, claims

    def _verify(self, request: Any) -> VerifiedToken | None:
        http = http_request(request)
        header = authorization(http)
        if header is None or header.scheme != BEARER:
            return None
        require_https(http)
        return verify_bearer(header, get_verifier())

    def challenge(self, request: Any) -> str:
        """Return the Bearer challenge alone."""
        return bearer_challenge(request)

    def authenticate_header(self, request: Any) -> str:
        """Return the challenges of all authenticators, because DRF asks only the first."""
        return challenges(request) or self.challenge(request)
