"""The admin of organizations, the app's own and a project's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model

from tests.support.admin_urls import admin_url
from tests.support.factories import make_api_key
from token_exchange.admin import register
from token_exchange.models import APIKey, Credential, Organization

pytestmark = pytest.mark.django_db


class TestOrganizations:
    def test_are_made_and_changed(self, operator):
        values = {"name": "Acme", "slug": "acme", "is_active": "on"}
        values |= {"default_token_lifetime": "00:10:00", "max_token_lifetime": "01:00:00"}
        operator.post(admin_url("organization", "add"), values)
        organization = Organization.objects.get()
        assert organization.default_token_lifetime == timedelta(minutes=10)
        url = admin_url("organization", "change", organization)
        del values["is_active"]
        operator.post(url, values)
        organization.refresh_from_db()
        assert not organization.is_active

    def test_are_refused_with_a_default_over_the_maximum(self, operator):
        values = {"name": "Acme", "slug": "acme", "max_token_lifetime": "00:10:00"}
        response = operator.post(
            admin_url("organization", "add"), {**values, "default_token_lifetime": "00:20:00"}
        )
        assert "The default can&#x27;t be longer than the maximum." in response.text

    def test_with_credentials_are_not_deleted(self, operator):
        organization = make_api_key().credential.organization
        operator.post(admin_url("organization", "delete", organization), {"post": "yes"})
        assert Credential.objects.count() == 1


class TestRegister:
    def test_shows_every_model(self):
        site = admin.AdminSite()
        register(site)
        names = sorted(model.__name__ for model in site._registry)
        assert names == [
            *("APIKey", "AccessToken", "AuditEvent", "ClientApp", "Dashboard", "Organization"),
            "SigningKey",
        ]

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
