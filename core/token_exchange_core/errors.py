"""Errors of the wire: status, code, public description, header fields and the reason for the log.

Each has the code of its RFC. ``description`` is public and constant, so that it tells a caller no
more than the code does; ``reason`` is only for the operator's log.
"""

from __future__ import annotations

from typing import ClassVar, Self

from token_exchange_core.challenges import bearer_challenge


class TokenExchangeError(Exception):
    """Base class of every failure on the wire."""

    status: ClassVar[int] = 500
    """The HTTP status of the response."""
    error: ClassVar[str] = "server_error"
    """The code of RFC 6749, section 5.2, or of the RFC named by the class."""
    description: str = "The server met an unexpected condition."
    """One public sentence, in the characters that RFC 6749, section 5.2, allows."""
    reason: str = "server_error"
    """A stable word for the log, never sent: which of the possible causes it was."""

    identifier: str | None = None
    """For the log as well: the identifier of the credential, if one was recognised."""

    retry_after_seconds: int | None = None
    """The value of Retry-After (RFC 9110, section 10.2.3), or ``None`` for no such field."""

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

    def without_frames(self) -> Self:
        """Drop the traceback and the causes, and return the error.

        Their frames parsed what a client sent, and may hold a secret. A refusal needs none of
        them: ``reason`` tells what was wrong.
        """
        self.__cause__ = self.__context__ = None
        return self.with_traceback(None)

    @property
    def headers(self) -> dict[str, str]:
        """The header fields that belong to the error, for a response of any framework."""
        if self.retry_after_seconds is None:
            return {}
        return {"Retry-After": str(self.retry_after_seconds)}


class ServerError(TokenExchangeError):
    """Report an internal failure (RFC 6749, section 4.1.2.1)."""


class TemporarilyUnavailable(TokenExchangeError):
    """Report that a service we depend on is unavailable (RFC 6749, section 4.1.2.1)."""

    status = 503
    error = "temporarily_unavailable"
    description = "The service is temporarily unavailable. Please try again later."
    retry_after_seconds = 5


class InvalidRequest(TokenExchangeError):
    """Refuse a malformed request (RFC 6749, section 5.2; RFC 6750, section 3.1)."""

    status = 400
    error = "invalid_request"
    description = "The request is malformed."


class MalformedAuthorization(InvalidRequest):
    """Refuse an Authorization header that cannot contain a credential.

    On a resource the request is malformed (RFC 6750, section 3.1); at an exchange the credential is
    invalid, like any other that is not ours.
    """


class MethodNotAllowed(InvalidRequest):
    """Refuse a method that the endpoint does not support (RFC 9110, section 15.5.6)."""

    status = 405
    description = "This endpoint does not support the request's method."


class InvalidScope(TokenExchangeError):
    """Refuse a scope that is malformed or not the credential's (RFC 6749, section 5.2)."""

    status = 400
    error = "invalid_scope"
    description = "The requested scope is malformed or exceeds the scope of the credential."


class InvalidTarget(TokenExchangeError):
    """Refuse an audience that the credential may not request (RFC 8707, section 2)."""

    status = 400
    error = "invalid_target"
    description = "The requested audience is unknown or not allowed for the credential."


class InvalidClient(TokenExchangeError):
    """Refuse a credential at an exchange (RFC 6749, section 5.2)."""

    status = 401
    error = "invalid_client"
    description = "Client authentication failed."


class CredentialRequired(InvalidClient):
    """Refuse an exchange without a credential of the scheme that the description names."""


class InvalidToken(TokenExchangeError):
    """Refuse a bearer token (RFC 6750, section 3.1)."""

    status = 401
    error = "invalid_token"
    description = "The access token provided is invalid."

    @property
    def headers(self) -> dict[str, str]:
        """Add the challenge that names the error."""
        return {**super().headers, "WWW-Authenticate": bearer_challenge(self)}


class ExpiredToken(InvalidToken):
    """Refuse a bearer token that is valid apart from its expiry (RFC 6750, section 3.1)."""

    description = "The auth token provided has expired."


class InsufficientScope(TokenExchangeError):
    """Refuse a request that needs more scope than its token has (RFC 6750, section 3.1)."""

    status = 403
    error = "insufficient_scope"
    description = "The request requires higher privileges than provided by the access token."

    scope: str = ""
    """The scopes that a token needs, for its challenge; empty if no token was sent."""

    @property
    def headers(self) -> dict[str, str]:
        """Add the challenge that names the scopes, if they are known."""
        if not self.scope:
            return super().headers
        return {**super().headers, "WWW-Authenticate": bearer_challenge(self, scope=self.scope)}


class AuthenticationRequired(InvalidRequest):
    """Refuse a request without any authentication (RFC 6750, section 3.1)."""

    status = 401
    description = "Authentication is required: send a Bearer token, or sign in."


class AccessDenied(TokenExchangeError):
    """Refuse an authenticated caller without the permission (RFC 6749, section 4.1.2.1)."""

    status = 403
    error = "access_denied"
    description = "This is not allowed."


class NotFound(TokenExchangeError):
    """Refuse what does not exist, or is someone else's (RFC 9110, section 15.5.5)."""

    status = 404
    error = "not_found"
    description = "There is no such API key."


class Conflict(TokenExchangeError):
    """Refuse what the current state does not allow (RFC 9110, section 15.5.10)."""

    status = 409
    error = "conflict"
    description = "The API key's current state does not allow this."


class SlowDown(TokenExchangeError):
    """Refuse a request over its rate (RFC 8628, section 3.5; status of RFC 6585, section 4)."""

    status = 429
    error = "slow_down"
    description = "Too many requests. Please slow down."
