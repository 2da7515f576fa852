"""Admin methods accept the arguments that Django passes, also by name."""

from __future__ import annotations

import inspect

import pytest
from django.contrib import admin
from django.contrib.admin import ModelAdmin, SimpleListFilter

from token_exchange.admin import (
    AccessTokenAdmin,
    APIKeyAdmin,
    ClientAppAdmin,
    OrganizationAdmin,
    SigningKeyAdmin,
    filters,
)
from token_exchange.models import AccessToken, APIKey, ClientApp, SigningKey

ADMINS = (APIKeyAdmin, ClientAppAdmin, AccessTokenAdmin, SigningKeyAdmin, OrganizationAdmin)
FILTERS = (
    filters.StateFilter,
    filters.TokenStateFilter,
    filters.OrganizationFilter,
    filters.SubjectFilter,
    filters.CredentialFilter,
)


def names_of(method):
    return set(inspect.signature(method).parameters)


@pytest.mark.parametrize("ours", [*ADMINS, *FILTERS])
def test_parameters_have_django_s_names(ours):
    theirs = ModelAdmin if issubclass(ours, ModelAdmin) else SimpleListFilter
    overridden = {
        name: (names_of(method), names_of(getattr(theirs, name)))
        for name, method in inspect.getmembers(ours, inspect.isfunction)
        if method is not getattr(theirs, name, method)
    }
    assert ours is OrganizationAdmin or overridden
    for name, (parameters, expected) in overridden.items():
        assert "kwargs" in parameters or parameters >= expected, name


@pytest.mark.django_db
@pytest.mark.parametrize("model", [APIKey, ClientApp, AccessToken, SigningKey])
def test_permission_methods_accept_keywords(rf, operator, model):
    request = rf.get("/")
    request.user = operator.user
    model_admin = admin.site.get_model_admin(model)
    obj = model()
    may_change = model in {APIKey, ClientApp}
    assert model_admin.has_delete_permission(request, obj=obj) is False
    assert model_admin.has_view_permission(request, obj=obj) is True
    assert model_admin.has_change_permission(request, obj=obj) is may_change
    assert model_admin.has_add_permission(request=request) is may_change
