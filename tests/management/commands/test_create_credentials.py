"""The commands create_api_key and create_client_app."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.management.commands.conftest import run, text
from tests.support.authentication import authenticate_api_key, authenticate_client_app
from tests.support.factories import make_organization, make_user
from token_exchange.models import APIKey, ClientApp

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def organization():
    return make_organization(slug="example")


class TestCreateApiKey:
    def test_accepts_a_reserved_scope_and_those_of_the_registry(
        self, organization, token_exchange_settings
    ):
        token_exchange_settings(SCOPES={"a": "A"})
        named = ("--organization", "example", "--name", "Feed")
        run("create_api_key", *named, "--scope", "token_exchange:revocations", "--scope", "a")
        assert APIKey.objects.get().scopes == ["a", "token_exchange:revocations"]

    def test_prints_a_key_that_works(self, organization):
        answer = run("create_api_key", "--organization", "example", "--name", "Export")
        found = authenticate_api_key(answer["key"], address="", now=NOW)
        assert found.identifier == answer["identifier"]
        assert found.organization_id == organization.pk
        assert answer == {
            "identifier": found.identifier,
            "kind": "api_key",
            "name": "Export",
            "state": "active",
            "states": ["active"],
            "organization": "example",
            "owner": None,
            "scopes": [],
            "audience": [],
            "allowed_networks": [],
            "token_lifetime": None,
            "created_at": "2026-01-01T00:00:00+00:00",
            "expires_at": None,
            "last_used_at": None,
            "previous_secret_expires_at": None,
            "previous_secret_last_used_at": None,
            "revoked_at": None,
            "revocation_reason": "",
            "key": answer["key"],
        }

    def test_accepts_every_argument(self, organization):
        user = make_user(username="owner")
        answer = run(
            *("create_api_key", "--organization", "example", "--name", "Export"),
            *("--owner", "owner", "--scope", "reports:write", "--scope", "reports:read"),
            *("--audience", "https://a.test", "--audience", "https://b.test"),
            *("--network", "192.0.2.0/24", "--network", "2001:db8::/32"),
            *("--expires-in", "90d", "--token-lifetime", "PT10M"),
        )
        key = APIKey.objects.get()
        assert key.owner == user
        assert key.scopes == answer["scopes"] == ["reports:read", "reports:write"]
        assert key.audience == answer["audience"] == ["https://a.test", "https://b.test"]
        assert key.allowed_networks == ["192.0.2.0/24", "2001:db8::/32"]
        assert key.expires_at == NOW + timedelta(days=90)
        assert key.token_lifetime == timedelta(minutes=10)
        assert answer["owner"] == "owner"
        assert answer["expires_at"] == "2026-04-01T00:00:00+00:00"
        assert answer["token_lifetime"] == 600

    def test_prints_the_key_and_how_to_try_it(self, organization):
        shown = text(
            *("create_api_key", "--organization", "example", "--name", "Export"),
            *("--scope", "a", "--scope", "b"),
        )
        (key,) = re.findall(r"^key: +(\S+)$", shown, re.MULTILINE)
        assert authenticate_api_key(key, address="", now=NOW)
        identifier = APIKey.objects.get().identifier
        assert shown == (
            "name:                        Export\n"
            "organization:                example\n"
            "scopes:                      a b\n"
            f"identifier:                  {identifier}\n"
            f"key:                         {key}\n"
            "\n"
            "Store the key safely now. It cannot be shown again.\n"
            "Try it:\n"
            f"  curl -X POST -H 'Authorization: ApiKey {key}' https://issuer.test/v1/token\n"
        )

    def test_key_for_the_revocation_feed_is_tried_on_the_feed(self, organization):
        shown = text(
            *("create_api_key", "--organization", "example", "--name", "Archive"),
            *("--scope", "token_exchange:revocations"),
        )
        (key,) = re.findall(r"^key: +(\S+)$", shown, re.MULTILINE)
        line = f"  curl -H 'Authorization: ApiKey {key}' https://issuer.test/v1/revocations"
        assert shown.splitlines()[-1] == line

    def test_prints_that_there_are_no_scopes(self, organization):
        shown = text("create_api_key", "--organization", "example", "--name", "Export")
        assert shown.splitlines()[2] == "scopes:                      none"

    def test_expiry_follows_max_key_lifetime(self, organization, error_of, token_exchange_settings):
        token_exchange_settings(MAX_KEY_LIFETIME=timedelta(days=90))
        arguments = ("create_api_key", "--organization", "example", "--name", "Export")
        assert run(*arguments)["expires_at"] == "2026-04-01T00:00:00+00:00"
        assert error_of(*arguments, "--expires-in", "91d") == (
            "expires_at: Credentials must expire by 2026-04-01T00:00:00+00:00."
        )


class TestCreateClientApp:
    def test_prints_an_id_and_a_secret_that_work(self, organization):
        answer = run("create_client_app", "--organization", "example", "--name", "App")
        found = authenticate_client_app(
            answer["client_id"], answer["client_secret"], address="", now=NOW
        )
        assert found.identifier == answer["client_id"] == answer["identifier"]
        assert answer["kind"] == "client_app"
        assert "key" not in answer

    def test_accepts_scopes_networks_and_lifetimes(self, organization):
        run(
            *("create_client_app", "--organization", "example", "--name", "App", "--scope", "a"),
            *("--network", "192.0.2.1", "--expires-in", "2w", "--token-lifetime", "8h"),
        )
        app = ClientApp.objects.get()
        assert app.scopes == ["a"]
        assert app.allowed_networks == ["192.0.2.1"]
        assert app.expires_at == NOW + timedelta(weeks=2)
        assert app.token_lifetime == timedelta(hours=8)

    def test_prints_both_and_how_to_try_them(self, organization):
        shown = text("create_client_app", "--organization", "example", "--name", "App")
        client_id = ClientApp.objects.get().identifier
        (secret,) = re.findall(r"^client_secret: +(\S+)$", shown, re.MULTILINE)
        assert authenticate_client_app(client_id, secret, address="", now=NOW)
        assert "Store the client_secret safely now." in shown
        assert shown.splitlines()[-1] == (
            f"  curl -X POST -u '{client_id}:{secret}' https://issuer.test/auth_token"
        )

    def test_cannot_have_an_owner(self, organization, error_of):
        assert "unrecognized arguments: --owner" in error_of(
            *("create_client_app", "--organization", "example", "--name", "App", "--owner", "owner")
        )


class TestCurlLine:
    def test_uses_the_url_prefix_of_the_project(self, organization, settings):
        settings.ROOT_URLCONF = "tests.management.commands.urls_below_a_prefix"
        shown = text("create_client_app", "--organization", "example", "--name", "App")
        assert shown.endswith(" https://issuer.test/0.2/auth_token\n")

    def test_uses_the_default_path_without_our_urls(
        self, organization, settings, token_exchange_settings
    ):
        """As in a process that serves only the admin."""
        settings.ROOT_URLCONF = "tests.management.commands.urls_without_ours"
        token_exchange_settings(ISSUER="https://issuer.test/tenant/")
        shown = text("create_api_key", "--organization", "example", "--name", "Export")
        assert shown.endswith(" https://issuer.test/tenant/v1/token\n")


@pytest.mark.parametrize("command", ["create_api_key", "create_client_app"])
class TestInvalidArguments:
    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (["--name", ""], "name: This field cannot be blank."),
            (["--name", "a\x00b"], "name: Control characters are not allowed."),
            (["--name", "a\nCommandError: b"], "name: Control characters are not allowed."),
            (["--name", "x" * 256], "name: Ensure this value has at most 255 characters"),
            (["--scope", 'a"b'], "scopes: 'a\"b' is not a scope (RFC 6749, section 3.3)."),
            (["--scope", "a b"], "--scope: 'a b' is more than one scope: repeat --scope for each"),
            (["--scope", ""], "scopes: '' is not a scope"),
            (["--scope", "a\n"], "scopes: 'a\\n' is not a scope"),
            (
                ["--audience", "https://a.test", "--audience", "https://a.test"],
                "audience: Enter each value once.",
            ),
            (["--audience", "a b"], "audience: 'a b' is not an audience"),
            (["--network", "192.0.2.1/24"], "allowed_networks: '192.0.2.1/24' is not a network"),
            (["--network", "192.0.2.0/33"], "allowed_networks: '192.0.2.0/33' is not a network"),
            (["--network", "anywhere"], "allowed_networks: 'anywhere' is not a network"),
            (["--network", "\x00"], "allowed_networks: '\\x00' is not a network"),
            (["--token-lifetime", "25h"], "token_lifetime: The maximum is 86400 seconds."),
            (["--token-lifetime", "0"], "--token-lifetime: '0' must be more than 0"),
            (["--token-lifetime", "-1"], "--token-lifetime: '-1' is not a duration"),
            (["--expires-in", "0d"], "--expires-in: '0d' must be more than 0"),
            (["--expires-in", f"{10**12}d"], "--expires-in: '1000000000000d' is not a duration"),
            (["--expires-in", "40000d"], "at least 0 and at most 36525d"),
            (["--expires-in", "tomorrow"], "--expires-in: 'tomorrow' is not a duration"),
            (["--organization", "nobody"], "No organization has the slug 'nobody'."),
            (["--organization", ""], "No organization has the slug ''."),
            (["--organization", "a\x00"], "No organization has the slug 'a\\x00'."),
            (["--organization", "a\nb"], "No organization has the slug 'a\\nb'."),
            (["--organization", "\ud800"], "No organization has the slug '\\ud800'."),
        ],
    )
    def test_are_refused(self, error_of, organization, command, arguments, expected):
        good = ["--organization", "example", "--name", "Export"]
        assert expected in error_of(command, *good, *arguments)

    def test_scope_outside_the_registry_is_refused(
        self, error_of, organization, command, token_exchange_settings
    ):
        token_exchange_settings(SCOPES={"reports:read": "Read reports", "a": "A"})
        good = ["--organization", "example", "--name", "Export", "--scope", "reports:read"]
        assert run(command, *good)["scopes"] == ["reports:read"]
        assert error_of(command, *good, "--scope", "reports:write") == (
            "scopes: 'reports:write' is not one of the scopes in TOKEN_EXCHANGE['SCOPES']: "
            "a, reports:read."
        )

    @pytest.mark.parametrize("left_out", ["--organization", "--name"])
    def test_missing_required_argument_is_refused(self, error_of, command, left_out):
        arguments = {"--organization": "example", "--name": "Export"}
        del arguments[left_out]
        (pair,) = arguments.items()
        assert error_of(command, *pair) == (
            f"Error: the following arguments are required: {left_out}"
        )


class TestOwner:
    @pytest.mark.parametrize(
        ("name", "shown"),
        [("nobody", "'nobody'"), ("", "''"), ("a\x00", "'a\\x00'"), ("\ud800", "'\\ud800'")],
    )
    def test_unknown_user_is_refused(self, error_of, organization, name, shown):
        assert error_of(
            *("create_api_key", "--organization", "example", "--name", "x", "--owner", name)
        ) == (f"No user has the name {shown}.")


class TestOrganizationLookup:
    def test_uses_organization_lookup_field(self, organization, token_exchange_settings, error_of):
        arguments = ("create_api_key", "--name", "x", "--organization")
        token_exchange_settings(ORGANIZATION_LOOKUP_FIELD="id")
        assert run(*arguments, str(organization.pk))["organization"] == str(organization.pk)
        for wrong in ("example", "0", "9" * 30, "a\x00"):
            assert error_of(*arguments, wrong).startswith("No organization has the id ")

    def test_ambiguous_value_is_refused(self, token_exchange_settings, error_of):
        make_organization(name="Twin")
        make_organization(name="Twin")
        token_exchange_settings(ORGANIZATION_LOOKUP_FIELD="name")
        assert error_of("create_api_key", "--name", "x", "--organization", "Twin") == (
            "More than one organization has the name 'Twin'."
        )

    def test_unknown_lookup_field_is_refused(self, token_exchange_settings, error_of):
        token_exchange_settings(ORGANIZATION_LOOKUP_FIELD="nonsense")
        assert error_of("create_api_key", "--name", "x", "--organization", "a") == (
            "token_exchange.Organization has no field 'nonsense': set "
            "TOKEN_EXCHANGE['ORGANIZATION_LOOKUP_FIELD'] to one that it has."
        )
