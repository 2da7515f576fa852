"""The command that prints patterns for secret scanners."""

from __future__ import annotations

from typing import Any

from token_exchange.conf import get_settings
from token_exchange.management.base import OneAnswerCommand
from token_exchange_core.secret_strings import BASE62, CHECKSUM_LENGTH, secret_pattern

_CHECKSUM = {
    "algorithm": "CRC-32",
    "of": f"all characters but the last {CHECKSUM_LENGTH}",
    "digits": BASE62,
    "length": CHECKSUM_LENGTH,
}


class Command(OneAnswerCommand):
    """Print the regular expressions of API keys and client secrets."""

    help = (
        "Print gitleaks rules, with --json regular expressions, that match this deployment's API "
        "keys and client secrets. They depend on the prefixes and ENVIRONMENT, not on any secret."
    )

    def answer(self, **_: Any) -> dict[str, Any]:
        """Derive the patterns from the settings."""
        settings = get_settings()
        prefixes = {
            "API key": settings.api_key_string_prefix,
            "client secret": settings.client_secret_string_prefix,
        }
        return {
            "patterns": [
                {
                    "id": f"{prefix}-{name.lower()}".replace(" ", "-").replace("_", "-"),
                    "name": f"{name} ({prefix})",
                    "regex": secret_pattern(prefix),
                    "keyword": f"{prefix}.",
                }
                for name, prefix in prefixes.items()
            ],
            "checksum": _CHECKSUM,
        }

    def text(self, answer: dict[str, Any]) -> str:
        """Return rules for gitleaks, in TOML."""
        return "\n".join(map(_rule, answer["patterns"]))


def _rule(pattern: dict[str, str]) -> str:
    return (
        "[[rules]]\n"
        f'id = "{pattern["id"]}"\n'
        f'description = "{pattern["name"]}"\n'
        f"regex = '''{pattern['regex']}'''\n"
        f'keywords = ["{pattern["keyword"]}"]\n'
    )
