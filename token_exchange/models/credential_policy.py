"""The policy of a credential as one value: what its tokens inherit, and from where it works.

A new field of the policy is added here, to the model's columns, to the admin's form and to the
OpenAPI document; comparisons, audit details, commands and self-service follow from this class.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final, Self

from token_exchange.conf import get_settings
from token_exchange_core.networks import lie_within


def effective_audience(audience: Iterable[str]) -> tuple[str, ...]:
    """Return the audience that tokens get: an empty one stands for the setting ``AUDIENCE``."""
    return tuple(audience) or (get_settings().audience,)


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialPolicy:
    """What a credential allows."""

    scopes: frozenset[str] = frozenset()
    audience: tuple[str, ...] = ()
    """Empty: the setting ``AUDIENCE``."""
    token_lifetime: timedelta | None = None
    """``None``: the organization's default."""
    allowed_networks: tuple[str, ...] = ()
    """In CIDR notation. Empty: every network."""
    expires_at: datetime | None = None
    """``None``: never."""

    def __post_init__(self) -> None:
        for name, kind in (("scopes", frozenset), ("audience", tuple), ("allowed_networks", tuple)):
            value = getattr(self, name)
            if isinstance(value, str):
                raise TypeError(f"{name} must be a collection of strings, not one string")
            object.__setattr__(self, name, kind(value))

    @property
    def effective_audience(self) -> frozenset[str]:
        """The audience that tokens get, as a set."""
        return frozenset(effective_audience(self.audience))

    @classmethod
    def of(cls, credential: Any) -> Self:
        """Return the policy of a ``Credential``."""
        return cls.from_columns({name: getattr(credential, name) for name in POLICY_FIELDS})

    @classmethod
    def from_columns(cls, values: Mapping[str, Any]) -> Self:
        """Return the policy that the columns of ``Credential`` hold; other names are ignored."""
        return cls(**{name: values[name] for name in POLICY_FIELDS})

    def as_columns(self) -> dict[str, Any]:
        """Return the values as the columns of ``Credential`` keep them."""
        return {
            "scopes": sorted(self.scopes),
            "audience": list(self.audience),
            "token_lifetime": self.token_lifetime,
            "allowed_networks": list(self.allowed_networks),
            "expires_at": self.expires_at,
        }

    def narrows(self, before: CredentialPolicy) -> bool:
        """Return whether tokens issued under ``before`` have more than this policy gives.

        Networks do not count, because tokens are not bound to them. Where the answer depends on
        what is not known here, it is yes: that costs clients one exchange, while the opposite
        mistake would leave tokens more than they may have.
        """
        return (
            not before.scopes <= self.scopes
            or not before.effective_audience <= self.effective_audience
            or _is_sooner(self.expires_at, before.expires_at)
            or _is_shorter(self.token_lifetime, before.token_lifetime)
        )

    def widens(self, before: CredentialPolicy) -> bool:
        """Return whether this policy allows something that ``before`` doesn't.

        As with ``narrows``, the answer is yes where it depends on what is not known here.
        """
        is_longer = _is_shorter(before.token_lifetime, self.token_lifetime)
        return is_longer or not self.within(before)

    def excess(self, bounds: CredentialPolicy) -> str | None:
        """Return the name of the first field that allows more than ``bounds``, or ``None``.

        The token lifetime is not compared: self-service sets it, and callers cannot choose it.
        """
        within = {
            "scopes": self.scopes <= bounds.scopes,
            "audience": self.effective_audience <= bounds.effective_audience,
            "allowed_networks": lie_within(self.allowed_networks, bounds.allowed_networks),
            "expires_at": not _is_sooner(bounds.expires_at, self.expires_at),
        }
        return next((name for name, fits in within.items() if not fits), None)

    def within(self, bounds: CredentialPolicy) -> bool:
        """Return whether nothing here allows more than ``bounds``."""
        return self.excess(bounds) is None


POLICY_FIELDS: Final = tuple(each.name for each in fields(CredentialPolicy))
INHERITED_FIELDS: Final = tuple(name for name in POLICY_FIELDS if name != "allowed_networks")
"""The fields that tokens inherit: narrowing one of them revokes the tokens issued before."""


def _is_sooner(expires_at: datetime | None, other: datetime | None) -> bool:
    return expires_at is not None and (other is None or expires_at < other)


def _is_shorter(lifetime: timedelta | None, before: timedelta | None) -> bool:
    # None is the organization's default, which may be more or less: assume less.
    return lifetime != before and (lifetime is None or before is None or lifetime < before)
