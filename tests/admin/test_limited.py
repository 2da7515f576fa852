"""What an operator of one organization tries, to learn of another or to reach it."""

from __future__ import annotations

import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.core import serializers
from django.urls import reverse
from django.utils import timezone

from tests.admin.clients import make_token
from tests.admin.pages import page
from tests.factories import make_api_key, make_client_app, make_organization, make_user
from token_exchange import credentials
from token_exchange.models import Credential, Organization, SigningKey

pytestmark = pytest.mark.django_db

MODELS = ("apikey", "clientapp", "accesstoken", "organization")
NOBODY = 2**31 - 1
FOREIGN = "Foreign Affairs"
"""In each name of the other organization, so that a page shows at once if it tells of it."""


@pytest.fixture
def ours():
    return make_organization(slug="ours", name="Ours")


@pytest.fixture
def limited(sign_in, ours, token_exchange_settings):
    """An operator who holds every permission, for his organization's rows."""
    token_exchange_settings(OPERATOR_ORGANIZATIONS="tests.admin.operators.by_group")
    desk = sign_in()
    desk.user.groups.add(Group.objects.create(name="ours"))
    desk.user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="token_exchange")
    )
    return desk


@pytest.fixture
def foreign():
    """A row of each model that belongs to another organization, and what names it."""
    return make_rows(make_organization(name=FOREIGN, slug="foreign"), "foreign-minister", FOREIGN)


@pytest.fixture
def own(ours):
    return make_rows(ours, "clerk", "Ours")


def make_rows(organization, username, name):
    owner = make_user(username=username)
    values = {"organization": organization, "scopes": ["a"]}
    key = make_api_key(name=f"{name} key", owner=owner, **values)
    app = make_client_app(name=f"{name} app", **values)
    token = make_token(key)
    for issued in (key, app):
        credentials.rotate(issued.credential, now=timezone.now(), by=owner)
    return {
        "apikey": key.credential,
        "clientapp": app.credential,
        "accesstoken": token,
        "organization": organization,
        "owner": owner,
    }


def marks(rows):
    """Return each text that would show that a page knows of the rows."""
    credentials_ = (rows["apikey"], rows["clientapp"])
    return [
        rows["organization"].name,
        rows["owner"].username,
        rows["accesstoken"].jti,
        *(each.identifier for each in credentials_),
    ]


def told(response, rows):
    return [mark for mark in marks(rows) if mark in response.text]


def everything():
    rows = [*Credential.objects.all(), *Organization.objects.all(), *SigningKey.objects.all()]
    return serializers.serialize("json", [*rows, *LogEntry.objects.all()])


class TestLists:
    @pytest.mark.parametrize("model", MODELS)
    def test_hold_his_rows_alone(self, limited, own, foreign, model):
        response = limited.get(page(model, "changelist"))
        assert [each.pk for each in response.context["cl"].result_list] == [own[model].pk]
        assert told(response, foreign) == []

    @pytest.mark.parametrize("model", MODELS)
    def test_find_no_others_by_search(self, limited, own, foreign, model):
        for mark in marks(foreign):
            response = limited.get(page(model, "changelist"), {"q": mark})
            assert list(response.context["cl"].result_list) == []

    @pytest.mark.parametrize("model", ["apikey", "clientapp"])
    def test_offer_his_organizations_to_filter_by(self, limited, own, foreign, model):
        chosen = {"organization": foreign["organization"].pk}
        response = limited.get(page(model, "changelist"), chosen)
        assert told(response, foreign) == []
        assert list(response.context["cl"].result_list) == []

    @pytest.mark.parametrize("model", MODELS)
    @pytest.mark.parametrize(
        "lookup",
        [
            "secret_digest__startswith",
            "previous_secret_digest__isnull",
            "signing_input__isnull",
            "credential__secret_digest__startswith",
            "owner__password__startswith",
            "owner__username",
            "created_by__username",
            "organization__name__startswith",
            "organization__token_exchange_credentials__secret_digest__startswith",
            "token_exchange_credentials__name",
            "credential__organization__name",
            "pk__in",
        ],
    )
    def test_take_no_lookup_that_they_do_not_show(self, desk, own, model, lookup):
        response = desk.get(page(model, "changelist"), {lookup: "a"})
        assert response.status_code == 400

    def test_export_and_page_by_no_other_field(self, limited, own, foreign):
        response = limited.get(page("apikey", "changelist"), {"_to_field": "secret_digest"})
        assert response.status_code == 400


class TestObjects:
    @pytest.mark.parametrize("method", ["get", "post"])
    @pytest.mark.parametrize("model", MODELS)
    def test_of_others_are_not_there(self, limited, own, foreign, model, method):
        """Each page of an object answers for a foreign one as for one that never was."""
        before = everything()
        for pattern in object_patterns(model):
            answers = []
            for pk in (foreign[model].pk, NOBODY):
                url = reverse(f"admin:{pattern.name}", args=(pk,))
                response = getattr(limited, method)(url, {"confirmed": "yes", "version": "x"})
                assert told(response, foreign) == []
                messages = limited.get(reverse("admin:index")).text.count(f"ID “{pk}”")
                answers.append(
                    (
                        response.status_code,
                        messages,
                        dict(response.items()).get("Location", "").replace(str(pk), "PK"),
                        neutral(response, pk),
                    )
                )
            assert answers[0] == answers[1], pattern.name
            assert answers[0][0] != 200, pattern.name
        assert everything() == before

    @pytest.mark.parametrize("model", MODELS)
    def test_of_his_own_are(self, limited, own, model):
        assert limited.get(page(model, "change", own[model])).status_code == 200
        assert limited.get(page(model, "history", own[model])).status_code == 200


def object_patterns(model):
    model_admin = admin.site.get_model_admin(apps.get_model("token_exchange", model))
    return [
        each for each in model_admin.get_urls() if each.name and "object_id" in str(each.pattern)
    ]


def neutral(response, pk):
    """Return the page as it is for any id."""
    return re.sub(rf"\b{pk}\b", "PK", response.text)
