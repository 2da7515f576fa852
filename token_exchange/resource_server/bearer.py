"""Is the token good that came by the Bearer scheme, and if not, whose fault is it?"""

from __future__ import annotations

import time
import traceback

from django.views.decorators.debug import sensitive_variables

from token_exchange.conf import Verifier
from token_exchange.database.errors import DATABASE_AWAY
from token_exchange_core.authorization import check_bearer, raw_token
from token_exchange_core.errors import (
    InvalidToken,
    ServerError,
    TemporarilyUnavailable,
    TokenExchangeError,
)
from token_exchange_core.verification import VerifiedToken


@sensitive_variables("parameter", "token")
def verify_bearer(parameter: str, verify: Verifier) -> VerifiedToken:
    """Return what the token says that followed the scheme, raw or base64-encoded once more.

    Raises ``InvalidToken``, ``InvalidRequest`` for what is not one token (RFC 6750, section 3.1),
    and ``TemporarilyUnavailable`` or ``ServerError`` where it could not be verified.
    """
    token = raw_token(parameter)
    try:
        return verify(token, now=time.time())
    except InvalidToken:
        check_bearer(parameter)
        raise
    except TokenExchangeError:
        raise
    except DATABASE_AWAY as error:
        raise TemporarilyUnavailable(reason="database_away") from error
    except Exception as error:  # noqa: BLE001 - whatever fails, no token may be shown
        # As text: the frames hold the token, and error reports show what frames hold.
        raise ServerError(reason="".join(traceback.format_exception(error))) from None
