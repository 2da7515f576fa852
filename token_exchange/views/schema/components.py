"""What do the requests and answers of our endpoints consist of, and how are they authenticated?"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final, TypeAlias

from token_exchange.models.credential_state import State
from token_exchange.views.leaked_credentials import MAX_STRING_LENGTH, MAX_STRINGS
from token_exchange_core.revocation_feed import FeedPage
from token_exchange_core.revocation_set import RevocationKind

Object: TypeAlias = dict[str, Any]

API_KEY: Final = "ApiKey"
BEARER: Final = "Bearer"
BASIC: Final = "Basic"
SESSION: Final = "Session"

SECURITY_SCHEMES: Final[dict[str, Object]] = {
    BEARER: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token or auth token, raw or base64-encoded once more.",
    },
    # As a header, because tools offer an HTTP scheme only where it is a registered one.
    API_KEY: {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "An API key, with its scheme before it: `ApiKey <key>`.",
    },
    BASIC: {
        "type": "http",
        "scheme": "basic",
        "description": "The client_id as the user, the client_secret as the password.",
    },
    SESSION: {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "A user who is signed in; writes need the CSRF token as well.",
    },
}


def _object(properties: Object, *, required: list[str] | None = None) -> Object:
    members = {"required": required} if required else {}
    return {"type": "object", "properties": properties, **members}


TEXT: Final = {"type": "string"}
_TEXTS: Final = {"type": "array", "items": TEXT}
COUNT: Final = {"type": "integer", "minimum": 0}
_SECONDS: Final = {"type": "integer", "description": "Seconds since the epoch."}
_KEY: Final = ["kty", "kid", "use", "alg"]
_FEED: Final = [each.name for each in fields(FeedPage)]

_TIME: Final = {**TEXT, "format": "date-time"}
_OF_EVERY_KEY: Final = [
    *("id", "label", "organization", "state", "scope", "audience", "allowed_networks"),
    "created_at",
]
_USER_API_KEY: Final[Object] = {
    **dict.fromkeys(("id", "label", "organization"), TEXT),
    "state": {**TEXT, "enum": [each.value for each in State]},
    "scope": TEXT,
    "audience": {**_TEXTS, "description": "Empty: the service's own."},
    "allowed_networks": {**_TEXTS, "description": "Empty: everywhere."},
    **dict.fromkeys(
        ("created_at", "expires_at", "previous_secret_expires_at", "revoked_at", "last_used_at"),
        _TIME,
    ),
    "last_used_from": TEXT,
}

# Named after the app, because the names of a document's components are its project's.
SCHEMAS: Final[dict[str, Object]] = {
    "TokenExchangeError": _object(
        {"error": TEXT, "error_description": TEXT}, required=["error", "error_description"]
    ),
    "TokenExchangeAccessTokenRequest": _object(
        {
            "scope": {**TEXT, "description": "Some of the key's scopes, separated by spaces."},
            "expires_in": {"type": "integer", "minimum": 1, "description": "Seconds."},
            "audience": {
                "oneOf": [TEXT, {"type": "array", "items": TEXT, "maxItems": 20}],
                "description": "Some of the key's audiences.",
            },
        }
    ),
    "TokenExchangeAccessTokenResponse": _object(
        {
            "access_token": {**TEXT, "description": "A signed JWT (RFC 9068)."},
            "token_type": {**TEXT, "enum": ["Bearer"]},
            "expires_in": {"type": "integer", "description": "Seconds."},
            "scope": TEXT,
        },
        required=["access_token", "token_type", "expires_in", "scope"],
    ),
    "TokenExchangeAuthTokenRequest": _object(
        {
            "header": _object(
                {
                    **{name: {} for name in ("created", "app_handle", "auth_handle", "version")},
                    "reference": {**TEXT, "maxLength": 255, "description": "Is sent back."},
                }
            )
        }
    ),
    "TokenExchangeAuthTokenResponse": _object(
        {
            "success": {"type": "boolean"},
            "access_token": _object(
                {
                    "token": {**TEXT, "description": "A signed JWT (RFC 9068)."},
                    "expiration": {"type": "integer", "description": "Seconds since the epoch."},
                    "expiration_dt": {**TEXT, "format": "date-time"},
                },
                required=["token", "expiration", "expiration_dt"],
            ),
            "reference": TEXT,
        },
        required=["success", "access_token"],
    ),
    "TokenExchangeAuthTokensEnded": _object({"success": {"type": "boolean"}}, required=["success"]),
    "TokenExchangeLeakReport": {
        "type": "array",
        "items": {**TEXT, "maxLength": MAX_STRING_LENGTH},
        "maxItems": MAX_STRINGS,
        "description": "Strings that may be API keys or client secrets.",
    },
    "TokenExchangeLeakReportTaken": {**_object({}), "maxProperties": 0},
    "TokenExchangeUserApiKeyRequest": _object(
        {
            "label": {**TEXT, "maxLength": 255, "description": "Default: one with the date."},
            "scope": {
                **TEXT,
                "description": "Scopes of the caller's, separated by spaces. Default: all but "
                "keys:manage.",
            },
            "audience": {**_TEXTS, "description": "Some of the caller's. Default: all."},
            "allowed_networks": {
                **_TEXTS,
                "description": "In CIDR notation, within the caller's. Default: the caller's.",
            },
            "expires_in": {"type": "integer", "minimum": 1, "description": "Seconds."},
            "expires_at": {**_TIME, "description": "Instead of expires_in."},
        }
    ),
    "TokenExchangeUserApiKeyRotation": _object(
        {
            "overlap": {**COUNT, "description": "Seconds that the previous secret works on."},
            "compromised": {
                "type": "boolean",
                "description": "Ends the previous secrets and every token at once.",
            },
        }
    ),
    "TokenExchangeUserApiKey": _object(_USER_API_KEY, required=_OF_EVERY_KEY),
    "TokenExchangeUserApiKeyWithSecret": _object(
        {**_USER_API_KEY, "api_key": {**TEXT, "description": "The key; no other answer has it."}},
        required=[*_OF_EVERY_KEY, "api_key"],
    ),
    "TokenExchangeUserApiKeys": _object(
        {
            "api_keys": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/TokenExchangeUserApiKey"},
            },
            "next": {**TEXT, "description": "What to send as `after`; absent at the end."},
        },
        required=["api_keys"],
    ),
    "TokenExchangeUserApiKeyEnded": _object({"success": {"type": "boolean"}}, required=["success"]),
    "TokenExchangeJsonWebKeySet": _object(
        {"keys": {"type": "array", "items": _object(dict.fromkeys(_KEY, TEXT), required=_KEY)}},
        required=["keys"],
    ),
    "TokenExchangeRevocations": _object(
        {
            "epoch": {**TEXT, "description": "Another one voids what was known."},
            "after": {**COUNT, "description": "0: this is all, and not only what is new."},
            "position": {**COUNT, "description": "What to send as `after` the next time."},
            "as_of": {**_SECONDS, "description": "Nothing revoked before then is missing."},
            "has_more": {"type": "boolean", "description": "Whether to ask again at once."},
            "revocations": {
                "type": "array",
                "items": _object(
                    {
                        "kind": {**TEXT, "enum": [each.value for each in RevocationKind]},
                        "subject": TEXT,
                        "generation": {
                            "type": "integer",
                            "nullable": True,
                            "description": "The last that is dead; null: all are.",
                        },
                        "expires_at": _SECONDS,
                    },
                    required=["kind", "subject", "generation", "expires_at"],
                ),
            },
            "inactive_organizations": _TEXTS,
            "inactive_users": _TEXTS,
        },
        required=_FEED,
    ),
}
