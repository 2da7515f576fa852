"""Permission to see a credential's new secret, and so to act as its user or organization."""

from __future__ import annotations

from typing import Any

from token_exchange.admin.tenant_access import permitted_organization_keys
from token_exchange.models import Credential
from token_exchange_core.scopes import RESERVED_SCOPES

_APP = "token_exchange"


def may_act_as_others(user: Any) -> bool:
    """Return whether the user may see secrets of API keys that act as other users.

    Never for users who are limited to certain organizations: a key can do what its owner can, and
    the owner may belong to other organizations as well.
    """
    return permitted_organization_keys(user) is None and user.has_perm(f"{_APP}.impersonate_apikey")


def may_grant_reserved(user: Any) -> bool:
    """Return whether the user may see secrets with reserved scopes, which cover all organizations.

    Never for users who are limited to certain organizations.
    """
    return permitted_organization_keys(user) is None and user.has_perm(f"{_APP}.grant_revocations")


def may_see_secret(user: Any, credential: Credential) -> bool:
    """Return whether the user may see a new secret of the credential."""
    is_reserved = not RESERVED_SCOPES.isdisjoint(credential.scopes)
    return may_widen(user, credential) and (not is_reserved or may_grant_reserved(user))


def may_widen(user: Any, credential: Credential) -> bool:
    """Return whether the user may give the credential more access than it has.

    More access for a key that acts as someone else is access to what that user can do, as a new
    key of theirs would be.
    """
    acts_as_other = (
        credential.subject_type == Credential.SubjectType.USER and credential.owner_id != user.pk
    )
    return not acts_as_other or may_act_as_others(user)
