"""Writes to a credential: which of them revoke its tokens."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from tests.models.rows import HOUR, NOW, make, stored
from tests.support.factories import make_api_key, make_client_app
from token_exchange.issuer.credentials import Act, revoke, rotate
from token_exchange.models import APIKey, ClientApp, Credential

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)

# field, value before, value after, whether tokens of before may have too much
EDITS = [
    ("scopes", ["a", "b"], ["a"], True),
    ("scopes", ["a"], ["b"], True),
    ("scopes", ["a"], [], True),
    ("scopes", ["a"], ["a", "b"], False),
    ("scopes", ["a", "b"], ["b", "a"], False),
    ("audience", ["https://a.test"], ["https://b.test"], True),
    ("audience", ["https://a.test", "https://b.test"], ["https://a.test"], True),
    ("audience", [], ["https://a.test"], True),
    ("audience", ["https://a.test"], [], True),
    ("audience", [], ["https://issuer.test", "https://a.test"], False),
    ("audience", ["https://issuer.test"], [], False),
    ("token_lifetime", HOUR, MINUTE, True),
    ("token_lifetime", None, HOUR, True),
    ("token_lifetime", HOUR, None, True),
    ("token_lifetime", MINUTE, HOUR, False),
    ("expires_at", None, NOW + HOUR, True),
    ("expires_at", NOW + HOUR, NOW + MINUTE, True),
    ("expires_at", NOW + MINUTE, NOW + HOUR, False),
    ("expires_at", NOW + HOUR, None, False),
    ("name", "before", "after", False),
    ("allowed_networks", [], ["192.0.2.0/24"], False),
    ("metadata", {}, {"a": 1}, False),
]


class TestEdit:
    @pytest.mark.parametrize(("name", "before", "after", "is_narrower"), EDITS)
    def test_revokes_tokens_that_have_too_much(self, name, before, after, is_narrower):
        credential = stored(make(**{name: before}))
        credential.edit({name: after})
        assert getattr(stored(credential), name) == after
        assert credential.generation == stored(credential).generation == 1 + is_narrower

    @pytest.mark.parametrize("model", [APIKey, ClientApp])
    def test_of_a_proxy_does_the_same(self, model):
        for make_either in (make_api_key, make_client_app):
            make_either(scopes=["a"])
        model.objects.get().edit({"scopes": []})
        assert sorted(Credential.objects.values_list("kind", "generation")) == sorted(
            [(model.KIND, 2), (({"api_key", "client_app"} - {model.KIND}).pop(), 1)]
        )

    def test_returns_what_differed_from_the_row(self):
        credential = make(name="before", scopes=["a"])
        edits = credential.edit({"name": "after", "scopes": ["a"], "metadata": {"a": 1}})
        assert edits == {"name": ("before", "after"), "metadata": ({}, {"a": 1})}
        assert credential.edit({"name": "after"}) == {}

    def test_revokes_tokens_each_time(self):
        credential, generations = make(scopes=["a", "b", "c"]), []
        for scopes in (["a", "b"], ["a"], ["a"], []):
            credential.edit({"scopes": scopes})
            generations.append(credential.generation)
        assert generations == [2, 3, 3, 4]

    def test_compares_with_the_row_and_not_with_an_old_copy(self):
        """Someone widened the policy after this copy was read, and tokens were issued."""
        stale = stored(credential := make(scopes=["a"]))
        credential.edit({"scopes": ["a", "b"]})
        stale.edit({"scopes": []})
        assert (stored(credential).scopes, stored(credential).generation) == ([], 2)

    def test_compares_with_the_row_where_the_copy_was_changed_in_place(self):
        credential = stored(make(scopes=["a", "b"]))
        credential.scopes.remove("b")
        credential.edit({"scopes": credential.scopes})
        assert (stored(credential).scopes, stored(credential).generation) == (["a"], 2)

    def test_of_a_deferred_field(self):
        credential = Credential.objects.defer("scopes").get(pk=make(scopes=["a", "b"]).pk)
        credential.edit({"scopes": ["a"]})
        assert (stored(credential).scopes, stored(credential).generation) == (["a"], 2)

    def test_of_a_copy_with_fewer_fields(self):
        credential = Credential.objects.only("name").get(pk=make(scopes=["a"]).pk)
        credential.edit({"scopes": []})
        assert stored(credential).generation == 2

    def test_of_a_stale_copy_leaves_other_fields_alone(self):
        stale = stored(credential := make(scopes=["a", "b"]))
        credential.edit(
            {"scopes": ["a"], "allowed_networks": ["192.0.2.0/24"], "expires_at": NOW + HOUR}
        )
        stale.edit({"name": "after"})
        after = stored(credential)
        assert (after.name, after.scopes) == ("after", ["a"])
        assert (after.allowed_networks, after.expires_at) == (["192.0.2.0/24"], NOW + HOUR)

    def test_of_a_stale_copy_does_not_bring_a_revoked_credential_back(self):
        stale = stored(credential := make())
        revoke(credential, act=Act(now=NOW, reason="Leaked."))
        stale.edit({"name": "after"})
        assert stored(credential).name == "after"
        assert stored(credential).revoked_at == NOW
        assert stored(credential).revocation_reason == "Leaked."

    def test_of_a_stale_copy_leaves_the_secrets_alone(self):
        stale = stored(credential := make())
        rotate(credential, overlap=HOUR, compromised=False, act=Act(now=NOW))
        stale.edit({"name": "after"})
        after = stored(credential)
        assert after.secret_digest == credential.secret_digest
        assert after.previous_secret_digest == stale.secret_digest
        assert after.previous_secret_expires_at == NOW + HOUR

    def test_of_a_stale_copy_leaves_the_generation_alone(self):
        stale = stored(credential := make())
        rotate(credential, compromised=True, act=Act(now=NOW))
        stale.edit({"name": "after"})
        assert stored(credential).generation == 2

    @pytest.mark.parametrize("name", ["revoked_at", "secret_digest", "generation", "owner"])
    def test_refuses_a_field_that_belongs_to_an_operation(self, name):
        credential = make()
        with pytest.raises(ValueError, match="Only scopes"):
            credential.edit({"name": "after", name: None})
        assert stored(credential).name != "after"

    @pytest.mark.django_db(transaction=True)
    def test_can_be_repeated_after_a_rollback(self):
        credential = stored(make(scopes=["a"]))
        with transaction.atomic():
            credential.edit({"name": "after", "scopes": []})
            transaction.set_rollback(True)
        assert (stored(credential).scopes, stored(credential).generation) == (["a"], 1)
        credential.edit({"name": "after", "scopes": []})
        after = stored(credential)
        assert (after.name, after.scopes, after.generation) == ("after", [], 2)

    def test_fails_where_the_row_is_gone(self):
        credential = make()
        Credential.objects.all().delete()
        with pytest.raises(DatabaseError, match="deleted"):
            credential.edit({"name": "after"})


class TestSave:
    def test_writes_the_update_fields_as_an_edit(self):
        credential = make(scopes=["a"])
        credential.name, credential.scopes = "after", []
        credential.save(update_fields=["name"])
        assert (stored(credential).scopes, stored(credential).generation) == (["a"], 1)
        credential.save(update_fields=["scopes"])
        assert (stored(credential).scopes, stored(credential).generation) == ([], 2)

    def test_needs_the_update_fields_of_a_stored_credential(self):
        credential = make()
        credential.name = "after"
        with pytest.raises(ValueError, match="update_fields"):
            credential.save()
        assert stored(credential).name != "after"

    def test_never_inserts_over_a_row(self):
        credential = make()
        values = {
            field.attname: getattr(credential, field.attname)
            for field in Credential._meta.concrete_fields
        }
        with transaction.atomic(), pytest.raises(IntegrityError), transaction.atomic():
            Credential(**{**values, "identifier": "sk_live.other"}).save()
        assert stored(credential).identifier == credential.identifier


class TestUpdate:
    @pytest.mark.parametrize(
        "values",
        [
            {"scopes": []},
            {"audience": ["https://a.test"]},
            {"token_lifetime": MINUTE},
            {"expires_at": NOW + HOUR},
            {"name": "after", "scopes": ["a", "b"]},
        ],
    )
    def test_of_a_policy_ends_the_tokens(self, values):
        credential = make(scopes=["a"])
        assert Credential.objects.filter(pk=credential.pk).update(**values) == 1
        assert stored(credential).generation == 2

    def test_of_a_policy_through_a_proxy_ends_the_tokens(self):
        credential = make(scopes=["a"])
        APIKey.objects.update(scopes=[])
        ClientApp.objects.update(scopes=["b"])
        assert (stored(credential).scopes, stored(credential).generation) == ([], 2)

    def test_of_many_ends_the_tokens_of_all(self):
        credentials = [make(scopes=["a"]), make(scopes=["a"])]
        untouched = make(scopes=["a"])
        for credential in credentials:
            credential.scopes = []
        Credential.objects.bulk_update(credentials, ["scopes"])
        assert [stored(each).generation for each in (*credentials, untouched)] == [2, 2, 1]
        assert [stored(each).scopes for each in (*credentials, untouched)] == [[], [], ["a"]]

    def test_of_anything_else_does_not(self):
        credential = make()
        Credential.objects.update(name="after", allowed_networks=["192.0.2.0/24"])
        Credential.objects.bulk_update([credential], ["name"])
        assert stored(credential).generation == 1
