"""Editing a credential in the admin, and edit conflicts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.forms import MultiWidget
from django.utils import timezone

from tests.admin.conftest import hidden_fields
from tests.support.admin_urls import admin_url, credential_url
from tests.support.factories import make_api_key, make_user
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import APIKey

pytestmark = pytest.mark.django_db

KEYS = admin_url("apikey", "changelist")


def drawn_values(bound):
    """Return the name and value of each input of a field, as its page holds them."""
    widget = bound.field.widget
    value = bound.value()
    if not isinstance(widget, MultiWidget):
        return [(bound.html_name, value)]
    names = [bound.html_name + suffix for suffix in widget.widgets_names]
    values = zip(widget.widgets, widget.decompress(value), strict=True)
    return list(zip(names, (each.format_value(it) for each, it in values), strict=True))


class TestChange:
    FIELDS = ("name", "scopes", "audience", "token_lifetime", "expires_at", "expires_at_at")
    FIELDS += ("allowed_networks", "metadata")

    def values(self, **values):
        return {**dict.fromkeys(self.FIELDS, ""), "name": "Same", "scopes": "a b", **values}

    def make_key(self, **values):
        return make_api_key(name="Same", scopes=["a", "b"], **values).credential

    def test_writes_the_policy(self, operator):
        key = self.make_key()
        url = credential_url(key, "change")
        response = operator.post(
            url,
            self.values(
                name="New", scopes="a b c", allowed_networks="192.0.2.0/24", metadata='{"a": 1}'
            ),
        )
        assert response.url == KEYS
        key.refresh_from_db()
        assert (key.name, key.scopes) == ("New", ["a", "b", "c"])
        assert (key.allowed_networks, key.metadata) == (["192.0.2.0/24"], {"a": 1})
        assert key.generation == 1
        entry = LogEntry.objects.get()
        assert "Scopes" in str(entry)
        assert entry.content_type.model == "apikey"

    def test_shows_what_it_takes_back(self, operator):
        """A form sent as it was drawn changes nothing."""
        key = self.make_key(
            audience=["https://a.test"], allowed_networks=["192.0.2.0/24"], metadata={"a": [1, "é"]}
        )
        before = APIKey.objects.values().get()
        form = operator.get(credential_url(key, "change")).context["adminform"].form
        drawn = [each for bound in form for each in drawn_values(bound)]
        values = {name: value for name, value in drawn if value is not None}
        operator.post(credential_url(key, "change"), values)
        assert APIKey.objects.values().get() == before
        assert LogEntry.objects.get().get_change_message() == "No fields changed."

    def test_ends_the_tokens_when_it_narrows(self, operator):
        key = self.make_key()
        operator.post(credential_url(key, "change"), self.values(scopes="a"))
        key.refresh_from_db()
        assert (key.scopes, key.generation) == (["a"], 2)
        assert (
            "revokes the credential's active tokens"
            in operator.get(credential_url(key, "change")).text
        )

    def test_leaves_alone_what_is_not_policy(self, operator):
        key = self.make_key()
        before = APIKey.objects.values().get()
        attack = dict.fromkeys(before, "1") | {
            "owner": make_user().pk,
            "revoked_at_0": "2020-01-01",
        }
        operator.post(credential_url(key, "change"), attack | self.values())
        assert APIKey.objects.values().get() == before

    def test_refuses_an_expiry_in_the_past(self, operator):
        key = self.make_key()
        values = self.values(expires_at="custom", expires_at_at="2020-01-01T00:00")
        response = operator.post(credential_url(key, "change"), values)
        assert "The expiry must be in the future." in response.text

    def test_lets_a_past_expiry_stand_that_was_not_touched(self, operator):
        now = timezone.now().replace(microsecond=0)
        key = self.make_key(now=now - timedelta(days=2), expires_at=now - timedelta(days=1))
        expires_at = timezone.localtime(key.expires_at)
        values = self.values(
            name="New", expires_at="custom", expires_at_at=f"{expires_at:%Y-%m-%dT%H:%M:%S}"
        )
        operator.post(credential_url(key, "change"), values)
        key.refresh_from_db()
        assert key.name == "New"

    def test_refuses_to_let_an_expiry_go_where_there_must_be_one(
        self, operator, token_exchange_settings
    ):
        token_exchange_settings(MAX_KEY_LIFETIME=3600)
        key = self.make_key()
        response = operator.post(credential_url(key, "change"), self.values())
        assert "Credentials must expire by" in response.text

    def test_shows_scopes_that_are_no_longer_offered(self, operator, token_exchange_settings):
        key = self.make_key()
        token_exchange_settings(SCOPES={"a": "A"})
        url = credential_url(key, "change")
        assert "No longer offered; clear this box</span> <code>b</code>" in operator.get(url).text
        assert "is not one of the scopes" in operator.post(url, self.values(scopes=["a", "b"])).text
        operator.post(url, self.values(scopes=["a"]))
        key.refresh_from_db()
        assert key.scopes == ["a"]

    def test_of_a_revoked_credential_is_refused(self, operator):
        key = self.make_key()
        credentials.revoke(key, act=Act(now=timezone.now()))
        url = credential_url(key, "change")
        assert 'name="scopes"' not in operator.get(url).text
        assert operator.post(url, self.values(name="New")).status_code == 403

    def test_offers_no_deletion(self, operator):
        key = self.make_key()
        assert "deletelink" not in operator.get(credential_url(key, "change")).text
        assert operator.post(credential_url(key, "delete"), {"post": "yes"}).status_code == 403
        assert APIKey.objects.count() == 1

    @pytest.mark.parametrize("codenames", [("view_apikey",), ("view_apikey", "change_apikey")])
    def test_shows_no_digest_to_anybody(self, operator, sign_in, codenames):
        issued = make_api_key()
        credentials.rotate(issued.credential, act=Act(now=timezone.now()))
        key = APIKey.objects.get()
        for user in (operator, sign_in(*codenames)):
            for url in (KEYS, credential_url(key, "change"), credential_url(key, "history")):
                text = user.get(url).text
                assert key.secret_digest not in text
                assert key.previous_secret_digest not in text
                assert "digest" not in text.lower()


class TestEditConflict:
    """Somebody else has changed the credential since the form was drawn."""

    def test_saves_nothing_and_says_so(self, operator):
        key = make_api_key(name="Nightly", scopes=["a", "b"]).credential
        url = credential_url(key, "change")
        drawn = hidden_fields(operator.get(url))
        credentials.edit(key, {"scopes": ["a"]}, act=Act(now=timezone.now()))
        response = operator.post(url, {**drawn, "name": "Other", "scopes": "a b"})
        assert response.status_code == 409
        assert "Your changes were not saved." in response.text
        assert APIKey.objects.values_list("name", "scopes").get() == ("Nightly", ["a"])
        assert LogEntry.objects.count() == 0

    def test_ignores_use_and_rotation(self, operator):
        key = make_api_key(name="Nightly").credential
        url = credential_url(key, "change")
        drawn = hidden_fields(operator.get(url))
        credentials.rotate(key, act=Act(now=timezone.now()))
        operator.post(url, {**drawn, "name": "Other"})
        assert APIKey.objects.get().name == "Other"

    def test_a_form_that_was_refused_can_be_sent_again(self, operator):
        """What it holds was never saved, and is not shown as if it were."""
        key = make_api_key(name="Nightly").credential
        url = credential_url(key, "change")
        drawn = hidden_fields(operator.get(url))
        response = operator.post(url, {**drawn, "name": "Other", "scopes": "c", "metadata": "x"})
        assert dict(response.context["summary"])["Scopes"] == "None"
        operator.post(url, {**hidden_fields(response), "name": "Other", "scopes": "c"})
        assert APIKey.objects.values_list("name", "scopes").get() == ("Other", ["c"])

    def test_after_a_revocation_is_a_403(self, operator):
        key = make_api_key(name="Nightly").credential
        url = credential_url(key, "change")
        drawn = hidden_fields(operator.get(url))
        credentials.revoke(key, act=Act(now=timezone.now()))
        assert operator.post(url, {**drawn, "name": "Other"}).status_code == 403

    def test_is_not_shown_without_change_permission(self, sign_in):
        key = make_api_key().credential
        response = sign_in("view_apikey").post(credential_url(key, "change"), {"form_version": "x"})
        assert response.status_code == 403

    def test_of_a_missing_credential_redirects(self, operator):
        response = operator.post(
            "/admin/token_exchange/apikey/999999/change/", {"form_version": "x"}
        )
        assert response.status_code == 302
