"""Columns that hold identifiers: on every database, upper and lower case are different."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connections, models

from tests.support.factories import make_api_key, make_token
from token_exchange.issuer.credentials.lookup import find
from token_exchange.models import AccessToken, AuditEvent, Credential, Revocation
from token_exchange.models.exact_char_field import ExactCharField
from token_exchange.models.revocation_writer import revoking
from token_exchange.observability import audit
from token_exchange_core.revocation_set import RevocationKind

EXACT = {"identifier", "jti", "kid", "subject", "target", "organization", "actor_id"}


class TestCollation:
    @pytest.mark.parametrize(
        ("vendor", "collation"),
        [("mysql", "utf8mb4_bin"), ("postgresql", None), ("sqlite", None)],
    )
    def test_is_binary_where_the_default_ignores_case(self, vendor, collation, monkeypatch):
        connection = connections["default"]
        monkeypatch.setattr(connection, "vendor", vendor)
        parameters = ExactCharField(max_length=64).db_parameters(connection)
        assert parameters["collation"] == collation

    def test_each_column_of_identifiers_and_digests_has_it(self):
        plain = {
            str(field)
            for model in apps.get_app_config("token_exchange").get_models()
            for field in model._meta.concrete_fields
            if isinstance(field, models.CharField) and not isinstance(field, ExactCharField)
            if field.name in EXACT or field.name.endswith("_digest")
        }
        assert plain == set()


@pytest.mark.django_db
class TestCase:
    def test_credentials_are_two(self):
        lower = make_api_key(identifier="sk_live.abcdefghijkl").credential
        upper = make_api_key(identifier="sk_live.ABCDEFGHIJKL").credential
        for each in (lower, upper):
            row = find(kind="api_key", identifier=each.identifier)
            assert (row and row.pk) == each.pk
        assert find(kind="api_key", identifier="sk_live.abcdefghijkL") is None
        assert Credential.objects.values("identifier").distinct().count() == 2

    def test_tokens_are_two(self):
        key = make_api_key().credential
        for jti in ("abcdefghijklmnopqrstuv", "ABCDEFGHIJKLMNOPQRSTUV"):
            make_token(key, jti=jti)
        assert AccessToken.objects.filter(jti="abcdefghijklmnopqrstuv").count() == 1

    def test_revocation_does_not_replace_the_other_one(self):
        with revoking(using="default") as feed:
            feed.revoke_all(RevocationKind.CREDENTIAL, "sk_live.abcdefghijkl")
            feed.revoke_all(RevocationKind.CREDENTIAL, "sk_live.ABCDEFGHIJKL")
        assert Revocation.objects.count() == 2

    def test_audit_events_of_the_other_target_are_not_found(self):
        credential = make_api_key(identifier="sk_live.abcdefghijkl").credential
        target = audit.credential_target(credential)._replace(name="sk_live.ABCDEFGHIJKL")
        audit.Act().record(audit.Event.CREDENTIAL_ISSUED, target, using="default")
        assert AuditEvent.objects.filter(target=credential.identifier).count() == 1
