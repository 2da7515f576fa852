"""How does what a form was drawn for come back with it, unchanged and from the same user?"""

from __future__ import annotations

from typing import Any

from django.core import signing


def seal(value: Any, *, purpose: str, user: Any) -> str:
    """Sign what a form was made with, so that only this user can submit it, for this purpose."""
    return signing.dumps(value, salt=_salt(purpose, user))


def unseal(text: str, *, purpose: str, user: Any) -> Any:
    """Return what the form was made with; raises ``signing.BadSignature`` for anything else."""
    return signing.loads(text, salt=_salt(purpose, user))


def _salt(purpose: str, user: Any) -> str:
    return f"token_exchange:{purpose}:{user.pk}"
