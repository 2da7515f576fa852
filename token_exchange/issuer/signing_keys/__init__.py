"""Which key signs now, and how does one follow another without anyone's tokens breaking?

A key is published first and signs later, so that every verifier has fetched it by then; it stays
published after its last signature until the last token it signed is dead.
"""

from token_exchange.issuer.signing_keys.encryption import (
    Reencryption,
    is_readable,
    needs_reencryption,
    reencrypt_signing_keys,
)
from token_exchange.issuer.signing_keys.key_set import expire_key_set, forget_key_set, key_set
from token_exchange.issuer.signing_keys.rotation import (
    CLOCK_SKEW,
    SigningKeyConflict,
    ensure_first_key,
    remove_signing_key,
    rotate_signing_key,
    tend_signing_keys,
)

__all__ = [
    "CLOCK_SKEW",
    "Reencryption",
    "SigningKeyConflict",
    "ensure_first_key",
    "expire_key_set",
    "forget_key_set",
    "is_readable",
    "key_set",
    "needs_reencryption",
    "reencrypt_signing_keys",
    "remove_signing_key",
    "rotate_signing_key",
    "tend_signing_keys",
]
