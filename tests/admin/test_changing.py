"""An operator changes the policy of a credential, and nothing else of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.forms import MultiWidget
from django.utils import timezone

from tests.admin.pages import credential_page, page
from tests.factories import make_api_key, make_user
from token_exchange import credentials
from token_exchange.models import APIKey

pytestmark = pytest.mark.django_db

KEYS = page("apikey", "changelist")


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

    def test_writes_the_policy(self, desk):
        key = self.make_key()
        url = credential_page(key, "change")
        response = desk.post(
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

    def test_shows_what_it_takes_back(self, desk):
        """A form sent as it was drawn changes nothing."""
        key = self.make_key(
            audience=["https://a.test"], allowed_networks=["192.0.2.0/24"], metadata={"a": [1, "é"]}
        )
        before = APIKey.objects.values().get()
        form = desk.get(credential_page(key, "change")).context["adminform"].form
        drawn = [each for bound in form for each in drawn_values(bound)]
        values = {name: value for name, value in drawn if value is not None}
        desk.post(credential_page(key, "change"), values)
        assert APIKey.objects.values().get() == before
        assert LogEntry.objects.get().get_change_message() == "No fields changed."

    def test_ends_the_tokens_when_it_narrows(self, desk):
        key = self.make_key()
        desk.post(credential_page(key, "change"), self.values(scopes="a"))
        key.refresh_from_db()
        assert (key.scopes, key.generation) == (["a"], 2)
        assert "ends all tokens" in desk.get(credential_page(key, "change")).text

    def test_leaves_alone_what_is_not_policy(self, desk):
        key = self.make_key()
        before = APIKey.objects.values().get()
        attack = dict.fromkeys(before, "1") | {
            "owner": make_user().pk,
            "revoked_at_0": "2020-01-01",
        }
        desk.post(credential_page(key, "change"), attack | self.values())
        assert APIKey.objects.values().get() == before

    def test_refuses_an_expiry_in_the_past(self, desk):
        key = self.make_key()
        values = self.values(expires_at="custom", expires_at_at="2020-01-01T00:00")
        response = desk.post(credential_page(key, "change"), values)
        assert "The expiry must be in the future." in response.text

    def test_lets_a_past_expiry_stand_that_was_not_touched(self, desk):
        now = timezone.now().replace(microsecond=0)
        key = self.make_key(now=now - timedelta(days=2), expires_at=now - timedelta(days=1))
        expires_at = timezone.localtime(key.expires_at)
        values = self.values(
            name="New", expires_at="custom", expires_at_at=f"{expires_at:%Y-%m-%dT%H:%M:%S}"
        )
        desk.post(credential_page(key, "change"), values)
        key.refresh_from_db()
        assert key.name == "New"

    def test_refuses_to_let_an_expiry_go_where_there_must_be_one(
        self, desk, token_exchange_settings
    ):
        token_exchange_settings(MAX_KEY_LIFETIME=3600)
        key = self.make_key()
        response = desk.post(credential_page(key, "change"), self.values())
        assert "Credentials must expire by" in response.text

    def test_shows_scopes_that_are_no_longer_offered(self, desk, token_exchange_settings):
        key = self.make_key()
        token_exchange_settings(SCOPES={"a": "A"})
        url = credential_page(key, "change")
        assert "No longer offered; clear this box</span> <code>b</code>" in desk.get(url).text
        assert "is not one of the scopes" in desk.post(url, self.values(scopes=["a", "b"])).text
        desk.post(url, self.values(scopes=["a"]))
        key.refresh_from_db()
        assert key.scopes == ["a"]

    def test_of_a_revoked_credential_is_refused(self, desk):
        key = self.make_key()
        credentials.revoke(key, now=timezone.now())
        url = credential_page(key, "change")
        assert 'name="scopes"' not in desk.get(url).text
        assert desk.post(url, self.values(name="New")).status_code == 403

    def test_offers_no_deletion(self, desk):
        key = self.make_key()
        assert "deletelink" not in desk.get(credential_page(key, "change")).text
        assert desk.post(credential_page(key, "delete"), {"post": "yes"}).status_code == 403
        assert APIKey.objects.count() == 1

    @pytest.mark.parametrize("codenames", [("view_apikey",), ("view_apikey", "change_apikey")])
    def test_shows_no_digest_to_anybody(self, desk, sign_in, codenames):
        issued = make_api_key()
        credentials.rotate(issued.credential, now=timezone.now())
        key = APIKey.objects.get()
        for user in (desk, sign_in(*codenames)):
            for url in (KEYS, credential_page(key, "change"), credential_page(key, "history")):
                text = user.get(url).text
                assert key.secret_digest not in text
                assert key.previous_secret_digest not in text
                assert "digest" not in text.lower()
