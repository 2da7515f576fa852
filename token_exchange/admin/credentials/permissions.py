"""Who may be shown the secret of a credential, and so act as what it stands for?"""

from __future__ import annotations

from typing import Any

from token_exchange.admin.tenant_access import organizations_of
from token_exchange.models import Credential
from token_exchange_core.scopes import RESERVED_SCOPES

_APP = "token_exchange"


def may_speak_for_others(user: Any) -> bool:
    """Tell whether the user may be shown secrets of API keys that speak for other users.

    Never somebody who is limited to some organizations: the key of a user can do what that user
    can, and he may belong to others as well.
    """
    return organizations_of(user) is None and user.has_perm(f"{_APP}.impersonate_apikey")


def may_grant_reserved(user: Any) -> bool:
    """Tell whether the user may be shown secrets that open what belongs to all organizations.

    Never somebody who is limited to some of them.
    """
    return organizations_of(user) is None and user.has_perm(f"{_APP}.grant_revocations")


def may_hold_secret(user: Any, credential: Credential) -> bool:
    """Tell whether the user may be shown a new secret of the credential."""
    is_another = (
        credential.subject_type == Credential.SubjectType.USER and credential.owner_id != user.pk
    )
    is_reserved = not RESERVED_SCOPES.isdisjoint(credential.scopes)
    return (not is_another or may_speak_for_others(user)) and (
        not is_reserved or may_grant_reserved(user)
    )
