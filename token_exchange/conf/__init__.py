"""Settings of the project: one dictionary, ``TOKEN_EXCHANGE``, becomes one frozen ``Settings``.

They are read when they are used, never at import, and cached until a Django setting changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from token_exchange.conf.loading import read_settings
from token_exchange.conf.settings import Settings
from token_exchange_core import process_state

if TYPE_CHECKING:
    from token_exchange_core.verification import VerifiedToken

__all__ = [
    "Settings",
    "Verifier",
    "get_settings",
    "get_verifier",
    "read_settings",
]


class Verifier(Protocol):
    """Verifies a bearer token; the type of the setting ``VERIFIER``."""

    def __call__(self, token: str, *, now: float) -> VerifiedToken:
        """Return the verified token; raise ``InvalidToken`` of the core for any other."""


@process_state.cached
def get_settings() -> Settings:
    """Return the settings; raises ``ImproperlyConfigured`` with every problem in them."""
    settings, problems = read_settings()
    if settings is None:
        raise ImproperlyConfigured(" ".join(problem.message for problem in problems))
    return settings


@process_state.cached
def get_verifier() -> Verifier:
    """Return the callable that the setting ``VERIFIER`` names.

    This is the one deliberate inversion of the layers: nothing below ``models`` imports the
    issuer's verifier, so that a service without our tables can name another.
    """
    verifier: Verifier = import_string(get_settings().verifier)
    return verifier


def _clear_caches(**_: object) -> None:
    # Whichever setting it is: each of Django's may be the source of a default or of a cached value.
    process_state.clear_caches()


setting_changed.connect(_clear_caches)
