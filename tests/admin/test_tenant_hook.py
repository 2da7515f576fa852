"""OPERATOR_ORGANIZATIONS limits operators to organizations."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from tests.admin import operators
from tests.support.admin_urls import admin_url
from tests.support.factories import make_api_key, make_organization
from token_exchange.admin.tenant_access import permitted_organization_keys, permitted_organizations
from token_exchange.models import Organization

pytestmark = pytest.mark.django_db

LIST = admin_url("apikey", "changelist")


@pytest.fixture
def hook(token_exchange_settings):
    def hook(name):
        token_exchange_settings(OPERATOR_ORGANIZATIONS=f"tests.admin.operators.{name}")

    return hook


@pytest.fixture
def operator(sign_in):
    """Somebody who may look at keys, and whose group is named after an organization."""
    operator = sign_in("view_apikey")
    operator.user.groups.add(Group.objects.create(name="ours"))
    return operator


@pytest.fixture
def rows():
    """Our key and another's."""
    ours = make_api_key(organization=make_organization(slug="ours")).credential
    return ours, make_api_key().credential


def found(operator):
    return {each.pk for each in operator.get(LIST).context["cl"].result_list}


class TestHook:
    def test_limits_nobody_where_there_is_none(self, operator, rows):
        assert found(operator) == {each.pk for each in rows}

    def test_limits_nobody_to_whom_it_says_so(self, hook, operator, rows):
        hook("nobody_is_limited")
        assert found(operator) == {each.pk for each in rows}

    @pytest.mark.parametrize("name", ["by_group", "as_a_query", "as_text"])
    def test_limits_to_the_organizations_that_it_names(self, hook, operator, rows, name):
        hook(name)
        assert found(operator) == {rows[0].pk}

    def test_limits_to_nothing_at_all(self, hook, sign_in, rows):
        hook("by_group")
        assert found(sign_in("view_apikey")) == set()

    def test_never_limits_a_superuser(self, hook, sign_in, rows):
        hook("by_group")
        operators.ASKED.clear()
        operator = sign_in(is_superuser=True)
        assert found(operator) == {each.pk for each in rows}
        assert operators.ASKED == []

    def test_is_asked_once_a_request_and_again_in_the_next(self, hook, operator, rows):
        hook("by_group")
        for _ in range(2):
            operators.ASKED.clear()
            found(operator)
            assert [operator.user.pk] == operators.ASKED
        operator.user.groups.clear()
        assert found(operator) == set()


class TestInvalidHook:
    @pytest.mark.filterwarnings("ignore:coroutine 'later' was never awaited")
    @pytest.mark.parametrize(
        "name",
        [
            "fails",
            "text",
            "raw_bytes",
            "number",
            "rows",
            "tuples",
            "yes",
            "fraction",
            "nothing_in_it",
            "later",
            "does_not_exist",
        ],
    )
    def test_lets_nobody_see_anything_and_is_logged(self, hook, operator, rows, caplog, name):
        hook(name)
        response = operator.get(LIST)
        assert response.status_code == 200
        assert list(response.context["cl"].result_list) == []
        assert [
            (each.event, each.event_fields, each.exc_info is not None)
            for each in caplog.records
            if each.name == "token_exchange"
        ] == [("operator.organizations_unknown", {"user": str(operator.user.pk)}, True)]

    def test_limits_a_superuser_neither(self, hook, sign_in, rows):
        hook("fails")
        assert found(sign_in(is_superuser=True)) == {each.pk for each in rows}


class TestPermittedOrganizations:
    def test_are_all_for_unlimited_users(self, operator, rows):
        assert set(permitted_organizations(operator.user)) == set(Organization.objects.all())
        assert permitted_organization_keys(operator.user) is None

    def test_are_the_permitted_ones_for_limited_users(self, hook, operator, rows):
        hook("by_group")
        assert [each.slug for each in permitted_organizations(operator.user)] == ["ours"]
