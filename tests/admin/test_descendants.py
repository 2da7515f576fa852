"""The admin lists what was created or rotated with a credential, and ends it by default."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages

from tests.admin.conftest import hidden_fields
from tests.self_service.members import KEYS, make_member
from tests.support.admin_urls import admin_url, credential_url
from tests.support.factories import make_api_key, make_organization, works
from token_exchange.issuer import credentials
from token_exchange.models import APIKey, Credential

pytestmark = pytest.mark.django_db

LIST = admin_url("apikey", "changelist")
ACTIONS = ["revoke", "rotate_compromised"]
OPERATOR = ["view_apikey", "revoke_apikey", "rotate_apikey"]


@pytest.fixture
def member(https_client):
    return make_member(https_client)


@pytest.fixture
def parent(member):
    return member.issued.credential


@pytest.fixture
def created(member):
    return member.create(label="Made with it").json()


@pytest.fixture
def rotated(member):
    identifier = member.add_key(name="Cron job", scopes=["reports:read"]).credential.identifier
    return member.rotate(identifier, overlap=0).json()


def send(operator, action, credential, **values):
    confirmed = {"confirmed": "yes"} if action == "revoke" else {}
    return operator.send(credential_url(credential, action), **confirmed, **values)


def secrets_in(response):
    shown = response.context["secrets"]
    return {each.credential.identifier: each.parts[-1][1] for each in shown}


@pytest.mark.parametrize("action", ACTIONS)
class TestOneCredential:
    def test_page_lists_them(self, operator, parent, created, rotated, action):
        text = operator.get(credential_url(parent, action)).text
        assert "Created or rotated with it" in text
        assert f"Made with it ({created['id']})</a>: created, will be revoked" in text
        assert f"Cron job ({rotated['id']})</a>: rotated, will get a new secret" in text
        assert works(created["api_key"])

    def test_they_are_ended_and_new_secrets_shown(self, operator, parent, created, rotated, action):
        response = send(operator, action, parent)
        assert response.status_code == 200
        shown = secrets_in(response)
        assert rotated["id"] in shown
        assert works(shown[rotated["id"]])
        assert (works(created["api_key"]), works(rotated["api_key"])) == (False, False)
        texts = [str(each) for each in get_messages(response.wsgi_request)]
        assert "1 credential that was created with it was revoked as well." in texts
        assert "no-store" in response.headers["Cache-Control"]

    def test_they_are_kept_if_the_operator_says_so(
        self, operator, parent, created, rotated, action
    ):
        send(operator, action, parent, keep_descendants="on")
        assert (works(created["api_key"]), works(rotated["api_key"])) == (True, True)

    def test_django_history_names_the_reason(self, operator, parent, created, rotated, action):
        send(operator, action, parent)
        key = APIKey.objects.get(identifier=created["id"])
        history = operator.get(credential_url(key, "history")).text
        assert f"Revoked: Created or rotated with {parent.identifier}" in history
        key = APIKey.objects.get(identifier=rotated["id"])
        entry = LogEntry.objects.get(object_id=key.pk)
        assert entry.change_message == (
            f"Rotated as compromised: it was rotated with {parent.identifier}."
        )

    def test_page_asks_nothing_if_there_are_none(self, operator, parent, action):
        assert "keep_descendants" not in operator.get(credential_url(parent, action)).text


class TestBulk:
    @pytest.mark.parametrize("action", ACTIONS)
    def test_descendants_of_all_are_listed_once_and_ended(
        self, operator, member, parent, created, action
    ):
        other = member.add_key(scopes=["keys:manage", "reports:read"])
        second = member.call("POST", token=member.token(other), label="Second").json()
        page = operator.choose(LIST, f"{action}_selected", parent, other.credential)
        assert page.text.count(f"({created['id']})</a>: created") == 1
        assert page.text.count(f"({second['id']})</a>: created") == 1
        operator.post(LIST, {**hidden_fields(page), "confirmed": "yes"})
        assert (works(created["api_key"]), works(second["api_key"])) == (False, False)

    @pytest.mark.parametrize("action", ACTIONS)
    def test_one_that_is_selected_itself_is_not_listed_again(
        self, operator, parent, created, action
    ):
        key = APIKey.objects.get(identifier=created["id"])
        page = operator.choose(LIST, f"{action}_selected", parent, key)
        assert "keep_descendants" not in page.text
        operator.post(LIST, {**hidden_fields(page), "confirmed": "yes"})
        assert not works(created["api_key"])


class TestPermissions:
    def test_without_rotation_no_new_secret_is_shown(self, sign_in, parent, rotated):
        operator = sign_in("view_apikey", "revoke_apikey", "impersonate_apikey")
        response = send(operator, "revoke", parent)
        assert response.status_code == 302
        assert not works(rotated["api_key"])

    def test_without_impersonation_no_new_secret_is_shown(self, sign_in, parent, rotated):
        response = send(sign_in(*OPERATOR), "revoke", parent)
        assert response.status_code == 302
        assert not works(rotated["api_key"])

    def test_with_both_it_is(self, sign_in, parent, rotated):
        response = send(sign_in(*OPERATOR, "impersonate_apikey"), "revoke", parent)
        assert works(secrets_in(response)[rotated["id"]])

    def test_limited_operator_sees_none_of_another_organization(self, limited, ours, https_client):
        member = make_member(https_client, organization=ours)
        created = member.create(label="Moved").json()
        moved = Credential.objects.filter(identifier=created["id"])
        moved.update(organization=make_organization(name="Foreign"))
        assert "Moved" not in limited.get(credential_url(member.issued.credential, "revoke")).text
        send(limited, "revoke", member.issued.credential)
        assert not works(created["api_key"])


class TestChangePage:
    def test_lists_them_also_after_a_revocation_that_kept_them(self, operator, parent, created):
        url = credential_url(parent, "change")
        assert f"Made with it ({created['id']})</a>: created" in operator.get(url).text
        credentials.revoke(parent, keep_descendants=True)
        assert f"Made with it ({created['id']})</a>: created" in operator.get(url).text

    def test_says_nothing_if_there_are_none(self, operator):
        text = operator.get(credential_url(make_api_key().credential, "change")).text
        assert "Created or rotated with it" not in text


class TestSomeoneElse:
    def test_one_that_was_drawn_after_the_page_is_ended(self, operator, member, parent):
        page = operator.get(credential_url(parent, "revoke"))
        token = member.token()
        created = member.call("POST", KEYS, token=token).json()
        url = credential_url(parent, "revoke")
        operator.post(url, {**hidden_fields(page), "confirmed": "yes"})
        assert not works(created["api_key"])
