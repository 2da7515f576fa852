"""Models, and the rules that their rows enforce.

State follows from times, never from a flag. The database holds no usable secret: secrets are stored
as digests, tokens without their signatures, private keys encrypted.

Some writes revoke tokens, because tokens that were issued before would otherwise keep rights that
are taken away. They write to the revocation feed in the same transaction:

* ``Credential.edit`` and ``save(update_fields=…)``, if the policy then allows less than before.
* ``update`` and ``bulk_update`` of credentials, for any write to what tokens inherit, to the owner
  or to ``revoked_at``; the previous values are not compared.
* ``update`` and ``bulk_update`` of access tokens, for a write to ``revoked_at`` or ``expires_at``.
* Deleting a credential or an access token, and deleting a user.

Raw SQL and ``_raw_delete`` revoke nothing.
"""

from token_exchange.models.access_token import AccessToken
from token_exchange.models.audit_event import AuditEvent
from token_exchange.models.credential import Credential
from token_exchange.models.credential_proxies import APIKey, ClientApp
from token_exchange.models.feed_counter import RevocationFeed, RevocationFeedMark
from token_exchange.models.hourly_count import Counted, Dashboard, HourlyCount
from token_exchange.models.organization import (
    ORGANIZATION_MODEL,
    AbstractOrganization,
    Organization,
    get_organization_model,
)
from token_exchange.models.revocation import Revocation
from token_exchange.models.secret_origin import SecretOrigin
from token_exchange.models.signing_key import SigningKey

__all__ = [
    "ORGANIZATION_MODEL",
    "APIKey",
    "AbstractOrganization",
    "AccessToken",
    "AuditEvent",
    "ClientApp",
    "Counted",
    "Credential",
    "Dashboard",
    "HourlyCount",
    "Organization",
    "Revocation",
    "RevocationFeed",
    "RevocationFeedMark",
    "SecretOrigin",
    "SigningKey",
    "get_organization_model",
]
