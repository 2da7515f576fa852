"""Issue forms with invalid values."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry

from tests.admin.conftest import hidden_fields
from tests.support.admin_urls import admin_url
from tests.support.factories import make_organization
from token_exchange.models import APIKey, Credential

pytestmark = pytest.mark.django_db

ADD_KEY = admin_url("apikey", "add")


def refusal(operator, **values):
    """Send what cannot be issued, and return what the form says about it."""
    values = {"name": "Nightly", "organization": make_organization().pk, **values}
    response = operator.send(ADD_KEY, **values)
    assert response.status_code == 200
    assert (Credential.objects.count(), LogEntry.objects.count()) == (0, 0)
    return {
        name: list(errors) for name, errors in response.context["adminform"].form.errors.items()
    }


class TestRefusals:
    def test_without_a_name(self, operator):
        assert refusal(operator, name=" ") == {"name": ["This field is required."]}

    def test_with_a_control_character_in_the_name(self, operator):
        assert refusal(operator, name="a\tb") == {"name": ["Control characters are not allowed."]}

    def test_of_an_unknown_organization(self, operator):
        assert list(refusal(operator, organization=999_999_999)) == ["organization"]

    def test_of_a_scope_that_is_none(self, operator):
        (error,) = refusal(operator, scopes='a"b')["scopes"]
        assert "is not a scope" in error

    def test_of_an_unregistered_scope(self, operator, token_exchange_settings):
        token_exchange_settings(SCOPES={"a": "A"})
        assert list(refusal(operator, scopes=["b"])) == ["scopes"]

    def test_of_a_network_with_host_bits(self, operator):
        (error,) = refusal(operator, allowed_networks="192.0.2.1/24")["allowed_networks"]
        assert "is not a network" in error

    def test_of_a_lifetime_over_the_ceiling(self, operator):
        errors = refusal(
            operator,
            token_lifetime="custom",
            token_lifetime_number="86401",
            token_lifetime_unit="seconds",
        )
        assert errors == {"token_lifetime": ["The maximum is 1 day."]}

    def test_of_an_expiry_in_the_past(self, operator):
        errors = refusal(operator, expires_at="custom", expires_at_at="2000-01-01T00:00")
        assert errors == {"expires_at": ["The expiry must be in the future."]}

    def test_of_an_expiry_beyond_the_longest_life(self, operator, token_exchange_settings):
        token_exchange_settings(MAX_KEY_LIFETIME=3600)
        (error,) = refusal(operator, expires_at="custom", expires_at_at="2100-01-01T00:00")[
            "expires_at"
        ]
        assert "Credentials must expire by" in error

    @pytest.mark.parametrize(
        "metadata",
        [
            "[1]",
            "null",
            "nonsense",
            '{"a": NaN}',
            '{"a": 1e400}',
            '{"a": ' + "9" * 5000 + "}",
            '{"a":' * 3000 + "1" + "}" * 3000,
            '{"a":' + "[" * 20 + "]" * 20 + "}",
        ],
    )
    def test_of_metadata_that_is_no_object(self, operator, metadata):
        (error,) = refusal(operator, metadata=metadata)["metadata"]
        assert error.startswith("Enter a JSON object")

    @pytest.mark.parametrize("metadata", ['{"a": "\\u0000"}', '{"a": "\\ud800"}'])
    def test_of_metadata_that_no_database_stores(self, operator, metadata):
        assert refusal(operator, metadata=metadata) == {
            "metadata": ["Control characters are not allowed."]
        }

    def test_of_too_much_metadata(self, operator):
        errors = refusal(operator, metadata='{"a": "%s"}' % ("x" * 20_000))
        assert errors == {"metadata": ["Enter at most 20000 characters."]}

    def test_keep_what_was_typed(self, operator):
        organization = make_organization().pk
        response = operator.send(ADD_KEY, organization=organization, scopes="a b", metadata="{oops")
        assert ">\na b</textarea>" in response.text
        assert ">\n{oops</textarea>" in response.text

    def test_keep_the_identifier_for_the_next_attempt(self, operator):
        first = hidden_fields(operator.get(ADD_KEY))
        response = operator.post(ADD_KEY, first)
        assert hidden_fields(response) == first


class TestMetadata:
    def test_may_hold_a_backslash_before_digits(self, operator):
        text = '{"path": "C:\\\\u0000"}'
        operator.send(ADD_KEY, name="x", organization=make_organization().pk, metadata=text)
        assert APIKey.objects.get().metadata == {"path": "C:\\u0000"}
