"""What is stored, and which rules do its rows keep by themselves?

State follows from times, never from a flag. Nothing stored opens a door: secrets are digests,
tokens lack their signatures, private keys are encrypted.
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
