"""Every edit that narrows a credential revokes its tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django.utils.timezone import localtime

from tests.issuer.revocation_feed.token_holders import KINDS, Subject
from tests.support.admin_urls import credential_url
from token_exchange.models import APIKey, ClientApp, Credential

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("elapsed")]

HOUR = timedelta(hours=1)
BOTH = ["https://issuer.test", "https://api.test"]


SOON = timezone.now().replace(microsecond=0) + 10 * HOUR

POLICY: dict[str, Any] = {
    "scopes": ["read", "write"],
    "audience": BOTH,
    "token_lifetime": 2 * HOUR,
    "expires_at": SOON,
}


NARROWER: dict[str, Any] = {
    "scopes": ["read"],
    "audience": BOTH[:1],
    "token_lifetime": HOUR,
    "expires_at": SOON - HOUR,
}


WIDER: dict[str, Any] = {
    "scopes": ["read", "write", "delete"],
    "audience": [*BOTH, "https://another.test"],
    "token_lifetime": 3 * HOUR,
    "expires_at": None,
}


def by_edit(credential, name, value, _operator):
    credential.edit({name: value})


def by_save_of_one_field(credential, name, value, _operator):
    setattr(credential, name, value)
    credential.save(update_fields=[name])


def by_update(credential, name, value, _operator):
    Credential.objects.filter(pk=credential.pk).update(**{name: value})


def by_update_of_a_proxy(credential, name, value, _operator):
    model = {each.KIND: each for each in (APIKey, ClientApp)}[credential.kind]
    # A filter that no longer matches afterwards.
    found = model.objects.filter(**{name: getattr(credential, name)}, pk=credential.pk)
    assert found.update(**{name: value}) == 1


def by_update_of_the_organizations(credential, name, value, _operator):
    credential.organization.token_exchange_credentials.update(**{name: value})


def by_bulk_update(credential, name, value, _operator):
    setattr(credential, name, value)
    Credential.objects.bulk_update([credential], [name])


def by_the_admin(credential, name, value, operator):
    values = {each: getattr(credential, each) for each in POLICY} | {name: value}
    expires_at = values["expires_at"]
    sent = {
        "name": credential.name,
        "scopes": " ".join(values["scopes"]),
        "audience": " ".join(values["audience"]),
        **_lifetime(values["token_lifetime"]),
        "expires_at": "" if expires_at is None else "custom",
        "expires_at_at": "" if expires_at is None else f"{localtime(expires_at):%Y-%m-%dT%H:%M:%S}",
        "allowed_networks": "",
        "metadata": "",
    }
    assert operator.post(credential_url(credential, "change"), sent).status_code == 302


def _lifetime(value):
    if value is None:
        return {"token_lifetime": ""}
    number = {"token_lifetime_number": int(value.total_seconds())}
    return {"token_lifetime": "custom", **number, "token_lifetime_unit": "seconds"}


SAVES = [by_edit, by_save_of_one_field, by_the_admin]
UPDATES = [
    by_update,
    by_update_of_a_proxy,
    by_update_of_the_organizations,
    by_bulk_update,
]


@pytest.fixture
def subjects():
    return [Subject(kind, is_remembered=True, **POLICY) for kind in KINDS]


@pytest.mark.parametrize("write", [*SAVES, *UPDATES])
@pytest.mark.parametrize("name", POLICY)
class TestNarrower:
    @pytest.fixture
    def narrow(self, write, name, operator):
        return lambda subject: write(subject.credential, name, NARROWER[name], operator)

    def test_ends_the_tokens_here(self, subjects, narrow, name):
        for subject in subjects:
            narrow(subject)
            assert getattr(subject.credential, name) == NARROWER[name]
            subject.assert_needs_a_new_token()

    def test_ends_the_tokens_elsewhere(self, subjects, narrow, elsewhere, elapsed):
        with elsewhere():
            for subject in subjects:
                narrow(subject)
        elapsed.seconds += 1
        for subject in subjects:
            subject.assert_needs_a_new_token()


@pytest.mark.parametrize("write", SAVES)
@pytest.mark.parametrize("name", POLICY)
def test_wider_ends_nothing(subjects, write, name, operator):
    for subject in subjects:
        write(subject.credential, name, WIDER[name], operator)
        assert getattr(subject.credential, name) == WIDER[name]
        subject.assert_unharmed()


def test_what_tokens_do_not_inherit_ends_nothing(subjects, operator):
    for subject in subjects:
        by_edit(subject.credential, "name", "Another", operator)
        by_update(subject.credential, "name", "Yet another", operator)
        by_bulk_update(subject.credential, "metadata", {"a": 1}, operator)
        subject.assert_unharmed()


@pytest.mark.parametrize("generation", [0, 1, 7])
def test_a_generation_never_comes_back(subjects, generation, operator):
    for subject in subjects:
        by_update(subject.credential, "scopes", ["read"], operator)
        by_update(subject.credential, "generation", generation, operator)
        assert subject.credential.generation == 3
        subject.assert_needs_a_new_token()


def test_a_revocation_taken_back_brings_no_token_back(subjects, operator):
    for subject in subjects:
        by_update(subject.credential, "revoked_at", timezone.now(), operator)
        subject.assert_refused_everywhere()
        by_update(subject.credential, "revoked_at", None, operator)
        subject.assert_needs_a_new_token()
