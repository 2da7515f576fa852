"""Parsers of settings: valid and invalid values of each."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conf.values import BAD_VALUES, FIELDS, check_id_of, read
from token_exchange.conf.parsers import Rate, parse_rate

MINUTE = timedelta(minutes=1)


class TestEachSetting:
    @pytest.mark.parametrize(
        ("key", "value"), [(key, value) for key, values in BAD_VALUES.items() for value in values]
    )
    def test_refused(self, key, value):
        assert check_id_of(key, value) == FIELDS[key].metadata["check_id"]

    def test_each_has_a_value_that_is_refused(self):
        assert set(BAD_VALUES) == set(FIELDS)

    @pytest.mark.parametrize(
        ("key", "written", "expected"),
        [
            ("ISSUER", "http://localhost:8000/tenant/", "http://localhost:8000/tenant/"),
            ("AUDIENCE", "reports", "reports"),
            ("ALGORITHM", "ES256", "ES256"),
            ("API_KEY_TOKEN_LIFETIME", 1, timedelta(seconds=1)),
            ("API_KEY_TOKEN_LIFETIME", 86_400, timedelta(days=1)),
            ("API_KEY_TOKEN_LIFETIME", timedelta(minutes=5), timedelta(minutes=5)),
            ("SCOPES", {"reports:read": "Read"}, {"reports:read": "Read"}),
            ("DEFAULT_OVERLAP", 0, timedelta(0)),
            ("MAX_KEY_LIFETIME", 31_536_000, timedelta(days=365)),
            ("MAX_KEY_LIFETIME", None, None),
            ("RATE_LIMITS", None, {}),
            ("NUM_PROXIES", 2, 2),
            ("SIGNING_KEY_ENCRYPTION_KEYS", ["x" * 32, "y" * 32], ("x" * 32, "y" * 32)),
            ("JWKS_MAX_AGE", 0, timedelta(0)),
            ("REVOCATION_MAX_AGE", 0, timedelta(0)),
            ("REVOCATION_MAX_STALENESS", 60, timedelta(minutes=1)),
            ("VERIFIED_TOKEN_CACHE_SIZE", 0, 0),
            ("JWKS_URL", "https://keys.test/jwks.json", "https://keys.test/jwks.json"),
            ("REVOCATIONS_API_KEY", "sk_live.x.y", "sk_live.x.y"),
            ("REMOTE_TIMEOUT", 1, timedelta(seconds=1)),
            ("AUDIT_RETENTION", 60, timedelta(minutes=1)),
            (
                "EXPIRY_WARNINGS",
                [3600, timedelta(minutes=1)],
                (timedelta(minutes=1), timedelta(hours=1)),
            ),
            ("EXPIRY_WARNINGS", [], ()),
            (
                "ALLOWED_ORIGINS",
                ["https://app.test", "http://[::1]:8000", "http://a:8080", "https://a:80"],
                {"https://app.test", "http://[::1]:8000", "http://a:8080", "https://a:80"},
            ),
            ("ALLOWED_ORIGINS", ("chrome-extension://abc",), {"chrome-extension://abc"}),
        ],
    )
    def test_read(self, key, written, expected):
        assert expected == getattr(read(**{key: written}), key.lower())

    def test_rates_that_are_not_named_keep_their_default(self):
        assert read(RATE_LIMITS={"token": "5/10s", "failure": None}).rate_limits == {
            "token": Rate(5, 10),
            "auth_token": Rate(60, 60),
            "leak_report": Rate(30, 60),
            "self_service": Rate(60, 60),
        }

    def test_scopes_do_not_follow_the_dictionary_that_was_written(self):
        written = {"reports:read": "Read"}
        settings = read(SCOPES=written)
        written["admin"] = "Everything"
        assert settings.scopes == {"reports:read": "Read"}


class TestParseRate:
    @pytest.mark.parametrize(
        ("text", "rate"),
        [
            ("60/m", Rate(60, 60)),
            ("5/10s", Rate(5, 10)),
            ("1/h", Rate(1, 3600)),
            ("1000/2d", Rate(1000, 172_800)),
        ],
    )
    def test_good(self, text, rate):
        assert rate == parse_rate(text)

    @given(st.text())
    def test_any_text_is_a_rate_or_refused(self, text):
        with contextlib.suppress(ValueError):
            rate = parse_rate(text)
            assert rate.quota > 0
            assert rate.window_seconds > 0
