"""What may be written into a credential or an organization."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.models.rows import DAY, HOUR
from tests.support.factories import make_api_key
from token_exchange.models import (
    AbstractOrganization,
    Credential,
    Organization,
)
from token_exchange.models.validators import (
    no_control_characters,
    validate_audience,
    validate_metadata,
    validate_networks,
    validate_scopes,
)


class TestValidators:
    @pytest.mark.parametrize("validate", [validate_scopes, validate_audience, validate_networks])
    def test_empty_is_good(self, validate):
        validate([])

    @pytest.mark.parametrize("validate", [validate_scopes, validate_audience, validate_networks])
    @pytest.mark.parametrize("values", [None, "a", {"a": 1}, [1], [None], [["a"]], 3, ("a",)])
    def test_lists_of_strings_only(self, validate, values):
        with pytest.raises(ValidationError, match="Enter a list of strings"):
            validate(values)

    @pytest.mark.parametrize(
        ("validate", "value"),
        [(validate_scopes, "a"), (validate_audience, "a"), (validate_networks, "192.0.2.0/24")],
    )
    def test_each_once(self, validate, value):
        validate([value])
        with pytest.raises(ValidationError, match="Enter each value once"):
            validate([value, value])

    @given(st.lists(st.text()))
    def test_any_strings_are_good_or_refused(self, values):
        for validate in (validate_scopes, validate_audience, validate_networks):
            try:
                validate(values)
            except ValidationError as refused:
                assert refused.messages  # noqa: PT017 - either will do

    @pytest.mark.parametrize("scope", ["", "a b", 'a"', "a\\", "é", "a\n"])
    def test_scope(self, scope):
        with pytest.raises(ValidationError, match="is not a scope"):
            validate_scopes([scope])

    def test_scope_of_the_registry(self, token_exchange_settings):
        token_exchange_settings(SCOPES={"read": "Read", "write": "Write"})
        validate_scopes(["read"])
        with pytest.raises(ValidationError, match=r"'admin' is not one of .*: read, write"):
            validate_scopes(["read", "admin"])

    @pytest.mark.parametrize("registry", [{}, {"read": "Read"}])
    def test_reserved_scopes_are_of_every_registry(self, token_exchange_settings, registry):
        token_exchange_settings(SCOPES=registry)
        validate_scopes(["read", "token_exchange:revocations"])
        for scope in ("token_exchange:", "token_exchange:other", "token_exchange:revocations:a"):
            with pytest.raises(ValidationError, match="is not a reserved scope"):
                validate_scopes([scope])

    @pytest.mark.parametrize("audience", ["", "a b", "a\n", "é", 'a"', "x" * 256])
    def test_audience(self, audience):
        with pytest.raises(ValidationError, match="is not an audience"):
            validate_audience([audience])

    @pytest.mark.parametrize(
        "network", ["", "192.0.2.1/24", "192.0.2.0/33", "fe80::1%eth0", "::ffff:192.0.2.0/120"]
    )
    def test_network(self, network):
        with pytest.raises(ValidationError, match="is not a network"):
            validate_networks([network])

    @pytest.mark.parametrize("validate", [validate_scopes, validate_audience])
    def test_together_they_fit_into_a_token(self, validate):
        validate([f"{number:0>99}" for number in range(15)])
        with pytest.raises(ValidationError, match="too long for a token: at most 1500"):
            validate([f"{number:0>99}" for number in range(16)])

    @pytest.mark.parametrize(
        "text",
        ["a\nb", "\0", "a\x7f", "\t", "a\n", "a\x85", "\u2028", "a\u202e", "\u2066a", "\u202aa"],
    )
    def test_no_control_characters(self, text):
        with pytest.raises(ValidationError):
            no_control_characters(text)
        no_control_characters(
            "Ünïcödé & <b>names</b> are names 😀, and so are \u200fש\u200f and 👩\u200d💻"
        )


METADATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


class TestMetadata:
    @pytest.mark.django_db
    @hypothesis_settings(max_examples=50)
    @given(st.dictionaries(st.text(st.characters(exclude_categories=())), METADATA))
    def test_what_is_accepted_can_be_stored(self, metadata):
        """On every database: PostgreSQL has neither NUL nor NaN in JSON."""
        try:
            validate_metadata(metadata)
        except ValidationError:
            return
        organization, _ = Organization.objects.get_or_create(slug="a", defaults={"name": "A"})
        credential = make_api_key(organization=organization, metadata=metadata).credential
        credential.refresh_from_db()
        assert set(credential.metadata) == set(metadata)  # a number may come back rounded

    @pytest.mark.parametrize("metadata", [None, [], "a", 1, True])
    def test_is_an_object(self, metadata):
        with pytest.raises(ValidationError, match="Enter a JSON object"):
            validate_metadata(metadata)

    @pytest.mark.parametrize(
        "metadata", [{"a": "\0"}, {"\0": 1}, {"a": [{"b": "\ud800"}]}, {"a": {"\udfff": None}}]
    )
    def test_has_whole_characters(self, metadata):
        with pytest.raises(ValidationError, match="Control characters"):
            validate_metadata(metadata)

    @pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
    def test_has_numbers_that_json_has(self, number):
        with pytest.raises(ValidationError, match="Enter a JSON object"):
            validate_metadata({"a": [number]})


class TestPolicy:
    """A tenant model of one's own has the same rules."""

    def test_is_abstract_and_has_no_more_than_it_needs(self):
        names = {field.name for field in AbstractOrganization._meta.get_fields()}
        assert names == {"default_token_lifetime", "max_token_lifetime", "is_active"}

    @pytest.mark.parametrize(
        ("default", "maximum", "complaint"),
        [
            (None, None, None),
            (HOUR, HOUR, None),
            (DAY, None, None),
            (DAY + timedelta(microseconds=1), None, "default_token_lifetime"),
            (None, 2 * DAY, "max_token_lifetime"),
            (HOUR, HOUR - timedelta(seconds=1), "default_token_lifetime"),
        ],
    )
    def test_clean(self, default, maximum, complaint):
        organization = Organization(default_token_lifetime=default, max_token_lifetime=maximum)
        organization.name, organization.slug = "Name", "slug"
        if complaint is None:
            organization.full_clean(validate_unique=False)
        else:
            with pytest.raises(ValidationError) as refused:
                organization.full_clean(validate_unique=False)
            assert list(refused.value.message_dict) == [complaint]

    @pytest.mark.parametrize(("lifetime", "is_good"), [(None, True), (DAY, True), (2 * DAY, False)])
    def test_clean_of_a_credential(self, lifetime, is_good):
        credential = Credential(token_lifetime=lifetime)
        others = {each.name for each in Credential._meta.fields} - {"token_lifetime"}
        if is_good:
            credential.clean_fields(exclude=others)
        else:
            with pytest.raises(ValidationError, match="maximum is 86400 seconds"):
                credential.clean_fields(exclude=others)
