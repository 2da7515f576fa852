"""What do the endpoints take and answer by which users manage their own keys?"""

from __future__ import annotations

import inspect
from typing import Any, Final

from token_exchange import views
from token_exchange.views.schema.components import BEARER, SESSION, TEXT, Object
from token_exchange.views.schema.operations import RATE, REFUSALS, content, query, refusal

_FORBIDDEN: Final = refusal(
    "The token lacks the scope keys:manage, or was minted for a previous secret; the session has "
    "no grant, or came without its CSRF token; or the key has more than the caller."
)
_UNKNOWN: Final = refusal("The user has no such key.")


def _operation(
    operation_id: str,
    summary: str,
    *,
    status: str,
    answer: str,
    body: str | None = None,
    more: Object | None = None,
    **members: Any,
) -> Object:
    done = {"description": summary, "content": content(answer), "headers": RATE}
    taken = {"requestBody": {"content": content(body)}} if body else {}
    return {
        "operationId": operation_id,
        "summary": summary,
        "tags": ["user API keys"],
        "security": [{BEARER: []}, {SESSION: []}],
        **taken,
        **members,
        "responses": {status: done, **REFUSALS, "403": _FORBIDDEN, **(more or {})},
    }


OPERATIONS: Final[dict[Any, Object]] = {
    inspect.unwrap(views.user_api_keys): {
        "get": _operation(
            "list_user_api_keys",
            "List the caller's API keys, the newest first.",
            status="200",
            answer="TokenExchangeUserApiKeys",
            parameters=[query("after", TEXT, "The `next` of the answer before; none at first.")],
        ),
        "post": _operation(
            "create_user_api_key",
            "Make an API key that speaks for the caller, within what the caller may have.",
            status="201",
            answer="TokenExchangeUserApiKeyWithSecret",
            body="TokenExchangeUserApiKeyRequest",
            more={"409": refusal("The caller has the maximum number of keys.")},
        ),
    },
    inspect.unwrap(views.user_api_key): {
        "delete": _operation(
            "revoke_user_api_key",
            "End one of the caller's API keys, and all its tokens.",
            status="200",
            answer="TokenExchangeUserApiKeyEnded",
            more={"404": _UNKNOWN},
        )
    },
    inspect.unwrap(views.rotate_user_api_key): {
        "post": _operation(
            "rotate_user_api_key",
            "Give one of the caller's API keys a new secret.",
            status="200",
            answer="TokenExchangeUserApiKeyWithSecret",
            body="TokenExchangeUserApiKeyRotation",
            more={
                "404": _UNKNOWN,
                "409": refusal("The key has ended, or its previous secret still works."),
            },
        )
    },
}
