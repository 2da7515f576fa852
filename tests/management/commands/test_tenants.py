"""The commands in a project with its own tenant model."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.support.subprocesses import environment, run_python

pytestmark = pytest.mark.processes


def outcomes(model: str, *steps: list[str] | str, **variables: str) -> list[Any]:
    """Return the result of each step; see ``tests.tenants.run_commands``."""
    project = environment(
        DJANGO_SETTINGS_MODULE="tests.tenants.settings", TENANT_MODEL=model, **variables
    )
    finished = run_python("-m", "tests.tenants.run_commands", env=project, text=json.dumps(steps))
    assert finished.returncode == 0, finished.stderr
    answers: list[Any] = json.loads(finished.stdout)
    return answers


def test_commands_create_and_use_a_tenant_like_ours():
    tables, changes, tenant, key, listed, again, too_long, owner, owned, _, left = outcomes(
        "tenants.Tenant",
        "__import__('django.db').db.connection.introspection.table_names()",
        "call_command('makemigrations', 'token_exchange', check=True, verbosity=0)",
        ["create_organization", "Example", "--max-token-lifetime", "1h"],
        ["create_api_key", "--organization", "example", "--name", "x"],
        ["list_credentials", "--organization", "example"],
        ["create_organization", "Example"],
        ["create_organization", "x" * 51],
        "django.contrib.auth.models.User.objects.create_user('owner').username",
        ["create_api_key", "--organization", "example", "--name", "x", "--owner", "owner"],
        # A proxy of the user model sends its own signals.
        "sys.modules['tests.tenants.models'].Employee.objects.get(username='owner').delete()",
        ["list_credentials", "--state", "revoked"],
    )
    assert "tenants_tenant" in tables
    assert "token_exchange_organization" not in tables
    assert changes is None
    assert uuid.UUID(tenant["id"]).version == 4
    assert (tenant["slug"], tenant["max_token_lifetime"]) == ("example", 3600)
    assert key["organization"] == "example"
    assert [each["identifier"] for each in listed["credentials"]] == [key["identifier"]]
    assert again == "slug: Tenant with this Slug already exists."
    assert too_long == "name: Ensure this value has at most 50 characters (it has 51)."
    assert (owner, owned["owner"]) == ("owner", "owner")
    assert [(each["identifier"], each["owner"]) for each in left["credentials"]] == [
        (owned["identifier"], None)
    ]


def test_commands_use_but_do_not_create_a_tenant_without_a_name():
    refused, _, app = outcomes(
        "tenants.Account",
        ["create_organization", "Example"],
        "sys.modules['tests.tenants.models'].Account.objects.create(title='Example').pk",
        ["create_client_app", "--organization", "Example", "--name", "x"],
        TENANT_LOOKUP_FIELD="title",
    )
    assert refused == (
        "tenants.Account has no field name and no field slug, so this command cannot create its "
        "rows. Create them in your project."
    )
    assert app["organization"] == "Example"


def test_command_does_not_create_a_tenant_with_other_required_fields():
    (error,) = outcomes("tenants.Region", ["create_organization", "Example"])
    assert error == (
        "tenants.Region also needs country, so this command cannot create its rows. Create them in "
        "your project."
    )


def test_tokens_of_an_inactive_tenant_are_refused():
    """Its primary key is a UUID, which both its rows and its tokens contain."""
    project = environment(DJANGO_SETTINGS_MODULE="tests.tenants.settings")
    code = """if True:
        import django; django.setup()
        from tests.tenants import deactivate_tenant; deactivate_tenant.run()"""
    finished = run_python("-c", code, env=project)
    assert finished.returncode == 0, finished.stderr
    primary_key, *found = json.loads(finished.stdout)
    assert found == [
        primary_key,
        "organization_inactive",
        primary_key,
        "credential_revoked",
    ]
