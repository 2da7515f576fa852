"""What is stored, and the rules that rows keep by themselves.

State follows from times, never from a flag. The database holds no usable secret: secrets are
digests, tokens lack their signatures, private keys are encrypted.

These writes revoke tokens, and write the revocation feed in the same transaction:

* ``Credential.edit`` and ``save(update_fields=…)``, if the policy allows less than before;
* ``update``, ``bulk_update`` and related managers of credentials, for a field that tokens inherit;
* ``update`` of an access token's ``revoked_at``;
* deleting a credential, an access token or a user.
"""

from token_exchange.models.access_token import AccessToken
from token_exchange.models.audit_event import AuditEvent
from token_exchange.models.credential import Credential
from token_exchange.models.credential_proxies import APIKey, ClientApp
from token_exchange.models.hourly_count import Counted, Dashboard, HourlyCount
from token_exchange.models.organization import (
    ORGANIZATION_MODEL,
    AbstractOrganization,
    Organization,
    get_organization_model,
)
from token_exchange.models.revocation import Revocation, RevocationFeed
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
    "SigningKey",
    "get_organization_model",
]
