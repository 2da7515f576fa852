"""What can go wrong on the wire, and what may be said about it?

Each has the code of its RFC. ``description`` is public and constant, so that it tells no caller
more than the code does; ``reason`` is for the operator's log alone.
"""

from __future__ import annotations

from typing import ClassVar


class TokenExchangeError(Exception):
    """Refuse a request; every failure on the wire is one of these."""

    status: ClassVar[int] = 500
    """The HTTP status of the answer."""
    error: ClassVar[str] = "server_error"
    """The code of RFC 6749, section 5.2, or of the RFC named by the class."""
    description: str = "The server met an unexpected condition."
    """One public sentence, in the characters that RFC 6749, section 5.2, allows."""
    reason: str = "server_error"
    """A private, stable word for the log: which of the possible causes it was."""

    identifier: str | None = None
    """Private as well: the public id of the credential, where one was recognised."""

    def __init__(
        self,
        description: str | None = None,
        *,
        reason: str | None = None,
        identifier: str | None = None,
    ) -> None:
        if description is not None:
            self.description = description
        self.reason = reason or self.error
        self.identifier = identifier
        super().__init__(self.description)


class ServerError(TokenExchangeError):
    """Report a failure of ours (RFC 6749, section 4.1.2.1)."""


class TemporarilyUnavailable(TokenExchangeError):
    """Report that something we need is away (RFC 6749, section 4.1.2.1)."""

    status = 503
    error = "temporarily_unavailable"
    description = "The service is temporarily unavailable. Please try again later."

    retry_after_seconds: ClassVar[int] = 5
    """What Retry-After says (RFC 9110, section 10.2.3)."""


class InvalidRequest(TokenExchangeError):
    """Refuse a malformed request (RFC 6749, section 5.2; RFC 6750, section 3.1)."""

    status = 400
    error = "invalid_request"
    description = "The request is malformed."


class MalformedAuthorization(InvalidRequest):
    """Refuse an Authorization header that no credential could be in.

    On a resource the request is malformed (RFC 6750, section 3.1); at an exchange the credential is
    no good, as any other one that is not ours.
    """


class MethodNotAllowed(InvalidRequest):
    """Refuse a method that the endpoint does not have (RFC 9110, section 15.5.6)."""

    status = 405
    description = "This endpoint does not support the request's method."


class InvalidScope(TokenExchangeError):
    """Refuse a scope that is malformed or not the credential's (RFC 6749, section 5.2)."""

    status = 400
    error = "invalid_scope"
    description = "The requested scope is malformed or exceeds the scope of the credential."


class InvalidTarget(TokenExchangeError):
    """Refuse an audience that the credential may not ask for (RFC 8707, section 2)."""

    status = 400
    error = "invalid_target"
    description = "The requested audience is unknown or not allowed for the credential."


class InvalidClient(TokenExchangeError):
    """Refuse a credential at an exchange (RFC 6749, section 5.2)."""

    status = 401
    error = "invalid_client"
    description = "Client authentication failed."


class CredentialRequired(InvalidClient):
    """Refuse an exchange without a credential of the endpoint's scheme, which is named."""


class InvalidToken(TokenExchangeError):
    """Refuse a bearer token (RFC 6750, section 3.1)."""

    status = 401
    error = "invalid_token"
    description = "The access token provided is invalid."


class ExpiredToken(InvalidToken):
    """Refuse a bearer token of which all but its expiry verifies (RFC 6750, section 3.1)."""

    description = "The auth token provided has expired."


class InsufficientScope(TokenExchangeError):
    """Refuse a request that needs more scope than its token has (RFC 6750, section 3.1)."""

    status = 403
    error = "insufficient_scope"
    description = "The request requires higher privileges than provided by the access token."

    scope: str = ""
    """What the token would need, for its challenge."""


class AuthenticationRequired(InvalidRequest):
    """Refuse a request that says of nobody that it is theirs (RFC 6750, section 3.1)."""

    status = 401
    description = "Authentication is required: send a Bearer token, or sign in."


class AccessDenied(TokenExchangeError):
    """Refuse what somebody known may not do (RFC 6749, section 4.1.2.1)."""

    status = 403
    error = "access_denied"
    description = "This is not allowed."


class NotFound(TokenExchangeError):
    """Refuse to say whether it is somebody else's, or nobody's (RFC 9110, section 15.5.5)."""

    status = 404
    error = "not_found"
    description = "There is no such API key."


class Conflict(TokenExchangeError):
    """Refuse what the state of things does not allow now (RFC 9110, section 15.5.10)."""

    status = 409
    error = "conflict"
    description = "The state of the API key does not allow this now."


class SlowDown(TokenExchangeError):
    """Refuse a request over its rate (RFC 8628, section 3.5; status of RFC 6585, section 4)."""

    status = 429
    error = "slow_down"
    description = "Too many requests. Please slow down."
