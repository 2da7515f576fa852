from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.signals import pre_save

from tests.support.factories import make_api_key, make_client_app, make_organization, make_user
from token_exchange.issuer.credentials import (
    Act,
    CredentialConflict,
    CredentialPolicy,
    issue,
    new_identifier,
)
from token_exchange.models import APIKey, ClientApp, Credential
from token_exchange.signals import credential_issued
from token_exchange_core.secret_strings import parse_client_id, parse_secret

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class TestSecrets:
    def test_of_an_api_key(self):
        issued = make_api_key()
        parsed = parse_secret(issued.raw_secret, prefix="sk_live")
        assert parsed.identifier == issued.credential.identifier
        assert parsed.digest == issued.credential.secret_digest

    def test_of_a_client_app_repeats_the_id_of_the_client_id(self):
        issued = make_client_app()
        client_id = parse_client_id(issued.credential.identifier, prefix="ci_live")
        parsed = parse_secret(issued.raw_secret, prefix="cs_live")
        assert parsed.identifier.removeprefix("cs_live.") == client_id[len("ci_live.") :][:12]
        assert parsed.digest == issued.credential.secret_digest

    def test_follow_the_prefixes_and_the_environment(self, token_exchange_settings):
        token_exchange_settings(
            API_KEY_PREFIX="abc",
            CLIENT_ID_PREFIX="id",
            CLIENT_SECRET_PREFIX="sec",
            ENVIRONMENT="t1",
        )
        assert make_api_key().raw_secret.startswith("abc_t1.")
        app = make_client_app()
        assert app.credential.identifier.startswith("id_t1.")
        assert app.raw_secret.startswith("sec_t1.")

    def test_are_not_in_the_repr_or_the_row(self):
        issued = make_api_key()
        assert issued.raw_secret not in repr(issued)
        row = Credential.objects.filter(pk=issued.credential.pk).values()[0]
        assert issued.raw_secret not in repr(row)


class TestIssue:
    def test_keeps_what_it_was_told(self):
        organization, user, operator = make_organization(), make_user(), make_user()
        issued = issue(
            kind="api_key",
            organization=organization,
            name="Nightly export",
            owner=user,
            metadata={"team": "data", "tags": ["a", 1, None]},
            policy=CredentialPolicy(
                scopes=["b", "a"],
                audience=["https://a.test", "https://b.test"],
                token_lifetime=timedelta(minutes=5),
                allowed_networks=["192.0.2.0/24", "2001:db8::/32"],
                expires_at=NOW + timedelta(days=1),
            ),
            act=Act(now=NOW, by=operator),
        )
        key = APIKey.objects.get(identifier=issued.credential.identifier)
        assert key.organization == organization
        assert key.name == "Nightly export"
        assert key.owner == user
        assert key.subject_type == "user"
        assert key.scopes == ["a", "b"]
        assert key.audience == ["https://a.test", "https://b.test"]
        assert key.token_lifetime == timedelta(minutes=5)
        assert key.allowed_networks == ["192.0.2.0/24", "2001:db8::/32"]
        assert key.expires_at == NOW + timedelta(days=1)
        assert key.metadata == {"team": "data", "tags": ["a", 1, None]}
        assert key.created_by == operator
        assert key.created_at == key.secret_issued_at == NOW
        assert key.generation == 1

    def test_speaks_for_the_organization_without_an_owner(self):
        app = make_client_app().credential
        assert app.subject_type == "organization"
        assert list(ClientApp.objects.all()) == [ClientApp.objects.get(pk=app.pk)]
        assert not APIKey.objects.exists()

    @pytest.mark.parametrize(
        ("values", "complaint"),
        [
            ({"name": ""}, "name: This field cannot be blank."),
            ({"name": "a\x00b"}, "name: Control characters are not allowed."),
            ({"name": "a\nb"}, "name: Control characters are not allowed."),
            ({"name": "a\x1b[31mb"}, "name: Control characters are not allowed."),
            ({"name": "a\ud800b"}, "name: Control characters are not allowed."),
            ({"name": "x" * 256}, "at most 255 characters"),
            ({"scopes": ["a b"]}, "scopes: 'a b' is not a scope"),
            ({"audience": ["https://a.test"] * 2}, "audience: Enter each value once."),
            ({"audience": ["a b"]}, "audience: 'a b' is not an audience"),
            ({"audience": ["a" * 256]}, "is not an audience"),
            ({"allowed_networks": ["192.0.2.1/24"]}, "allowed_networks: '192.0.2.1/24' is not a"),
            ({"allowed_networks": ["::ffff:192.0.2.1"]}, "is not a network"),
            ({"token_lifetime": timedelta(0)}, "token_lifetime: Enter whole seconds"),
            ({"token_lifetime": timedelta(seconds=1.5)}, "token_lifetime: Enter whole seconds"),
            ({"scopes": [f"{n:0100}" for n in range(15)]}, "scopes: Together these are too long"),
            ({"metadata": {"a": ["\x00"]}}, "metadata: Control characters are not allowed."),
            ({"metadata": {"\ud800": 1}}, "metadata: Control characters are not allowed."),
            ({"metadata": ["a"]}, "metadata: Enter a JSON object."),
            ({"token_lifetime": timedelta(days=2)}, "token_lifetime: The maximum is 86400 seconds"),
            ({"expires_at": NOW}, "expires_at: The expiry must be in the future."),
        ],
    )
    def test_refuses_what_a_credential_may_not_be(self, values, complaint):
        with pytest.raises(ValidationError) as caught:
            make_api_key(**{"now": NOW, **values})
        ((field, messages),) = caught.value.message_dict.items()
        assert complaint in f"{field}: {' '.join(messages)}"
        assert not Credential.objects.exists()

    def test_refuses_scopes_that_the_registry_does_not_have(self, token_exchange_settings):
        token_exchange_settings(SCOPES={"reports:read": "Read reports"})
        make_api_key(scopes=["reports:read"])
        with pytest.raises(ValidationError, match="is not one of the scopes in TOKEN_EXCHANGE"):
            make_api_key(scopes=["reports:write"])

    def test_refuses_a_kind_that_there_is_not(self):
        with pytest.raises(ValidationError, match="no such kind"):
            issue(kind="other", organization=make_organization(), name="Other", act=Act(now=NOW))
        assert not Credential.objects.exists()

    def test_refuses_an_owner_of_a_client_app(self):
        with pytest.raises(ValidationError, match="acts as its organization"):
            make_client_app(owner=make_user())
        assert not Credential.objects.exists()

    def test_is_announced_after_the_commit(self, hear, django_capture_on_commit_callbacks):
        said, operator = hear(credential_issued), make_user()
        with django_capture_on_commit_callbacks() as callbacks:
            issued = make_api_key(by=operator)
        assert said == []
        for callback in callbacks:
            callback()
        assert said == [{"credential": issued.credential, "by": operator}]


class TestExpiry:
    def test_is_the_latest_possible_unless_told_otherwise(self, token_exchange_settings):
        assert make_api_key().credential.expires_at is None
        token_exchange_settings(MAX_KEY_LIFETIME=timedelta(days=90))
        assert make_api_key(now=NOW).credential.expires_at == NOW + timedelta(days=90)

    def test_is_refused_beyond_the_maximum(self, token_exchange_settings):
        token_exchange_settings(MAX_KEY_LIFETIME=timedelta(days=90))
        latest = NOW + timedelta(days=90)
        assert make_api_key(now=NOW, expires_at=latest).credential.expires_at == latest
        with pytest.raises(ValidationError, match="must expire by 2026-04-01T00:00:00"):
            make_api_key(now=NOW, expires_at=latest + timedelta(seconds=1))


class TestIdentifierDrawnBefore:
    @pytest.mark.parametrize("kind", ["api_key", "client_app"])
    def test_is_used(self, kind):
        identifier = new_identifier(kind)
        issued = issue(
            kind=kind,
            organization=make_organization(),
            name="x",
            identifier=identifier,
            act=Act(now=NOW),
        )
        assert issued.credential.identifier == identifier

    def test_is_refused_the_second_time(self):
        identifier = make_api_key().credential.identifier
        with pytest.raises(CredentialConflict, match="already been issued"):
            make_api_key(identifier=identifier)
        assert Credential.objects.count() == 1

    def test_is_refused_when_another_process_was_faster(self):
        """The row of the other appears between our validation and our INSERT."""
        other, identifier = make_api_key().credential, new_identifier("api_key")

        def be_faster(**_: object) -> None:
            QuerySet(Credential).filter(pk=other.pk).update(identifier=identifier)

        pre_save.connect(be_faster, sender=Credential)
        try:
            with pytest.raises(CredentialConflict, match="already been issued"):
                make_api_key(identifier=identifier)
        finally:
            pre_save.disconnect(be_faster, sender=Credential)
        assert Credential.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_nothing_is_announced_of_what_was_rolled_back(hear):
    said = hear(credential_issued)
    with transaction.atomic():
        make_api_key()
        transaction.set_rollback(True)
    assert said == []
    make_api_key()
    assert len(said) == 1
