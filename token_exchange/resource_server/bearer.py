"""Verification of a Bearer token from a request, and the error to answer with."""

from __future__ import annotations

import time
import traceback

from token_exchange.conf import Verifier
from token_exchange.database.errors import DATABASE_AWAY
from token_exchange_core.authorization import Authorization, check_bearer, raw_token
from token_exchange_core.errors import (
    InvalidToken,
    ServerError,
    TemporarilyUnavailable,
    TokenExchangeError,
)
from token_exchange_core.verification import VerifiedToken


def verify_bearer(header: Authorization, verify: Verifier) -> VerifiedToken:
    """Verify the token in the header, which may be base64-encoded once more.

    Raises ``InvalidToken``, ``InvalidRequest`` if it is not a single token (RFC 6750, section 3.1),
    and ``TemporarilyUnavailable`` or ``ServerError`` if it could not be verified.
    """
    try:
        # Not in a variable: error reports show those of every frame.
        return verify(raw_token(header.parameter), now=time.time())
    except InvalidToken:
        check_bearer(header.parameter)
        raise
    except TokenExchangeError:
        raise
    except DATABASE_AWAY as error:
        raise TemporarilyUnavailable(reason="database_away") from error
    except Exception as error:  # noqa: BLE001 - whatever fails, the token must stay secret
        # As text: the frames of a project's own verifier hold the token.
        raise ServerError(reason="".join(traceback.format_exception(error))) from None
