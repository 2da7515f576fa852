"""Signals of credentials, tokens and signing keys.

They are sent after the commit. An exception in a receiver is logged and affects nothing else.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import Signal

credential_issued = Signal()
"""A credential was issued. Arguments: ``credential``, ``by`` (a user or ``None``)."""
credential_changed = Signal()
"""Its policy or name was edited. Arguments: ``credential``, ``by``, ``fields`` (their names)."""
credential_rotated = Signal()
"""Its secret was rotated. Arguments: ``credential``, ``by``, ``overlap``, ``compromised``."""
credential_overlap_ended = Signal()
"""Its previous secret was invalidated early. Arguments: ``credential``, ``by``."""
credential_revoked = Signal()
"""It was revoked. Arguments: ``credential``, ``by``, ``reason``."""
credential_tokens_invalidated = Signal()
"""All its tokens were revoked; the credential still works. Arguments: ``credential_id``,
``identifier``."""
previous_secret_used = Signal()
"""A client used the secret from before a rotation; at most once a minute. Arguments:
``credential_id``, ``identifier``, ``address``."""
credential_expiring = Signal()
"""It expires soon; once for each of ``EXPIRY_WARNINGS``. Arguments: ``credential``,
``expires_at``."""
previous_secret_still_used = Signal()
"""Its previous secret expires soon, and a client has used it since the rotation. Arguments:
``credential``, ``last_used_at``, ``address``, ``ends_at``."""
credential_leaked = Signal()
"""It was reported as leaked and revoked. Arguments: ``credential``, ``origin``."""
access_token_revoked = Signal()
"""One token was revoked. Arguments: ``access_token``, ``by``."""
signing_key_published = Signal()
"""A signing key was published. Arguments: ``signing_key``, ``by``."""
signing_key_removed = Signal()
"""A signing key was removed and all its tokens revoked. Arguments: ``signing_key``, ``by``."""


def announce(signal: Signal, *, using: str, **arguments: Any) -> None:
    """Send ``signal`` once the transaction on the database ``using`` has committed."""
    transaction.on_commit(
        partial(signal.send_robust, sender=None, **arguments), using=using, robust=True
    )
