"""The entitlement of a user who is signed in by session: the most that their keys may have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from token_exchange.conf import get_settings
from token_exchange.models import AbstractOrganization
from token_exchange_core.networks import parse_network

DEFAULT_MAX_KEYS: Final = 10
"""The default maximum number of live keys per user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfServiceEntitlement:
    """What the callable in ``SELF_SERVICE_ENTITLEMENT`` returns for a user who can create keys."""

    organization: AbstractOrganization
    """To which the keys belong; another organization's are out of reach."""
    scopes: Iterable[str] = ()
    """All that a key may have; reserved ones are never given."""
    audience: Iterable[str] = ()
    """Empty: this service's own."""
    allowed_networks: Iterable[str] = ()
    """In CIDR notation; empty: everywhere."""
    max_lifetime: timedelta | None = None
    """From now on; ``None``: keys need not expire, unless ``MAX_KEY_LIFETIME`` says so."""
    max_keys: int = DEFAULT_MAX_KEYS
    """The maximum number of live keys of the user, whoever created them."""

    def __post_init__(self) -> None:
        for name in ("scopes", "audience", "allowed_networks"):
            if isinstance(getattr(self, name), str):
                raise TypeError(f"{name} must be a list of strings, and not one string")
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for each in self.allowed_networks:
            parse_network(each)


def entitlement_of(user: Any) -> SelfServiceEntitlement | None:
    """Return the user's entitlement from ``SELF_SERVICE_ENTITLEMENT``; ``None`` allows nothing.

    Raises ``ImproperlyConfigured`` if the callable returns anything else.
    """
    path = get_settings().self_service_entitlement
    if path is None:
        return None
    entitlement = import_string(path)(user)
    if entitlement is not None and not isinstance(entitlement, SelfServiceEntitlement):
        raise ImproperlyConfigured(
            f"{path}, which TOKEN_EXCHANGE['SELF_SERVICE_ENTITLEMENT'] names, returned "
            f"{type(entitlement).__name__} and not a SelfServiceEntitlement or None."
        )
    return entitlement
