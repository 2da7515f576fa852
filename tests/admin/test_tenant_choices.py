"""The organizations and users that admin forms offer."""

from __future__ import annotations

import pytest
from django.contrib import admin

from tests.support.admin_urls import admin_url
from tests.support.factories import make_api_key, make_organization, make_user
from token_exchange.models import AccessToken, APIKey

pytestmark = pytest.mark.django_db

ADD = admin_url("apikey", "add")


class TestInvalidChoice:
    @pytest.mark.parametrize("field", ["organization", "owner"])
    @pytest.mark.parametrize("value", ["x", "-1", "1.5", "1,2", "None", "\x00", 10**30, 2**31 - 1])
    @pytest.mark.parametrize("role", ["operator", "limited"])
    def test_is_an_error_of_the_form(self, request, role, field, value):
        response = request.getfixturevalue(role).send(ADD, name="x", **{field: value})
        assert response.status_code == 200
        assert field in response.context["adminform"].form.errors
        assert not APIKey.objects.exists()


class TestChoice:
    @pytest.mark.parametrize("role", ["operator", "limited"])
    def test_stays_when_something_else_is_wrong(self, request, ours, role):
        response = request.getfixturevalue(role).send(ADD, name="", organization=ours.pk)
        assert f'<option value="{ours.pk}" selected>Ours</option>' in response.text

    def test_is_sought_where_there_are_many(self, operator, ours):
        make_organization(name="Elsewhere")
        text = operator.get(ADD).text
        assert "Elsewhere" not in text
        assert "admin-autocomplete" in text

    def test_of_what_is_nobodys_is_empty_for_the_limited(self, rf, limited):
        request = rf.get("/")
        request.user = limited.user
        field = AccessToken._meta.get_field("credential")
        found = admin.site.get_model_admin(APIKey).formfield_for_foreignkey(field, request)
        assert not found.queryset.exists()

    def test_of_other_rows_is_not_narrowed_for_the_others(self, rf):
        request = rf.get("/")
        request.user = make_user(is_staff=True, is_superuser=True)
        key = make_api_key().credential
        field = AccessToken._meta.get_field("credential")
        found = admin.site.get_model_admin(APIKey).formfield_for_foreignkey(field, request)
        assert [each.pk for each in found.queryset] == [key.pk]
