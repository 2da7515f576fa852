"""The command print_secret_patterns."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.management.commands.conftest import run, text
from tests.support.factories import make_api_key, make_client_app

pytestmark = pytest.mark.django_db


class TestPrintSecretPatterns:
    def test_json_has_patterns_and_the_checksum(self):
        answer = run("print_secret_patterns")
        assert answer["patterns"] == [
            {
                "id": "sk-live-api-key",
                "name": "API key (sk_live)",
                "regex": r"sk_live\.[0-9A-Za-z]{12}\.[0-9A-Za-z]{49}",
                "keyword": "sk_live.",
            },
            {
                "id": "cs-live-client-secret",
                "name": "client secret (cs_live)",
                "regex": r"cs_live\.[0-9A-Za-z]{12}\.[0-9A-Za-z]{49}",
                "keyword": "cs_live.",
            },
        ]
        assert answer["checksum"] == {
            "algorithm": "CRC-32",
            "of": "all characters but the last 6",
            "digits": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            "length": 6,
        }

    def test_patterns_match_secrets_with_other_settings(self, token_exchange_settings):
        token_exchange_settings(
            API_KEY_PREFIX="acme", CLIENT_SECRET_PREFIX="acmecs", ENVIRONMENT="test"
        )
        api_key, client_secret = run("print_secret_patterns")["patterns"]
        assert re.fullmatch(api_key["regex"], make_api_key().raw_secret)
        assert re.fullmatch(client_secret["regex"], make_client_app().raw_secret)

    def test_prints_rules_for_gitleaks(self):
        """In TOML, where a rule is a table with these members."""
        rules = tomllib.loads(text("print_secret_patterns"))["rules"]
        patterns = run("print_secret_patterns")["patterns"]
        assert rules == [
            {
                "id": each["id"],
                "description": each["name"],
                "regex": each["regex"],
                "keywords": [each["keyword"]],
            }
            for each in patterns
        ]
