from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from tests.support.factories import make_organization
from token_exchange.models import Organization, get_organization_model

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def complaints(**values) -> dict[str, list[str]]:
    try:
        Organization(name="A", slug="a", **values).clean_fields()
        Organization(name="A", slug="a", **values).clean()
    except ValidationError as error:
        return error.message_dict
    return {}


class TestPolicy:
    @pytest.mark.parametrize(
        "values",
        [
            {},
            {"default_token_lifetime": HOUR},
            {"max_token_lifetime": DAY},
            {"default_token_lifetime": HOUR, "max_token_lifetime": HOUR},
        ],
    )
    def test_is_accepted(self, values):
        assert complaints(**values) == {}

    @pytest.mark.parametrize("name", ["default_token_lifetime", "max_token_lifetime"])
    def test_is_refused_over_the_ceiling(self, name, token_exchange_settings):
        over = timedelta(days=1, seconds=1)
        assert complaints(**{name: over}) == {name: ["The maximum is 86400 seconds."]}
        token_exchange_settings(MAX_TOKEN_LIFETIME=60)
        assert complaints(**{name: HOUR}) == {name: ["The maximum is 60 seconds."]}

    @pytest.mark.parametrize("name", ["default_token_lifetime", "max_token_lifetime"])
    @pytest.mark.parametrize("lifetime", [timedelta(0), -HOUR])
    def test_is_refused_below_a_second(self, name, lifetime):
        assert list(complaints(**{name: lifetime})) == [name]

    def test_is_refused_with_a_default_over_the_maximum(self):
        assert complaints(default_token_lifetime=HOUR, max_token_lifetime=HOUR / 2) == {
            "default_token_lifetime": ["The default can't be longer than the maximum."]
        }


@pytest.mark.django_db
def test_is_shown_by_its_name():
    assert str(make_organization(name="Example Company")) == "Example Company"


def test_is_our_own_unless_swapped():
    assert get_organization_model() is Organization
