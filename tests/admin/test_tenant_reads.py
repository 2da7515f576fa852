"""A limited operator cannot read rows of other organizations."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from tests.admin.tenant_rows import FOREIGN, NOBODY, everything, marks, text_of, told
from tests.support.admin_urls import admin_url, credential_url
from token_exchange.models import Credential, HourlyCount

pytestmark = pytest.mark.django_db

MODELS = ("apikey", "clientapp", "accesstoken", "organization", "auditevent")


class TestLists:
    @pytest.mark.parametrize("model", MODELS)
    def test_contain_only_the_own_rows(self, limited, own, foreign, model):
        response = limited.get(admin_url(model, "changelist"))
        found = [each.pk for each in response.context["cl"].result_list]
        assert own[model].pk in found
        assert foreign[model].pk not in found
        assert told(response, foreign) == []

    @pytest.mark.parametrize("model", MODELS)
    def test_find_no_others_by_search(self, limited, own, foreign, model):
        for mark in marks(foreign):
            response = limited.get(admin_url(model, "changelist"), {"q": mark})
            assert list(response.context["cl"].result_list) == []

    @pytest.mark.parametrize("model", ["apikey", "clientapp", "auditevent"])
    def test_offer_only_the_own_organizations_to_filter_by(self, limited, own, foreign, model):
        chosen = {"organization": foreign["organization"].pk}
        response = limited.get(admin_url(model, "changelist"), chosen)
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
    def test_take_no_lookup_that_they_do_not_show(self, operator, own, model, lookup):
        response = operator.get(admin_url(model, "changelist"), {lookup: "a"})
        assert response.status_code == 400

    def test_export_and_page_by_no_other_field(self, limited, own, foreign):
        response = limited.get(admin_url("apikey", "changelist"), {"_to_field": "secret_digest"})
        assert response.status_code == 400


class TestObjects:
    @pytest.mark.parametrize("method", ["get", "post"])
    @pytest.mark.parametrize("model", MODELS)
    def test_of_others_do_not_exist(self, limited, own, foreign, model, method):
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
    def test_of_the_own_organization_are_shown(self, limited, own, model):
        assert limited.get(admin_url(model, "change", own[model])).status_code == 200
        assert limited.get(admin_url(model, "history", own[model])).status_code == 200


def object_patterns(model):
    model_admin = admin.site.get_model_admin(apps.get_model("token_exchange", model))
    return [
        each for each in model_admin.get_urls() if each.name and "object_id" in str(each.pattern)
    ]


def neutral(response, pk):
    """Return the page as it is for any id."""
    return re.sub(rf"\b{pk}\b", "PK", response.text)


class TestAutocomplete:
    def search(self, operator, model, field, **values):
        return operator.get(
            reverse("admin:autocomplete"),
            {"app_label": "token_exchange", "model_name": model, "field_name": field, **values},
        )

    @pytest.mark.parametrize("model", ["apikey", "clientapp", "credential"])
    @pytest.mark.parametrize("term", ["", "o", FOREIGN])
    def test_finds_only_the_own_organizations(self, limited, own, foreign, model, term):
        found = self.search(limited, model, "organization", term=term).json()["results"]
        expected = [] if term == FOREIGN else [str(own["organization"].pk)]
        assert [each["id"] for each in found] == expected

    @pytest.mark.parametrize("field", ["owner", "created_by", "revoked_by"])
    def test_finds_no_users(self, limited, own, foreign, field):
        assert self.search(limited, "apikey", field).status_code == 403

    @pytest.mark.parametrize("field", ["credential", "secret_digest", "nonsense"])
    def test_finds_nothing_else(self, limited, own, foreign, field):
        assert self.search(limited, "accesstoken", field).status_code == 403


class TestExports:
    @pytest.mark.parametrize("file_format", ["json", "csv"])
    def test_contain_only_what_the_list_shows(self, limited, own, foreign, file_format):
        url = reverse("admin:token_exchange_auditevent_export", args=[file_format])
        answers = [
            limited.get(url, values)
            for values in (
                {},
                {"organization": foreign["organization"].pk},
                {"q": foreign["apikey"].identifier},
                {"actor": foreign["owner"].username},
            )
        ]
        assert [told(each, foreign) for each in answers] == [[], [], [], []]
        assert own["apikey"].identifier in text_of(answers[0])
        assert [len(text_of(each).splitlines()) < 3 for each in answers] == [
            False,
            True,
            True,
            True,
        ]


class TestDashboard:
    @pytest.fixture
    def counts(self, own, foreign):
        for rows, count in ((own, 3), (foreign, 98_765)):
            for identifier in ("", rows["apikey"].identifier):
                HourlyCount.objects.create(
                    hour=timezone.now().replace(minute=0, second=0, microsecond=0),
                    organization=str(rows["organization"].pk),
                    identifier=identifier,
                    outcome="exchanged",
                    count=count,
                )
        Credential.objects.update(
            previous_secret_last_used_at=timezone.now(),
            expires_at=timezone.now() + timedelta(days=1),
        )

    @pytest.mark.parametrize("period", ["day", "week"])
    def test_sums_up_only_the_own_rows(self, limited, own, foreign, counts, period):
        url = admin_url("dashboard", "changelist")
        answers = [
            limited.get(url, {"period": period, **values})
            for values in (
                {},
                {"organization": foreign["organization"].pk},
                {"organization": "x"},
                {"credential": foreign["clientapp"].identifier},
            )
        ]
        assert told(answers[0], own) != []
        # What was asked for is shown again in the field.
        marks = [told(each, foreign) for each in answers[:3]]
        marks.append(set(told(answers[3], foreign)) - {foreign["clientapp"].identifier})
        assert marks == [[], [], [], set()]
        assert ["98,765" in each.text or "98765" in each.text for each in answers] == [False] * 4

    def test_sums_up_all_rows_for_unlimited_users(self, operator, own, foreign, counts):
        assert told(operator.get(admin_url("dashboard", "changelist")), foreign) != []


class TestRestOfTheAdmin:
    def test_shows_ones_own_recent_actions(self, limited, operator, own, foreign):
        operator.post(
            credential_url(foreign["apikey"], "revoke"), {"confirmed": "yes", "reason": FOREIGN}
        )
        assert LogEntry.objects.count() == 1
        assert told(limited.get(reverse("admin:index")), foreign) == []
        assert told(operator.get(reverse("admin:index")), foreign) != []

    def test_has_no_view_on_site(self, limited, own, foreign):
        for model, row in own.items():
            if model != "owner":
                assert "viewsitelink" not in limited.get(admin_url(model, "change", row)).text
