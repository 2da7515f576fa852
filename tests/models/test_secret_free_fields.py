"""Secrets in text that people write: refused by every way to write it."""

from __future__ import annotations

import base64

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F

from tests.support.factories import make_api_key, make_organization
from token_exchange.issuer import credentials, organizations
from token_exchange.models import APIKey, Credential, Organization

# Fixed, because it is part of the names of tests.
SECRET = "sk_live.0123456789Ab.3vQ0mB7yXh2LrT9cWf4KzPd8sJa6NgUe1ViOqMtRbExHwYlCk"
JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl-_x"
PAIR = base64.b64encode(f"ci_live.abc:{SECRET}".encode()).decode()
FORMS = {
    "whole": SECRET,
    "in a sentence": f"Key of Ann ({SECRET}).",
    "of another deployment": f"other_test.{SECRET.partition('.')[2]}",
    "cut off": SECRET[:25],
    "without its identifier": SECRET.rpartition(".")[2],
    "a Basic pair": PAIR,
    "an access token": f"Bearer {JWT}",
}
MESSAGE = "looks like a secret.*rotate it"


@pytest.fixture(params=FORMS)
def secret(request):
    return FORMS[request.param]


def save(key, values):
    for name, value in values.items():
        setattr(key, name, value)
    key.save(update_fields=values)


def save_unsaved(key, values):
    copy = Credential.objects.get(pk=key.pk)
    copy.pk, copy.identifier, copy._state.adding = None, "sk_live.other", True
    for name, value in values.items():
        setattr(copy, name, value)
    copy.save()


def bulk_update(key, values):
    for name, value in values.items():
        setattr(key, name, value)
    Credential.objects.bulk_update([key], list(values))


def bulk_create(key, values):
    copy = Credential.objects.get(pk=key.pk)
    copy.pk, copy.identifier = None, "sk_live.other"
    for name, value in values.items():
        setattr(copy, name, value)
    Credential.objects.bulk_create([copy])


WAYS = [
    credentials.edit,
    Credential.edit,
    save,
    save_unsaved,
    bulk_create,
    bulk_update,
    lambda key, values: Credential.objects.filter(pk=key.pk).update(**values),
    lambda key, values: APIKey.objects.filter(pk=key.pk).update(**values),
]


@pytest.mark.django_db
class TestCredential:
    def test_name_is_refused(self, secret):
        with pytest.raises(ValidationError, match=MESSAGE) as refused:
            make_api_key(name=secret)
        assert list(refused.value.error_dict) == ["name"]
        assert secret not in str(refused.value)
        assert not Credential.objects.exists()

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize(
        "values",
        [
            {"name": f"for {SECRET}"},
            {"metadata": {"a": [1, {"b": SECRET}]}},
            {"metadata": {"a": (1, SECRET)}},
            {"metadata": {SECRET: None}},
            {"scopes": [SECRET]},
            {"audience": [f"https://a.test/{SECRET}"]},
        ],
    )
    def test_no_way_to_write_stores_one(self, way, values):
        key = make_api_key(name="Nightly").credential
        with pytest.raises(ValidationError, match=MESSAGE) as refused, transaction.atomic():
            way(key, values)
        assert list(refused.value.error_dict) == list(values)
        stored = Credential.objects.get()
        assert (stored.name, stored.metadata, stored.scopes) == ("Nightly", {}, [])
        assert stored.audience == []

    @pytest.mark.parametrize("field", ["scopes", "audience", "allowed_networks"])
    def test_errors_do_not_quote_one(self, field, token_exchange_settings):
        token_exchange_settings(SCOPES={"a": "A"})
        with pytest.raises(ValidationError, match=MESSAGE) as refused:
            make_api_key(**{field: [SECRET, "a b"]})
        assert SECRET not in str(refused.value)

    @pytest.mark.parametrize(
        "name",
        [
            "x" * 255,
            "Nightly report of 2026.11.22",
            "read_all.applications.v1",
            "rotates sk_live.0123456789Ab",
            "sk_live.0123456789Ab.",
            "commit 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        ],
    )
    def test_other_text_is_stored(self, name):
        assert make_api_key(name=name).credential.name == name

    def test_expressions_are_written(self):
        make_api_key(name="Nightly")
        assert Credential.objects.update(name=F("identifier")) == 1


@pytest.mark.django_db
class TestOrganization:
    @pytest.mark.parametrize(
        ("field", "value"), [("name", SECRET), ("slug", SECRET.rpartition(".")[2])]
    )
    def test_name_and_slug_are_refused(self, field, value):
        values = {"name": "A", "slug": "a", field: value}
        with pytest.raises(ValidationError, match=MESSAGE):
            Organization(**values).full_clean()
        with pytest.raises(ValidationError, match=MESSAGE), transaction.atomic():
            organizations.create(Organization(**values))
        organization = make_organization()
        with pytest.raises(ValidationError, match=MESSAGE), transaction.atomic():
            Organization.objects.filter(pk=organization.pk).update(**{field: value})
        setattr(organization, field, value)
        with pytest.raises(ValidationError, match=MESSAGE), transaction.atomic():
            organizations.edit(organization)

    def test_slug_is_a_slug(self):
        with pytest.raises(ValidationError, match="valid"):
            Organization(name="A", slug="a b").full_clean()
