"""What a token says of itself, and what its row answers to that."""

from __future__ import annotations

import pytest

from token_exchange.core.errors import InvalidToken
from token_exchange.core.tokens import Claims
from token_exchange.models import AccessToken, Credential


def claims_for(token):
    credential = token.credential
    is_user = credential.subject_type == Credential.SubjectType.USER
    return Claims(
        issuer="https://issuer.test",
        subject=f"user:{credential.owner_id}" if is_user else credential.identifier,
        audience=("https://issuer.test",),
        client_id=credential.identifier,
        scopes=frozenset(),
        issued_at=0,
        expires_at=3600,
        jti=token.jti,
        organization_id=str(credential.organization_id),
        generation=credential.generation,
    )


def reason_of(claims):
    with pytest.raises(InvalidToken) as refused:
        AccessToken.objects.check_alive(claims)
    assert refused.value.description == InvalidToken.description
    return refused.value.reason
