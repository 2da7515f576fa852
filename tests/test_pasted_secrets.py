"""Secrets pasted into a text that people write: refused at every entry point."""

from __future__ import annotations

import json

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command

from tests.admin.conftest import OperatorClient
from tests.self_service.conftest import Visitor
from tests.self_service.members import make_member
from tests.support.admin_urls import admin_url, credential_url
from tests.support.factories import make_api_key, make_organization, make_user
from token_exchange.models import AuditEvent, Credential, Organization

pytestmark = pytest.mark.django_db

# Fixed, because it is part of the names of tests.
SECRET = "sk_live.0123456789Ab.3vQ0mB7yXh2LrT9cWf4KzPd8sJa6NgUe1ViOqMtRbExHwYlCk"
EXPLANATION = "This looks like a secret"
ADVICE = "rotate it, because others may have seen it"


@pytest.fixture
def operator():
    operator = OperatorClient()
    operator.user = make_user(is_staff=True, is_superuser=True)
    operator.force_login(operator.user)
    return operator


@pytest.fixture
def untouched():
    """Fail if the test has left an audit event, or an entry of Django's history."""
    before = AuditEvent.objects.count()
    yield
    assert (AuditEvent.objects.count(), LogEntry.objects.count()) == (before, 0)


class TestAdmin:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("name", SECRET),
            ("scopes", SECRET),
            ("audience", SECRET),
            ("metadata", json.dumps({"old": SECRET})),
        ],
    )
    def test_credential_is_not_issued_or_changed(self, operator, name, value):
        organization = make_organization().pk
        values = {"name": "Nightly", "organization": organization, name: value}
        answer = operator.send(admin_url("apikey", "add"), **values)
        (error,) = answer.context["adminform"].form.errors[name]
        assert EXPLANATION in error
        assert ADVICE in error
        assert not Credential.objects.exists()
        key = make_api_key(name="Nightly").credential
        answer = operator.send(credential_url(key, "change"), **{"name": "Nightly", name: value})
        (error,) = answer.context["adminform"].form.errors[name]
        assert EXPLANATION in error
        assert "messages" not in answer.cookies
        assert not LogEntry.objects.exists()

    @pytest.mark.parametrize(
        ("name", "value"), [("name", SECRET), ("slug", SECRET.rpartition(".")[2])]
    )
    def test_organization_is_not_created(self, operator, name, value):
        values = {"name": "Acme", "slug": "acme", "is_active": "on", name: value}
        answer = operator.post(admin_url("organization", "add"), values)
        (error,) = answer.context["adminform"].form.errors[name]
        assert EXPLANATION in error
        assert not Organization.objects.exists()


class TestSelfService:
    @pytest.mark.parametrize(
        ("name", "value"),
        [("label", SECRET), ("scope", SECRET), ("audience", SECRET), ("allowed_networks", SECRET)],
    )
    def test_api_creates_no_key(self, https_client, name, value):
        member = make_member(https_client)
        answer = member.create(**{name: [value] if name == "allowed_networks" else value})
        assert answer.status_code == 400
        assert SECRET not in answer.text
        assert Credential.objects.count() == 1

    def test_api_explains_it(self, https_client):
        body = make_member(https_client).create(label=f"for {SECRET}").json()
        assert body["error"] == "invalid_request"
        assert "looks like a secret" in body["error_description"]
        assert ADVICE in body["error_description"]

    def test_page_creates_no_key(self, entitlement):
        answer = Visitor(entitlement).send("new/", label=SECRET, expiry="latest")
        assert EXPLANATION in answer.text
        assert not Credential.objects.exists()


@pytest.mark.usefixtures("untouched")
class TestCommands:
    @pytest.fixture
    def slug(self):
        return make_organization().slug

    @pytest.mark.parametrize("command", ["create_api_key", "create_client_app"])
    @pytest.mark.parametrize("option", ["--name", "--scope", "--audience", "--network"])
    def test_credential_is_not_issued(self, slug, command, option):
        arguments = ["--organization", slug, "--name", "Nightly", option, SECRET]
        with pytest.raises(CommandError, match=EXPLANATION) as refused:
            call_command(command, *arguments)
        assert ADVICE in str(refused.value)
        assert SECRET not in str(refused.value)
        assert not Credential.objects.exists()

    @pytest.mark.parametrize("option", ["--organization", "--owner"])
    def test_row_that_is_not_found_is_not_quoted(self, slug, option):
        arguments = ["--organization", slug, "--name", "Nightly", option, SECRET]
        with pytest.raises(CommandError, match=EXPLANATION) as refused:
            call_command("create_api_key", *arguments)
        assert SECRET not in str(refused.value)

    @pytest.mark.parametrize("arguments", [[SECRET], ["Acme", "--slug", SECRET.rpartition(".")[2]]])
    def test_organization_is_not_created(self, arguments):
        with pytest.raises(CommandError, match=EXPLANATION) as refused:
            call_command("create_organization", *arguments)
        assert SECRET.rpartition(".")[2].lower() not in str(refused.value).lower()
        assert not Organization.objects.exists()
