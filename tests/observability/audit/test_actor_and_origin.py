"""Each edge, from the admin to the migration, says who acts and from where."""

from __future__ import annotations

import getpass
import pwd
import socket

import pytest
from django.contrib.admin.models import LogEntry

from tests.management.commands.conftest import run
from tests.observability.audit.conftest import NOW
from tests.support.admin_urls import admin_url, credential_url
from tests.support.factories import basic_header, make_api_key, make_organization, make_user
from token_exchange import tasks
from token_exchange.models import AuditEvent, Organization, SigningKey

pytestmark = pytest.mark.django_db


class TestAdmin:
    """Each act names the operator and the address, beside Django's own history."""

    @pytest.fixture
    def operator(self, sign_in, its):
        return sign_in(is_superuser=True, username="operator")

    @pytest.fixture
    def expect(self, operator, trail):
        def expect(*events, entries=None):
            assert trail.told() == [(each, "operator", "127.0.0.1") for each in events]
            assert {each.occurred_at for each in trail.rows()} == {NOW}
            written = LogEntry.objects.filter(user=operator.user).count()
            assert written == (len(events) if entries is None else entries)

        return expect

    def test_issue(self, operator, its, expect):
        values = {"name": "x", "organization": its["key"].organization_id}
        operator.send(admin_url("apikey", "add"), **values)
        expect("credential.issued")

    def test_edit(self, operator, its, expect, trail):
        values = {"name": "Weekly", "scopes": "", "metadata": ""}
        operator.post(credential_url(its["key"], "change"), values)
        expect("credential.changed")
        assert trail.rows()[0].details == {"name": ["Nightly", "Weekly"]}

    def test_edit_of_nothing(self, operator, its, trail):
        values = {"name": "Nightly", "scopes": "", "metadata": ""}
        operator.post(credential_url(its["key"], "change"), values)
        assert trail.rows() == []

    def test_rotate(self, operator, its, expect):
        operator.send(credential_url(its["key"], "rotate"), overlap="3600")
        expect("credential.rotated")

    def test_end_what_is_compromised(self, operator, its, expect):
        operator.send(credential_url(its["key"], "rotate_compromised"))
        expect("credential.compromised")

    def test_end_an_overlap(self, operator, its, expect):
        operator.post(credential_url(its["rotating"], "end_overlap"))
        expect("credential.overlap_ended")

    def test_revoke(self, operator, its, expect, trail):
        operator.send(credential_url(its["key"], "revoke"), reason="Left", confirmed="yes")
        expect("credential.revoked")
        assert trail.rows()[0].reason == "Left"

    def test_revoke_several(self, operator, its, expect):
        rows = (its["app"].credential, its["rotating"])
        values = {"action": "revoke_selected", "_selected_action": [each.pk for each in rows]}
        values |= {"index": "0", "confirmed": "yes", "reason": "Left"}
        operator.post(admin_url("clientapp", "changelist"), values)
        expect("credential.revoked", "credential.revoked")

    def test_revoke_a_token(self, operator, its, expect):
        operator.send(admin_url("accesstoken", "revoke", its["token"]), confirmed="yes")
        expect("token.revoked")

    def test_rotate_the_signing_key(self, operator, expect):
        operator.send(admin_url("signingkey", "rotate"))
        expect("signing_key.published")

    def test_remove_a_signing_key(self, operator, expect):
        key = SigningKey.objects.get()
        operator.send(admin_url("signingkey", "remove", key), confirmed="yes")
        expect("signing_key.removed", "signing_key.published", entries=1)

    def test_create_change_and_delete_an_organization(self, operator, expect, trail):
        values = {"name": "Acme", "slug": "acme", "is_active": "on"}
        operator.post(admin_url("organization", "add"), values)
        organization = Organization.objects.get(slug="acme")
        url = admin_url("organization", "change", organization)
        operator.post(url, {**values, "max_token_lifetime": "01:00:00"})
        operator.post(admin_url("organization", "delete", organization), {"post": "yes"})
        expect("organization.created", "organization.changed", "organization.deleted")
        assert trail.rows()[1].details == {"max_token_lifetime": [None, "3600 s"]}

    def test_delete_several_organizations(self, operator, its, expect):
        rows = (its["empty"], make_organization())
        values = {"action": "delete_selected", "_selected_action": [each.pk for each in rows]}
        operator.post(admin_url("organization", "changelist"), {**values, "post": "yes"})
        expect("organization.deleted", "organization.deleted")

    def test_behind_a_proxy(self, operator, its, trail, token_exchange_settings):
        token_exchange_settings(NUM_PROXIES=1)
        headers = {"x-forwarded-for": "10.9.9.9, 203.0.113.7"}
        operator.post(credential_url(its["rotating"], "end_overlap"), headers=headers)
        assert trail.rows()[0].origin == "203.0.113.7"

    def test_delete_an_owner(self, operator, its, trail):
        owner = make_user(username="owner")
        his = make_api_key(owner=owner).credential
        trail.begin()
        operator.post(f"/admin/auth/user/{owner.pk}/delete/", {"post": "yes"})
        [row] = trail.rows()
        assert (row.event, row.target) == ("credential.revoked", his.identifier)
        assert (row.origin, row.reason) == ("deletion of the owner", "The owner was deleted.")


class TestWire:
    def test_clients_that_end_their_tokens_leave_their_address(self, https_client, app, trail):
        https_client.post("/auth_token", headers=basic_header(app))
        trail.begin()
        https_client.delete("/auth_token", headers=basic_header(app))
        [row] = trail.rows()
        assert (row.event, row.target) == (
            "credential.tokens_invalidated",
            app.credential.identifier,
        )
        assert (row.actor, row.origin) == ("", "127.0.0.1")

    def test_exchanges_and_refusals_are_counted_and_leave_no_row(self, https_client, app, trail):
        trail.begin()
        https_client.post("/auth_token", headers=basic_header(app))
        https_client.post("/auth_token", headers={"authorization": "Basic eDp4"})
        assert trail.rows() == []


class TestShell:
    @pytest.fixture(autouse=True)
    def _on_web_1(self, monkeypatch):
        monkeypatch.setattr(socket, "gethostname", lambda: "web-1")
        monkeypatch.setenv("LOGNAME", "ada")

    def test_commands_leave_the_name_and_the_machine(self, trail):
        run("create_organization", "Acme")
        made = [
            run(f"create_{kind}", "--organization", "acme", "--name", "x")["identifier"]
            for kind in ("api_key", "client_app")
        ]
        run("rotate_credential", made[0])
        run("rotate_credential", made[0], "--end-overlap")
        run("rotate_credential", made[0], "--compromised")
        run("revoke_credential", made[0], "--reason", "Left")
        published = run("rotate_signing_key")
        run("remove_signing_key", published["kid"])
        assert trail.told() == [
            (event, "", "shell of ada on web-1")
            for event in (
                "organization.created",
                "credential.issued",
                "credential.issued",
                "credential.rotated",
                "credential.overlap_ended",
                "credential.compromised",
                "credential.revoked",
                "signing_key.published",
                "signing_key.removed",
            )
        ]
        assert trail.rows()[6].reason == "Left"

    def test_an_account_without_a_name_leaves_the_machine(self, monkeypatch, trail):
        """As in a container that runs under a number."""

        def nameless(uid):
            raise KeyError(uid)

        for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(pwd, "getpwuid", nameless)
        with pytest.raises((KeyError, OSError)):
            getpass.getuser()
        run("create_organization", "Acme")
        assert trail.rows()[0].origin == "shell on web-1"


class TestByItself:
    def test_the_first_key_is_of_the_migration(self):
        first = AuditEvent.objects.earliest("pk")
        assert (first.event, first.actor, first.origin) == ("signing_key.published", "", "migrate")

    def test_a_key_whose_time_has_come_is_of_the_task(self, trail):
        tasks.rotate_signing_keys()
        assert trail.told() == [("signing_key.published", "", "task")]
