"""Has what tokens inherit from their credential become less?"""

from __future__ import annotations

from typing import Any, Final

from token_exchange.conf import get_settings

POLICY_FIELDS: Final = ("scopes", "audience", "token_lifetime", "expires_at")
"""What tokens inherit; narrowing one of these ends the tokens that were minted before."""


def is_narrower(name: str, before: Any, after: Any) -> bool:
    """Tell whether the policy field ``name`` allows less after an edit than before.

    Where that depends on what is not known here, the answer is yes: it costs the clients an
    exchange, and the other mistake would leave them more than they may have.
    """
    if name == "scopes":
        return not set(before) <= set(after)
    if name == "audience":
        default = {get_settings().audience}
        return not (set(before) or default) <= (set(after) or default)
    if name == "expires_at":
        return after is not None and (before is None or after < before)
    # A lifetime of None is the organization's, which may be more or less: assume less.
    return before is None or after is None or after < before
