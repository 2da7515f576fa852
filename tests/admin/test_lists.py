"""What the lists and pages of the admin show, find and ask of the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.admin.conftest import hidden_fields
from tests.admin.pages import credential_page, page
from tests.admin.test_revoking import make_token
from tests.factories import make_api_key, make_client_app, make_organization, make_user
from token_exchange import credentials, signing
from token_exchange.admin import lists, register
from token_exchange.models import AccessToken, APIKey, Credential, Organization, SigningKey

pytestmark = pytest.mark.django_db

KEYS = page("apikey", "changelist")
TOKENS = page("accesstoken", "changelist")


def make_one_of_each():
    """One API key in each state, by the name of the state."""
    now = timezone.now()
    for name in ("active", "rotating", "revoked", "past"):
        make_api_key(name=name)
    rows = {key.name: key for key in APIKey.objects.all()}
    credentials.rotate(rows["rotating"], now=now)
    credentials.rotate(rows["past"], now=now - timedelta(days=3), overlap=timedelta(days=2))
    credentials.revoke(rows["revoked"], now=now)
    make_api_key(name="expired", now=now - timedelta(days=2), expires_at=now - timedelta(days=1))


def names_in(response):
    return sorted(each.name for each in response.context["cl"].result_list)


class TestCredentials:
    @pytest.mark.parametrize(
        ("state", "names"),
        [
            ("active", ["active", "past"]),
            ("rotating", ["rotating"]),
            ("expired", ["expired"]),
            ("revoked", ["revoked"]),
            ("nonsense", ["active", "expired", "past", "revoked", "rotating"]),
        ],
    )
    def test_are_found_by_state(self, desk, state, names):
        make_one_of_each()
        response = desk.get(f"{KEYS}?state={state}")
        assert names_in(response) == names
        shown = {row.state(now=timezone.now()) for row in response.context["cl"].result_list}
        assert state == "nonsense" or shown == {state}

    def test_wear_their_state(self, desk):
        make_one_of_each()
        text = desk.get(KEYS).text
        badge = '<span class="te-badge te-{0}">{0}</span>'
        states = ("active", "rotating", "expired", "revoked")
        assert [text.count(badge.format(state)) for state in states] == [2, 1, 1, 1]

    def test_are_found_by_organization(self, desk):
        key = make_api_key(name="mine").credential
        make_api_key(name="theirs")
        assert names_in(desk.get(f"{KEYS}?organization={key.organization_id}")) == ["mine"]

    def test_offer_a_bounded_choice_of_organizations_and_the_chosen_one(self, desk):
        for number in range(lists.ORGANIZATION_LIMIT):
            make_organization(name=f"A {number}")
        chosen = make_organization(name="Z last")
        assert "Z last" not in desk.get(KEYS).text
        assert "Z last" in desk.get(f"{KEYS}?organization={chosen.pk}").text

    @pytest.mark.parametrize("value", ["nonsense", "1.5", "%00"])
    def test_survive_an_organization_that_is_none(self, desk, value):
        response = desk.get(f"{KEYS}?organization={value}")
        assert response.url == f"{KEYS}?e=1"

    def test_are_found_by_name_and_identifier(self, desk):
        key = make_api_key(name="needle").credential
        make_api_key(name="hay")
        assert names_in(desk.get(f"{KEYS}?q=needle")) == ["needle"]
        assert names_in(desk.get(f"{KEYS}?q={key.identifier}")) == ["needle"]

    def test_show_only_their_kind(self, desk):
        make_client_app(name="an app")
        key = make_api_key(name="a key").credential
        assert names_in(desk.get(KEYS)) == ["a key"]
        assert names_in(desk.get(page("clientapp", "changelist"))) == ["an app"]
        assert desk.get(page("clientapp", "rotate", key)).status_code == 404

    def test_count_only_tokens_that_work(self, desk):
        issued = make_api_key()
        live, revoked, expired, ended = (make_token(issued) for _ in range(4))
        AccessToken.objects.filter(pk=revoked.pk).update(revoked_at=timezone.now())
        AccessToken.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
        AccessToken.objects.filter(pk=ended.pk).update(generation=0)
        make_token()
        (row,) = desk.get(f"{KEYS}?q={issued.credential.identifier}").context["cl"].result_list
        assert row.live_token_count == 1
        signing.rotate_signing_key(now=timezone.now(), all_new=True)
        (row,) = desk.get(f"{KEYS}?q={issued.credential.identifier}").context["cl"].result_list
        assert row.live_token_count == 0
        assert AccessToken.objects.filter(pk=live.pk).exists()

    def test_count_no_further_than_the_limit(self, desk, monkeypatch):
        monkeypatch.setattr(lists, "COUNT_LIMIT", 2)
        for _ in range(3):
            make_api_key()
        assert desk.get(KEYS).context["cl"].result_count == 2

    @pytest.mark.parametrize("model", ["apikey", "clientapp", "accesstoken"])
    def test_ask_as_many_queries_for_three_rows_as_for_one(self, desk, model):
        def make_row():
            owned = make_api_key(owner=make_user(), scopes=["a"])
            make_token(owned)
            make_client_app()

        url = page(model, "changelist")
        make_row()
        desk.get(url)
        with CaptureQueriesContext(
            connection,
        ) as one:
            desk.get(url)
        make_row()
        make_row()
        with CaptureQueriesContext(connection) as three:
            response = desk.get(url)
        assert len(response.context["cl"].result_list) == 3
        assert len(three) == len(one)

    def test_make_hostile_names_inert(self, desk):
        name = "<script>alert(1)</script>"
        make_token(make_api_key(name=name, organization=make_organization(name=name)))
        key = APIKey.objects.get()
        urls = [KEYS, TOKENS, *(credential_page(key, each) for each in ("change", "history"))]
        urls += [page("organization", "changelist"), credential_page(key, "revoke")]
        for url in urls:
            text = desk.get(url).text
            assert "<script>alert" not in text
            assert "&lt;script&gt;alert(1)" in text

    def test_have_no_action_that_deletes(self, desk):
        make_api_key()
        text = desk.get(KEYS).text
        assert 'value="rotate_selected"' in text
        assert "delete_selected" not in text


class TestChange:
    FIELDS = ("name", "scopes", "audience", "token_lifetime", "expires_at_0", "expires_at_1")
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
        values = {bound.html_name: bound.value() for bound in form if bound.value() is not None}
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
        values = self.values(expires_at_0="2020-01-01", expires_at_1="00:00:00")
        response = desk.post(credential_page(key, "change"), values)
        assert "The expiry must be in the future." in response.text

    def test_lets_a_past_expiry_stand_that_was_not_touched(self, desk):
        now = timezone.now().replace(microsecond=0)
        key = self.make_key(now=now - timedelta(days=2), expires_at=now - timedelta(days=1))
        expires_at = timezone.localtime(key.expires_at)
        values = self.values(
            name="New", expires_at_0=f"{expires_at:%Y-%m-%d}", expires_at_1=f"{expires_at:%H:%M:%S}"
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
        assert "b: no longer offered, untick it" in desk.get(url).text
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


class TestAccessTokens:
    def test_show_how_they_stand(self, desk):
        issued = make_api_key()
        _live, revoked, expired = (make_token(issued) for _ in range(3))
        AccessToken.objects.filter(pk=revoked.pk).update(revoked_at=timezone.now())
        AccessToken.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
        text = desk.get(TOKENS).text
        badge = '<span class="te-badge te-{0}">{0}</span>'
        states = ("live", "revoked", "expired")
        assert [text.count(badge.format(state)) for state in states] == [1, 1, 1]

    def test_are_found_by_state(self, desk):
        issued = make_api_key()
        live, revoked, expired = (make_token(issued) for _ in range(3))
        AccessToken.objects.filter(pk=revoked.pk).update(revoked_at=timezone.now())
        AccessToken.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
        found = {
            state: list(desk.get(f"{TOKENS}?state={state}").context["cl"].result_list)
            for state in ("live", "revoked", "expired")
        }
        assert found == {"live": [live], "revoked": [revoked], "expired": [expired]}
        assert len(desk.get(f"{TOKENS}?state=nonsense").context["cl"].result_list) == 3

    def test_are_found_by_jti_and_credential(self, desk):
        token, other = make_token(), make_token()
        for term in (token.jti, token.credential.identifier):
            assert list(desk.get(f"{TOKENS}?q={term}").context["cl"].result_list) == [token]
        assert other.jti not in desk.get(f"{TOKENS}?q={token.jti}").text

    def test_link_to_the_credential_of_either_kind(self, desk):
        token = make_token()
        app = make_client_app().credential
        AccessToken.objects.create(
            jti="x",
            credential=app,
            generation=1,
            audience=[],
            issued_at=timezone.now(),
            expires_at=timezone.now(),
            signing_input="header.payload",
        )
        text = desk.get(TOKENS).text
        assert credential_page(token.credential, "change") in text
        assert credential_page(app, "change") in text

    def test_show_no_signing_input(self, desk):
        token = make_token()
        AccessToken.objects.update(signing_input="the-header.the-payload")
        for url in (TOKENS, page("accesstoken", "change", token)):
            assert "the-payload" not in desk.get(url).text

    def test_can_be_neither_added_nor_changed_nor_deleted(self, desk):
        token = make_token()
        assert desk.get(page("accesstoken", "add")).status_code == 403
        for name in ("change", "delete"):
            assert desk.post(page("accesstoken", name, token), {"post": "yes"}).status_code == 403
        assert AccessToken.objects.count() == 1


class TestOrganizations:
    def test_are_made_and_changed(self, desk):
        values = {"name": "Acme", "slug": "acme", "is_active": "on"}
        values |= {"default_token_lifetime": "00:10:00", "max_token_lifetime": "01:00:00"}
        desk.post(page("organization", "add"), values)
        organization = Organization.objects.get()
        assert organization.default_token_lifetime == timedelta(minutes=10)
        url = page("organization", "change", organization)
        del values["is_active"]
        desk.post(url, values)
        organization.refresh_from_db()
        assert not organization.is_active

    def test_are_refused_with_a_default_over_the_maximum(self, desk):
        values = {"name": "Acme", "slug": "acme", "max_token_lifetime": "00:10:00"}
        response = desk.post(
            page("organization", "add"), {**values, "default_token_lifetime": "00:20:00"}
        )
        assert "The default is over the organization&#x27;s maximum." in response.text

    def test_with_credentials_are_not_deleted(self, desk):
        organization = make_api_key().credential.organization
        desk.post(page("organization", "delete", organization), {"post": "yes"})
        assert Credential.objects.count() == 1


class TestRegister:
    def test_shows_every_model(self):
        site = admin.AdminSite()
        register(site)
        names = sorted(model.__name__ for model in site._registry)
        assert names == ["APIKey", "AccessToken", "ClientApp", "Organization", "SigningKey"]

    def test_leaves_the_organization_to_a_project_that_has_its_own(self, settings):
        settings.TOKEN_EXCHANGE_ORGANIZATION_MODEL = "auth.Group"
        site = admin.AdminSite()
        register(site)
        assert not site.is_registered(Organization)
        assert site.is_registered(APIKey)

    @pytest.mark.parametrize("search_fields", [None, (), ("name",)])
    def test_asks_for_an_id_where_the_related_list_has_no_search(self, rf, search_fields):
        site = admin.AdminSite()
        register(site)
        site.unregister(Organization)
        if search_fields is not None:
            searchable = type("A", (admin.ModelAdmin,), {"search_fields": search_fields})
            site.register(Organization, searchable)
        request = rf.get("/")
        request.user = get_user_model().objects.create_superuser("root")
        found = site.get_model_admin(APIKey).get_autocomplete_fields(request)
        assert found == (["organization"] if search_fields else [])


def test_signing_keys_are_listed_by_state(desk):
    signing.rotate_signing_key(now=timezone.now())
    text = desk.get(page("signingkey", "changelist")).text
    assert 'class="te-badge te-current"' in text
    assert 'class="te-badge te-next"' in text
    for key in SigningKey.objects.all():
        assert key.encrypted_private_key not in text
        assert key.encrypted_private_key not in desk.get(page("signingkey", "change", key)).text
    assert hidden_fields(desk.get(page("signingkey", "changelist"))) == {}
