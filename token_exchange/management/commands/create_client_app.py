"""How does an operator issue a client id and its secret from a shell?"""

from __future__ import annotations

from token_exchange.management.issue_command import IssueCommand
from token_exchange.models import Credential


class Command(IssueCommand):
    """Issue a client app."""

    help = "Issue a client id and a client secret and print both, the secret this once."
    kind = Credential.Kind.CLIENT_APP
