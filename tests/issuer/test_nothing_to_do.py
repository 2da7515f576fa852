"""Operations whose work is already done: they succeed, and write nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from tests.self_service.members import make_member
from tests.support.factories import basic_header, make_api_key, make_client_app, make_token
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import CredentialConflict
from token_exchange.models import (
    AccessToken,
    AuditEvent,
    Credential,
    Revocation,
    RevocationFeed,
    RevocationFeedMark,
)

pytestmark = pytest.mark.django_db


def stored() -> list[Any]:
    tables = (Credential, AccessToken, AuditEvent, Revocation, RevocationFeed, RevocationFeedMark)
    return [list(model.objects.order_by("pk").values()) for model in tables]


def test_edit_without_a_difference():
    key = make_api_key(scopes=["read"]).credential
    make_token(key)
    before = stored()
    credentials.edit(key, {"name": key.name, "scopes": ["read"], "expires_at": None})
    assert stored() == before


def test_save_of_a_field_that_is_the_same():
    key = make_api_key(scopes=["read"]).credential
    before = stored()
    key.save(update_fields=["scopes"])
    assert stored() == before


def test_edit_of_a_name_draws_no_position():
    key = make_api_key(scopes=["read"]).credential
    credentials.edit(key, {"name": "Another", "scopes": ["read"]})
    assert RevocationFeed.objects.get().position == 0


@pytest.mark.parametrize("values", [{"revoked_at": timezone.now()}, {"scopes": []}])
def test_update_of_no_row(values):
    make_api_key()
    before = stored()
    assert Credential.objects.filter(name="no such name").update(**values) == 0
    assert stored() == before


def test_update_of_no_token():
    make_token()
    before = stored()
    assert AccessToken.objects.filter(jti="no such id").update(revoked_at=timezone.now()) == 0
    assert stored() == before


def test_second_revocation_is_refused():
    key = make_api_key().credential
    credentials.revoke(key)
    before = stored()
    with pytest.raises(CredentialConflict):
        credentials.revoke(key)
    assert stored() == before


def test_deletion_of_a_user_without_live_credentials():
    key = make_member(None).issued.credential
    credentials.revoke(key)
    position = RevocationFeed.objects.get().position
    key.owner.delete()
    assert RevocationFeed.objects.get().position == position


def test_second_delete_of_a_users_key(https_client):
    member = make_member(https_client)
    identifier = member.create().json()["id"]
    token = member.token()
    path = f"/v1/user-api-keys/{identifier}"
    assert member.call("DELETE", path, token=token).status_code in {200, 204}
    before = stored()
    assert member.call("DELETE", path, token=token).status_code in {200, 204}
    after = stored()
    assert after[2:] == before[2:]


def test_key_that_is_not_the_users_draws_no_position(https_client):
    member = make_member(https_client)
    token = member.token()
    before = stored()
    answer = member.call("DELETE", "/v1/user-api-keys/sk_live.0123456789Ab", token=token)
    assert answer.status_code == 404
    assert stored() == before


def test_delete_of_an_auth_token_by_a_client_without_one(https_client):
    app = make_client_app()
    https_client.post("/auth_token", headers=basic_header(app))
    https_client.delete("/auth_token", headers=basic_header(app))
    before = stored()
    assert https_client.delete("/auth_token", headers=basic_header(app)).json() == {"success": True}
    assert stored() == before


def test_edit_that_someone_else_has_just_made():
    """What differed before the lock no longer differs after it."""
    key = make_api_key(name="Before").credential
    position = RevocationFeed.objects.get().position

    def edit_first(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if sql.startswith("UPDATE"):  # the lock
            execute("UPDATE token_exchange_credential SET name = 'After'", None, many, context)
        return result

    with connection.execute_wrapper(edit_first):
        credentials.edit(key, {"name": "After"})
    assert not AuditEvent.objects.filter(event="credential.changed").exists()
    assert RevocationFeed.objects.get().position == position
