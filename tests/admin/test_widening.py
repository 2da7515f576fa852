"""Changes of another user's API key: more access needs ``impersonate_apikey``, less doesn't."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.admin.conftest import hidden_fields
from tests.support.admin_urls import credential_url
from tests.support.factories import make_api_key, make_client_app, make_user
from token_exchange.models import AuditEvent, Credential

pytestmark = pytest.mark.django_db

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
IN_A_WEEK = NOW + timedelta(days=7)
REFUSED = ["You don't have permission to give another user's key more access."]
STORED = {
    "scopes": ["a", "b"],
    "audience": ["https://a.test", "https://b.test"],
    "allowed_networks": ["192.0.2.0/24"],
    "token_lifetime": timedelta(hours=1),
    "expires_at": IN_A_WEEK,
}
FORM = {
    "name": "Nightly",
    "scopes": "a b",
    "audience": "https://a.test https://b.test",
    "allowed_networks": "192.0.2.0/24",
    "metadata": "",
    "token_lifetime": "3600",
    "expires_at": "custom",
    "expires_at_at": "2030-01-08T12:00",
}
WIDER = {
    "scopes": [{"scopes": "a b c"}, {"scopes": "c"}],
    "audience": [{"audience": "https://a.test https://c.test"}, {"audience": ""}],
    "allowed_networks": [
        {"allowed_networks": ""},
        {"allowed_networks": "192.0.0.0/16"},
        {"allowed_networks": "192.0.2.0/24 2001:db8::/32"},
    ],
    "token_lifetime": [{"token_lifetime": ""}, {"token_lifetime": "28800"}],
    "expires_at": [{"expires_at": "", "expires_at_at": ""}, {"expires_at_at": "2030-01-08T12:01"}],
}
NARROWER = [
    {"scopes": "a"},
    {"scopes": ""},
    {"audience": "https://a.test"},
    {"allowed_networks": "192.0.2.0/25"},
    {"token_lifetime": "900"},
    {"expires_at_at": "2030-01-07T12:00"},
    {"name": "Weekly"},
    {"metadata": '{"team": "billing"}'},
]
WIDENINGS = [(name, values) for name, forms in WIDER.items() for values in forms]


@pytest.fixture(autouse=True)
def _clock(settings):
    settings.TIME_ZONE = "UTC"
    with time_machine.travel(NOW, tick=False):
        yield


def make_key(**values):
    return make_api_key(name="Nightly", **{**STORED, **values}).credential


def send(operator, credential, values):
    """Save the change form, and return the errors of its fields; none if it was saved."""
    url = credential_url(credential, "change")
    fields = {**hidden_fields(operator.get(url)), **FORM, **values}
    answer = operator.post(url, fields)
    if answer.status_code == 302:
        return {}
    form = answer.context["adminform"].form
    return {name: list(errors) for name, errors in form.errors.items()}


class TestWithoutImpersonation:
    @pytest.fixture
    def operator(self, sign_in):
        return sign_in("view_apikey", "change_apikey", "view_clientapp", "change_clientapp")

    @pytest.mark.parametrize(("name", "values"), WIDENINGS)
    def test_key_of_another_user_is_not_widened(self, operator, name, values):
        key = make_key(owner=make_user())
        assert send(operator, key, values) == {name: REFUSED}
        stored = Credential.objects.values(*STORED).get()
        assert stored == STORED
        assert not AuditEvent.objects.filter(event="credential.changed").exists()

    def test_key_whose_owner_was_deleted_is_not_widened(self, operator):
        key = make_key(owner=make_user())
        Credential.objects.filter(pk=key.pk).update(owner=None)
        assert send(operator, key, {"scopes": "a b c"}) == {"scopes": REFUSED}

    def test_every_field_that_is_widened_is_named(self, operator):
        key = make_key(owner=make_user())
        values = {"scopes": "a b c", "allowed_networks": "", "name": "Weekly"}
        assert send(operator, key, values) == {"scopes": REFUSED, "allowed_networks": REFUSED}

    def test_widening_beside_a_narrowing_is_refused(self, operator):
        key = make_key(owner=make_user())
        assert send(operator, key, {"scopes": "a", "expires_at": "", "expires_at_at": ""}) == {
            "expires_at": REFUSED
        }

    def test_value_that_is_invalid_has_its_own_error(self, operator):
        key = make_key(owner=make_user())
        errors = send(operator, key, {"expires_at_at": "2000-01-01T00:00"})
        assert errors == {"expires_at": ["The expiry must be in the future."]}

    @pytest.mark.parametrize("values", NARROWER)
    def test_key_of_another_user_is_narrowed(self, operator, values):
        key = make_key(owner=make_user())
        assert send(operator, key, values) == {}
        assert AuditEvent.objects.filter(event="credential.changed").count() == 1

    @pytest.mark.parametrize(("_name", "values"), WIDENINGS)
    def test_keys_that_act_as_no_other_user_are_widened(self, operator, _name, values):
        app = make_client_app(name="Nightly", **STORED).credential
        for credential in (make_key(), make_key(owner=operator.user), app):
            assert send(operator, credential, values) == {}


class TestWithImpersonation:
    @pytest.mark.parametrize(("_name", "values"), WIDENINGS)
    def test_key_of_another_user_is_widened(self, sign_in, _name, values):
        operator = sign_in("view_apikey", "change_apikey", "impersonate_apikey")
        assert send(operator, make_key(owner=make_user()), values) == {}

    def test_limited_operator_may_not_even_then(self, limited, ours):
        key = make_key(owner=make_user(), organization=ours)
        assert send(limited, key, {"scopes": "a b c"}) == {"scopes": REFUSED}
        assert send(limited, key, {"scopes": "a"}) == {}
