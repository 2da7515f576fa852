from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.management.commands.conftest import run, text
from tests.support.factories import make_organization, make_user
from token_exchange.issuer.credentials import authenticate_api_key, authenticate_client_app
from token_exchange.models import APIKey, ClientApp, Organization

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
    def test_grants_a_reserved_scope_beside_those_of_a_registry(
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

    def test_takes_all_that_a_key_may_have(self, organization):
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

    def test_shows_people_the_key_and_how_to_try_it(self, organization):
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
            "Put the key into your secret store now: nobody can show it again.\n"
            "Try it:\n"
            f"  curl -X POST -H 'Authorization: ApiKey {key}' https://issuer.test/v1/token\n"
        )

    def test_shows_people_how_to_read_revocations_where_it_is_for_that_alone(self, organization):
        shown = text(
            *("create_api_key", "--organization", "example", "--name", "Archive"),
            *("--scope", "token_exchange:revocations"),
        )
        (key,) = re.findall(r"^key: +(\S+)$", shown, re.MULTILINE)
        line = f"  curl -H 'Authorization: ApiKey {key}' https://issuer.test/v1/revocations"
        assert shown.splitlines()[-1] == line

    def test_shows_people_that_it_may_do_nothing(self, organization):
        shown = text("create_api_key", "--organization", "example", "--name", "Export")
        assert shown.splitlines()[2] == "scopes:                      none"

    def test_follows_the_longest_life_of_the_settings(
        self, organization, complaint, token_exchange_settings
    ):
        token_exchange_settings(MAX_KEY_LIFETIME=timedelta(days=90))
        arguments = ("create_api_key", "--organization", "example", "--name", "Export")
        assert run(*arguments)["expires_at"] == "2026-04-01T00:00:00+00:00"
        assert complaint(*arguments, "--expires-in", "91d") == (
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

    def test_takes_scopes_and_the_rest(self, organization):
        run(
            *("create_client_app", "--organization", "example", "--name", "App", "--scope", "a"),
            *("--network", "192.0.2.1", "--expires-in", "2w", "--token-lifetime", "8h"),
        )
        app = ClientApp.objects.get()
        assert app.scopes == ["a"]
        assert app.allowed_networks == ["192.0.2.1"]
        assert app.expires_at == NOW + timedelta(weeks=2)
        assert app.token_lifetime == timedelta(hours=8)

    def test_shows_people_both_and_how_to_try_them(self, organization):
        shown = text("create_client_app", "--organization", "example", "--name", "App")
        client_id = ClientApp.objects.get().identifier
        (secret,) = re.findall(r"^client_secret: +(\S+)$", shown, re.MULTILINE)
        assert authenticate_client_app(client_id, secret, address="", now=NOW)
        assert "Put the client_secret into your secret store now" in shown
        assert shown.splitlines()[-1] == (
            f"  curl -X POST -u '{client_id}:{secret}' https://issuer.test/auth_token"
        )

    def test_cannot_have_an_owner(self, organization, complaint):
        assert "unrecognized arguments: --owner" in complaint(
            *("create_client_app", "--organization", "example", "--name", "App", "--owner", "owner")
        )


class TestCurlLine:
    def test_follows_where_the_urls_are_mounted(self, organization, settings):
        settings.ROOT_URLCONF = "tests.management.commands.urls_below_a_prefix"
        shown = text("create_client_app", "--organization", "example", "--name", "App")
        assert shown.endswith(" https://issuer.test/0.2/auth_token\n")

    def test_guesses_where_they_are_not_mounted(
        self, organization, settings, token_exchange_settings
    ):
        """In a process that only administers, for instance."""
        settings.ROOT_URLCONF = "tests.management.commands.urls_without_ours"
        token_exchange_settings(ISSUER="https://issuer.test/tenant/")
        shown = text("create_api_key", "--organization", "example", "--name", "Export")
        assert shown.endswith(" https://issuer.test/tenant/v1/token\n")


@pytest.mark.parametrize("command", ["create_api_key", "create_client_app"])
class TestWhatCannotBe:
    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (["--name", ""], "name: This field cannot be blank."),
            (["--name", "a\x00b"], "name: Control characters are not allowed."),
            (["--name", "a\nCommandError: b"], "name: Control characters are not allowed."),
            (["--name", "x" * 256], "name: Ensure this value has at most 255 characters"),
            (["--scope", 'a"b'], "scopes: 'a\"b' is not a scope (RFC 6749, section 3.3)."),
            (["--scope", "a b"], "--scope: 'a b' is not one scope; give --scope once for each"),
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
            (["--organization", "nobody"], "There is no organization whose slug is 'nobody'."),
            (["--organization", ""], "There is no organization whose slug is ''."),
            (["--organization", "a\x00"], "There is no organization whose slug is 'a\\x00'."),
            (["--organization", "a\nb"], "There is no organization whose slug is 'a\\nb'."),
            (["--organization", "\ud800"], "There is no organization whose slug is '\\ud800'."),
        ],
    )
    def test_is_refused(self, complaint, organization, command, arguments, expected):
        good = ["--organization", "example", "--name", "Export"]
        assert expected in complaint(command, *good, *arguments)

    def test_is_refused_outside_the_registry_of_scopes(
        self, complaint, organization, command, token_exchange_settings
    ):
        token_exchange_settings(SCOPES={"reports:read": "Read reports", "a": "A"})
        good = ["--organization", "example", "--name", "Export", "--scope", "reports:read"]
        assert run(command, *good)["scopes"] == ["reports:read"]
        assert complaint(command, *good, "--scope", "reports:write") == (
            "scopes: 'reports:write' is not one of the scopes in TOKEN_EXCHANGE['SCOPES']: "
            "a, reports:read."
        )

    @pytest.mark.parametrize("left_out", ["--organization", "--name"])
    def test_is_refused_without_what_is_required(self, complaint, command, left_out):
        arguments = {"--organization": "example", "--name": "Export"}
        del arguments[left_out]
        (pair,) = arguments.items()
        assert complaint(command, *pair) == (
            f"Error: the following arguments are required: {left_out}"
        )


class TestOwner:
    @pytest.mark.parametrize(
        ("name", "shown"),
        [("nobody", "'nobody'"), ("", "''"), ("a\x00", "'a\\x00'"), ("\ud800", "'\\ud800'")],
    )
    def test_must_exist(self, complaint, organization, name, shown):
        assert complaint(
            *("create_api_key", "--organization", "example", "--name", "x", "--owner", name)
        ) == (f"There is no user named {shown}.")


class TestNameOfNoOrganization:
    arguments = ("create_api_key", "--name", "x", "--organization")

    @pytest.mark.parametrize(
        ("wrong", "hint"),
        [
            ("exmaple", " Did you mean 'example' or 'example-2'?"),
            ("other", " Did you mean 'others'?"),
            ("nobody", ""),
        ],
    )
    def test_brings_the_nearest_ones_to_mind(self, complaint, wrong, hint):
        for slug in ("example-2", "example", "others"):
            make_organization(slug=slug)
        assert complaint(*self.arguments, wrong) == (
            f"There is no organization whose slug is {wrong!r}.{hint}"
        )

    def test_compares_with_a_thousand_at_most(self, complaint):
        Organization.objects.bulk_create(
            Organization(name=f"{n}", slug=f"x-{n:04}") for n in range(1000)
        )
        make_organization(slug="example")
        assert complaint(*self.arguments, "exmaple") == (
            "There is no organization whose slug is 'exmaple'."
        )


class TestOrganizationLookup:
    def test_uses_the_field_of_the_settings(self, organization, token_exchange_settings, complaint):
        arguments = ("create_api_key", "--name", "x", "--organization")
        token_exchange_settings(ORGANIZATION_LOOKUP_FIELD="id")
        assert run(*arguments, str(organization.pk))["organization"] == str(organization.pk)
        for wrong in ("example", "0", "9" * 30, "a\x00"):
            assert complaint(*arguments, wrong).startswith("There is no organization whose id is")

    def test_is_refused_where_it_finds_two(self, token_exchange_settings, complaint):
        make_organization(name="Twin")
        make_organization(name="Twin")
        token_exchange_settings(ORGANIZATION_LOOKUP_FIELD="name")
        assert complaint("create_api_key", "--name", "x", "--organization", "Twin") == (
            "More than one organization has the name 'Twin'."
        )

    def test_is_refused_by_a_field_that_is_none(self, token_exchange_settings, complaint):
        token_exchange_settings(ORGANIZATION_LOOKUP_FIELD="nonsense")
        assert complaint("create_api_key", "--name", "x", "--organization", "a") == (
            "token_exchange.Organization has no field 'nonsense'."
        )
