"""What ends the tokens when a credential is saved, and what does not?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from tests.models.rows import HOUR, NOW, make, stored
from tests.support.factories import make_api_key, make_client_app
from token_exchange.issuer.credentials import revoke, rotate
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


class TestSave:
    @pytest.mark.parametrize(("name", "before", "after", "is_narrower"), EDITS)
    def test_ends_the_tokens_if_they_have_too_much(self, name, before, after, is_narrower):
        credential = stored(make(**{name: before}))
        setattr(credential, name, after)
        credential.save()
        assert getattr(stored(credential), name) == after
        assert credential.generation == stored(credential).generation == 1 + is_narrower

    @pytest.mark.parametrize("model", [APIKey, ClientApp])
    def test_of_a_proxy_does_the_same(self, model):
        for make_either in (make_api_key, make_client_app):
            make_either(scopes=["a"])
        credential = model.objects.get()
        credential.scopes = []
        credential.save()
        assert sorted(Credential.objects.values_list("kind", "generation")) == sorted(
            [(model.KIND, 2), (({"api_key", "client_app"} - {model.KIND}).pop(), 1)]
        )

    def test_of_some_fields_counts_only_those(self):
        credential = make(scopes=["a"])
        credential.name, credential.scopes = "after", []
        credential.save(update_fields=["name"])
        assert (stored(credential).scopes, stored(credential).generation) == (["a"], 1)
        # What was not written is still narrower than the row.
        credential.save(update_fields=["scopes"])
        assert (stored(credential).scopes, stored(credential).generation) == ([], 2)

    def test_each_time_counts(self):
        credential, generations = make(scopes=["a", "b", "c"]), []
        for scopes in (["a", "b"], ["a"], ["a"], []):
            credential.scopes = scopes
            credential.save()
            generations.append(credential.generation)
        assert generations == [2, 3, 3, 4]

    def test_compares_with_the_row_and_not_with_an_old_copy(self):
        """Somebody widened the policy after this copy was read, and tokens were minted."""
        stale = stored(credential := make(scopes=["a"]))
        credential.scopes = ["a", "b"]
        credential.save()
        stale.scopes = []
        stale.save()
        assert (stored(credential).scopes, stored(credential).generation) == ([], 2)

    @pytest.mark.parametrize("name", ["revoked_at", "secret_digest", "generation", "owner"])
    def test_writes_nothing_that_belongs_to_a_verb(self, name):
        with pytest.raises(ValueError, match="only scopes"):
            make().save(update_fields=["name", name])

    def test_of_a_stale_copy_does_not_give_back_what_was_taken_away(self):
        stale = stored(credential := make(scopes=["a", "b"]))
        credential.scopes, credential.allowed_networks = ["a"], ["192.0.2.0/24"]
        credential.expires_at = NOW + HOUR
        credential.save()
        stale.name = "after"
        stale.save()
        after = stored(credential)
        assert (after.name, after.scopes) == ("after", ["a"])
        assert (after.allowed_networks, after.expires_at) == (["192.0.2.0/24"], NOW + HOUR)

    def test_sees_what_was_changed_in_place(self):
        credential = stored(make(scopes=["a", "b"]))
        credential.scopes.remove("b")
        credential.save()
        assert (stored(credential).scopes, stored(credential).generation) == (["a"], 2)

    def test_of_a_deferred_field(self):
        credential = Credential.objects.defer("scopes").get(pk=make(scopes=["a", "b"]).pk)
        credential.scopes = ["a"]
        credential.save()
        assert (stored(credential).scopes, stored(credential).generation) == (["a"], 2)

    def test_compares_with_the_row_after_a_refresh(self):
        copy = stored(credential := make(scopes=["a"]))
        credential.scopes = ["a", "b"]
        credential.save()
        copy.refresh_from_db()
        copy.scopes = ["a"]
        copy.save()
        assert stored(credential).generation == 2

    def test_of_a_stale_copy_does_not_bring_a_revoked_credential_back(self):
        stale = stored(credential := make())
        revoke(credential, reason="Leaked.", now=NOW)
        stale.name = "after"
        stale.save()
        assert stored(credential).name == "after"
        assert stored(credential).revoked_at == NOW
        assert stored(credential).revocation_reason == "Leaked."

    def test_of_a_stale_copy_leaves_the_secrets_alone(self):
        stale = stored(credential := make())
        rotate(credential, overlap=HOUR, compromised=False, now=NOW)
        stale.save()
        after = stored(credential)
        assert after.secret_digest == credential.secret_digest
        assert after.previous_secret_digest == stale.secret_digest
        assert after.previous_secret_expires_at == NOW + HOUR

    def test_of_a_stale_copy_leaves_the_generation_alone(self):
        stale = stored(credential := make())
        rotate(credential, compromised=True, now=NOW)
        stale.save()
        assert stored(credential).generation == 2

    def test_of_a_copy_with_fewer_fields(self):
        credential = Credential.objects.only("name").get(pk=make(scopes=["a"]).pk)
        credential.scopes = []
        credential.save()
        assert stored(credential).generation == 2

    @pytest.mark.django_db(transaction=True)
    def test_writes_again_what_was_rolled_back(self):
        credential = stored(make(scopes=["a"]))
        with transaction.atomic():
            credential.name, credential.scopes = "after", []
            credential.save()
            credential.metadata["unsaved"] = True
            transaction.set_rollback(True)
        credential.save()
        after = stored(credential)
        assert (after.name, after.scopes, after.generation) == ("after", [], 2)
        assert after.metadata == {"unsaved": True}

    def test_never_inserts_over_a_row(self):
        credential = make()
        values = {
            field.attname: getattr(credential, field.attname)
            for field in Credential._meta.concrete_fields
        }
        with transaction.atomic(), pytest.raises(IntegrityError), transaction.atomic():
            Credential(**{**values, "identifier": "sk_live.other"}).save()
        assert stored(credential).identifier == credential.identifier

    def test_fails_where_the_row_is_gone(self):
        credential = make()
        Credential.objects.all().delete()
        credential.name = "after"
        with pytest.raises(DatabaseError), transaction.atomic():
            credential.save()


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
