"""System checks of the settings, of caching, of a deployment, and of the stored signing keys."""

from django.core import checks

from token_exchange.management.checks.caching import check_caching
from token_exchange.management.checks.deployment import check_deployment
from token_exchange.management.checks.settings import check_settings
from token_exchange.management.checks.signing_keys import (
    check_algorithm,
    check_current_key,
    check_signing_keys,
)

__all__ = [
    "check_algorithm",
    "check_caching",
    "check_current_key",
    "check_deployment",
    "check_settings",
    "check_signing_keys",
    "register",
]


def register() -> None:
    """Register the checks; those of a deployment and of the database run only when asked."""
    checks.register(check_settings, checks.Tags.security)
    checks.register(check_caching, checks.Tags.security)
    checks.register(check_algorithm, checks.Tags.security)
    checks.register(check_deployment, checks.Tags.security, deploy=True)
    checks.register(check_current_key, checks.Tags.security, deploy=True)
    checks.register(check_signing_keys, checks.Tags.database)
