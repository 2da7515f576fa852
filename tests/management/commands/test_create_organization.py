"""The command create_organization."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.management.commands.conftest import run, text
from token_exchange.models import Organization

pytestmark = pytest.mark.django_db


class TestCreateOrganization:
    def test_creates_an_organization(self):
        answer = run("create_organization", "Example Company")
        organization = Organization.objects.get()
        assert answer == {
            "id": organization.pk,
            "name": "Example Company",
            "slug": "example-company",
            "organization": "example-company",
            "default_token_lifetime": None,
            "max_token_lifetime": None,
        }
        assert (organization.name, organization.slug) == ("Example Company", "example-company")
        assert organization.is_active is True

    def test_accepts_a_slug_and_lifetimes(self):
        answer = run(
            *("create_organization", "Example", "--slug", "ex"),
            *("--default-token-lifetime", "600", "--max-token-lifetime", "8h"),
        )
        organization = Organization.objects.get(slug="ex")
        assert organization.default_token_lifetime == timedelta(minutes=10)
        assert organization.max_token_lifetime == timedelta(hours=8)
        assert (answer["default_token_lifetime"], answer["max_token_lifetime"]) == (600, 28_800)

    def test_prints_the_next_step(self):
        assert text("create_organization", "Example Company") == (
            "Created the organization Example Company.\n"
            "Issue credentials with: --organization example-company\n"
        )

    def test_shortens_the_slug(self):
        assert run("create_organization", "x" * 255)["slug"] == "x" * 100

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            ([], "the following arguments are required: name"),
            ([""], "No slug can be derived from '': set one with --slug."),
            (["東京"], "No slug can be derived from '東京': set one with --slug."),
            (["", "--slug", "a"], "name: This field cannot be blank."),
            (["a\x00b"], "name: Control characters are not allowed."),
            (["a\nb"], "name: Control characters are not allowed."),
            (["a\ud800b"], "name: Control characters are not allowed."),
            (["x" * 256], "name: Ensure this value has at most 255 characters (it has 256)."),
            (["A", "--slug", "a b"], "slug: Enter a valid “slug”"),
            (["A", "--slug", "a\x00"], "slug: Enter a valid “slug”"),
            (["A", "--slug", "x" * 101], "slug: Ensure this value has at most 100 characters"),
            (["A", "--max-token-lifetime", "25h"], "max_token_lifetime: The maximum is 86400 sec"),
            (["A", "--max-token-lifetime", "0"], "'0' must be more than 0"),
            (["A", "--max-token-lifetime", f"{10**12}d"], "is not a duration"),
            (["A", "--max-token-lifetime", "-5"], "'-5' is not a duration"),
            (["A", "--max-token-lifetime", "1\n"], "'1\\n' is not a duration"),
            (
                ["A", "--default-token-lifetime", "2h", "--max-token-lifetime", "1h"],
                "default_token_lifetime: The default can't be longer than the maximum.",
            ),
            (["A", "--nonsense"], "unrecognized arguments: --nonsense"),
        ],
    )
    def test_refuses_invalid_arguments(self, error_of, arguments, expected):
        assert expected in error_of("create_organization", *arguments)
        assert not Organization.objects.exists()

    def test_refuses_a_slug_that_exists(self, error_of):
        run("create_organization", "Example")
        assert error_of("create_organization", "Example") == (
            "slug: Organization with this Slug already exists."
        )
        assert Organization.objects.count() == 1
