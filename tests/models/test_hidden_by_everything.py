"""Managers that hide everything, and the reasons in the log."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db.models import Manager
from django.utils import timezone

from tests.support.factories import make_api_key, make_client_app, make_user
from token_exchange.issuer import credentials, self_service, tokens
from token_exchange.issuer.revocation_feed import read_page
from token_exchange.models import Organization
from token_exchange_core.authorization import BasicCredentials
from token_exchange_core.errors import AccessDenied, InvalidClient, InvalidToken

pytestmark = pytest.mark.django_db


class Nothing(Manager[Any]):
    def get_queryset(self) -> Any:
        return super().get_queryset().none()


@pytest.fixture
def hide(monkeypatch, token_exchange_settings):
    """Hide every user, or every organization, by a manager that the setting names."""

    def hide(key: str) -> None:
        model = get_user_model() if key == "USER_MANAGER" else Organization
        manager = Nothing()
        manager.model = model
        monkeypatch.setattr(model, "nothing", manager, raising=False)
        token_exchange_settings(**{key: "nothing"}, REVOCATION_MAX_AGE=0)

    return hide


@pytest.fixture
def owner():
    return make_user()


def authenticated(issued: Any) -> Any:
    now = timezone.now()
    if issued.credential.kind == "api_key":
        received = credentials.parse_api_key(issued.raw_secret)
        return credentials.authenticate_api_key(received, address="", now=now, load_owner=True)
    received = credentials.parse_client_app(
        BasicCredentials(issued.credential.identifier, issued.raw_secret)
    )
    return credentials.authenticate_client_app(received, address="", now=now)


@pytest.mark.parametrize(
    ("key", "reason"),
    [("USER_MANAGER", "owner_gone"), ("ORGANIZATION_MANAGER", "organization_inactive")],
)
def test_key_and_token_of_a_user_are_refused(hide, owner, key, reason):
    issued = make_api_key(owner=owner)
    now = timezone.now()
    token = tokens.issue(authenticated(issued), tokens.TokenRequest(), now=now).token
    hide(key)
    with pytest.raises(InvalidClient) as refused:
        authenticated(issued)
    assert refused.value.reason == reason
    with pytest.raises(InvalidToken) as refused_token:
        tokens.verify_access_token(token, now=now.timestamp())
    assert refused_token.value.reason == reason


def test_machine_has_no_owner_to_hide(hide):
    issued = make_client_app()
    hide("USER_MANAGER")
    assert authenticated(issued).identifier == issued.credential.identifier
    hide("ORGANIZATION_MANAGER")
    with pytest.raises(InvalidClient) as refused:
        authenticated(issued)
    assert refused.value.reason == "organization_inactive"


def test_feed_has_all_of_them(hide, owner):
    issued = make_api_key(owner=owner)
    make_api_key(organization=issued.credential.organization)
    hide("USER_MANAGER")
    hide("ORGANIZATION_MANAGER")
    page = read_page(epoch="", after=0, mark="")
    assert page.inactive_users == {str(owner.pk)}
    assert page.inactive_organizations == {str(issued.credential.organization_id)}


def test_session_of_a_hidden_user_manages_no_keys(hide, owner):
    self_service.caller_by_session(owner, origin="")
    hide("USER_MANAGER")
    with pytest.raises(AccessDenied) as refused:
        self_service.caller_by_session(owner, origin="")
    assert refused.value.reason == "owner_inactive"


def test_command_finds_no_hidden_owner(hide, owner):
    organization = make_api_key().credential.organization
    hide("USER_MANAGER")
    with pytest.raises(CommandError, match="No user has the name"):
        call_command(
            "create_api_key",
            "--name=x",
            f"--organization={organization.slug}",
            f"--owner={owner.get_username()}",
        )
