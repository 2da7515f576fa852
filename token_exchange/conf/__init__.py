"""What has the project decided?

One dictionary, ``TOKEN_EXCHANGE``, becomes one frozen ``Settings``. It is read when used, kept
until a setting changes, and never captured at import.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from token_exchange.conf.loading import read_settings
from token_exchange.conf.settings import Settings

if TYPE_CHECKING:
    from token_exchange_core.verification import VerifiedToken

__all__ = [
    "Settings",
    "Verifier",
    "get_settings",
    "get_verifier",
    "kept_until_settings_change",
    "read_settings",
]

T = TypeVar("T")


class Verifier(Protocol):
    """Tell who a bearer token is; the type of the setting ``VERIFIER``."""

    def __call__(self, token: str, *, now: float) -> VerifiedToken:
        """Return what a good token says; raise ``core.errors.InvalidToken`` for any other."""


def kept_until_settings_change(make: Callable[[], T]) -> Callable[[], T]:
    """Make what ``make`` returns once, and again after a setting of ours has changed."""
    kept = cache(make)
    _everything_kept.append(kept)
    return kept


_everything_kept: Final[list[Any]] = []


@kept_until_settings_change
def get_settings() -> Settings:
    """Return the settings; raises ``ImproperlyConfigured`` with every problem in them."""
    settings, problems = read_settings()
    if settings is None:
        raise ImproperlyConfigured(" ".join(problem.message for problem in problems))
    return settings


@kept_until_settings_change
def get_verifier() -> Verifier:
    """Return the callable that the setting ``VERIFIER`` names.

    This is the one deliberate inversion of the house: a service without our tables names a
    verifier of its own, and nothing below ``models`` imports the issuer's.
    """
    verifier: Verifier = import_string(get_settings().verifier)
    return verifier


def _forget(*, setting: str, **_: object) -> None:
    if setting in {"TOKEN_EXCHANGE", "DEBUG"}:
        for kept in _everything_kept:
            kept.cache_clear()


setting_changed.connect(_forget)
