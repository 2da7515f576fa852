"""Invalid values of each setting, and helpers to load settings."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from token_exchange.conf import Settings, get_settings, read_settings

ISSUER = "https://issuer.test"


FIELDS = {each.name.upper(): each for each in dataclasses.fields(Settings)}


def read(**written: Any) -> Settings:
    with override_settings(TOKEN_EXCHANGE={"ISSUER": ISSUER, **written}):
        return get_settings()


def problems_of(**written: Any) -> list[tuple[str, str]]:
    with override_settings(TOKEN_EXCHANGE={"ISSUER": ISSUER, **written}):
        settings, problems = read_settings()
        assert settings is None
        with pytest.raises(ImproperlyConfigured) as refused:
            get_settings()
        assert all(each.message in str(refused.value) for each in problems)
    return [(each.check_id, each.message) for each in problems]


def check_id_of(key: str, value: Any) -> str:
    """Return the id under which this one value is refused, and see that the text names the key."""
    [(check_id, message)] = problems_of(**{key: value})
    assert message.startswith(f"TOKEN_EXCHANGE[{key!r}] ")
    assert message.endswith(".")
    return check_id


BAD_VALUES = {
    "ISSUER": [
        *(
            "",
            None,
            1,
            "issuer.test",
            "//issuer.test",
            "ftp://issuer.test",
            "https://",
            "https:///x",
        ),
        *("https://issuer.test?x=1", "https://issuer.test?", "https://issuer.test#x"),
        *("https://issuer.test#", "https://[::1", "https://issuer.test ", "https://issuer.test\n"),
    ],
    "AUDIENCE": ["", " ", 1, ["https://api.test"], False],
    "ALGORITHM": ["none", "HS256", "RS512", "rs256", "", None, 1, ["RS256"], {}],
    "API_KEY_TOKEN_LIFETIME": [0, -1, 86_401, None, "1800", 1.5, True, timedelta(days=2)],
    "CLIENT_APP_TOKEN_LIFETIME": [0, timedelta(microseconds=1), timedelta(seconds=1.5)],
    "MAX_TOKEN_LIFETIME": [0, 86_401, timedelta(days=1, seconds=1), 10**30],
    "SCOPES": [
        None,
        ["a"],
        "a",
        {"a b": ""},
        {"": ""},
        {1: "x"},
        {"a": None},
        {'"': "x"},
        {"token_exchange:revocations": "Feed"},
        {"token_exchange:": "x"},
    ],
    "API_KEY_PREFIX": ["", "S", "1", "a_b", "a.b", "a" * 17, None, 1, "é", "a\n"],
    "CLIENT_ID_PREFIX": ["_"],
    "CLIENT_SECRET_PREFIX": ["-"],
    "ENVIRONMENT": ["", "live_eu", "Live", None],
    "DEFAULT_OVERLAP": [-1, None, "1d", timedelta.max, 0.5],
    "MAX_OVERLAP": [-1, timedelta.max],
    "MAX_KEY_LIFETIME": [0, -1, "", timedelta.max, 10**10],
    "ORGANIZATION_LOOKUP_FIELD": ["", None, 1],
    "REQUIRE_HTTPS": [0, 1, "True", "off", []],
    "RATE_LIMITS": [
        *("off", [], 60, {"tokens": "60/m"}, {1: "60/m"}, {"token": 60}, {"token": ["60/m"]}),
        *({"token": "5/w"}, {"token": "0/m"}, {"token": "m"}, {"token": "60"}, {"token": ""}),
        *({"token": "60/m "}, {"token": "-1/m"}, {"failure": "1/0s"}, {"failure": "1.5/m"}),
        *({"token": "60/M"}, {"token": "60/min"}, {"auth_token": "60 / m"}, {"token": "٦/m"}),
    ],
    "RATE_LIMIT_FAIL_OPEN": [None, 0, "yes"],
    "NUM_PROXIES": [0, -1, True, "1", 1.0],
    "SIGNING_KEY_ENCRYPTION_KEYS": [[], "x" * 40, ["x" * 31], [b"x" * 40], ["x" * 40, 1], {}],
    "JWKS_MAX_AGE": [-1, 86_401, None],
    "TOKEN_RETENTION": [-1, None, timedelta.max],
    "VERIFIER": ["", "verify", 1, len],
    "REVOCATION_MAX_AGE": [-1, 86_401, None, "1", 0.5],
    "REVOCATION_MAX_STALENESS": [-1, 86_401, "60", timedelta.max],
    "VERIFIED_TOKEN_CACHE_SIZE": [-1, None, True, 1.0, "10"],
    "MODE": ["", "Issuer", "resource_server", None, ["issuer"]],
    "JWKS_URL": ["", "jwks.json", "/jwks.json", 1, "https://issuer.test/jwks?x=1"],
    "REVOCATIONS_URL": ["", "ftp://issuer.test", "https://user:x@issuer.test/revocations"],
    "REVOCATIONS_API_KEY": ["", " ", "a b", "a\n", "schlüssel", 1, b"sk_live.x"],
    "USE_ENVIRONMENT_PROXY": [None, 0, "yes"],
    "REMOTE_TIMEOUT": [0, 21, None, 0.5, "2"],
    "SIGNING_KEY_LIFETIME": [0, 86_399, "90d", timedelta.max],
    "AUDIT_RETENTION": [0, -1, "1y", timedelta.max],
    "EXPIRY_WARNINGS": [None, 60, "60", [59], [60, None], {60}, [timedelta.max]],
    "WARNING_RECIPIENTS": ["", "recipients", 1, len],
    "SELF_SERVICE_ENTITLEMENT": ["", "entitlement", 1, len],
    "OPERATOR_ORGANIZATIONS": ["", "organizations", 1, len],
    "USER_MANAGER": ["", "auth.User.objects", "1", 1, ["objects"], "no such"],
    "ORGANIZATION_MANAGER": ["", "Organization.objects", b"objects", "an attribute"],
    "SCHEMA_NAME": ["", "schema", 1, len],
    "ALLOWED_ORIGINS": [
        *(None, "https://app.test", {"https://app.test"}, [1], [b"https://app.test"], [""], ["*"]),
        *(["null"], ["app.test"], ["https://"], ["https://app.test/"], ["https://App.test"]),
        *(["https://a:443"], ["http://a:80"], ["https://a:"], ["https://a.test\n"], ["https://ä"]),
        *(["https://user@a.test"], ["https://*.a.test"], ["https://a.test", "a"]),
    ],
}
