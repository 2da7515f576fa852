"""Signing keys of the issuer: the current key set, rotation, encryption at rest.

A key is published first and signs later, so that every verifier has fetched it by then. It stays
published until the last token that it signed has expired.
"""

from token_exchange.issuer.signing_keys.encryption import (
    Reencryption,
    is_readable,
    needs_reencryption,
    reencrypt_signing_keys,
)
from token_exchange.issuer.signing_keys.key_set import expire_key_set, key_set, key_set_reader
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
    "is_readable",
    "key_set",
    "key_set_reader",
    "needs_reencryption",
    "reencrypt_signing_keys",
    "remove_signing_key",
    "rotate_signing_key",
    "tend_signing_keys",
]
