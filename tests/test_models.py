"""What the rows keep by themselves, whoever writes them, and what a row says of a token."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, connection, models, transaction
from django.db.models import ProtectedError
from hypothesis import given
from hypothesis import strategies as st

from token_exchange.core.errors import InvalidToken
from token_exchange.core.tokens import Claims
from token_exchange.models import (
    AbstractOrganization,
    AccessToken,
    APIKey,
    ClientApp,
    Credential,
    Organization,
    SigningKey,
)
from token_exchange.models.credential import State
from token_exchange.models.signing_key import KeyState
from token_exchange.models.validators import (
    no_control_characters,
    validate_audience,
    validate_metadata,
    validate_networks,
    validate_scopes,
)

from .factories import make_api_key, make_client_app, make_organization, make_user

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def make_token(credential, **values):
    return AccessToken.objects.create(
        **{
            "jti": "jti",
            "credential": credential,
            "generation": credential.generation,
            "scope": "",
            "audience": ["https://issuer.test"],
            "kid": SigningKey.objects.get().kid,
            "issued_at": NOW,
            "expires_at": NOW + HOUR,
            **values,
        }
    )


def claims_for(token):
    credential = token.credential
    is_user = credential.subject_type == Credential.SubjectType.USER
    return Claims(
        issuer="https://issuer.test",
        subject=f"user:{credential.owner_id}" if is_user else credential.identifier,
        audience=("https://issuer.test",),
        client_id=credential.identifier,
        scopes=frozenset(),
        issued_at=0,
        expires_at=3600,
        jti=token.jti,
        organization_id=str(credential.organization_id),
        generation=credential.generation,
    )


def reason_of(claims):
    with pytest.raises(InvalidToken) as refused:
        AccessToken.objects.check_alive(claims)
    assert refused.value.description == InvalidToken.description
    return refused.value.reason


def raw_row(model, instance, **changes):
    """Write a row as it stands, with no code of ours in between."""
    values = {
        field.column: field.get_db_prep_save(
            changes.get(field.attname, getattr(instance, field.attname)), connection
        )
        for field in model._meta.concrete_fields
        if not field.primary_key
    }
    columns = ", ".join(f'"{column}"' for column in values)
    marks = ", ".join(["%s"] * len(values))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({marks})',
            list(values.values()),
        )


@pytest.mark.django_db
class TestCredentialRows:
    @pytest.fixture
    def key(self):
        return make_api_key(owner=make_user()).credential

    def test_good_row_is_written(self, key):
        raw_row(Credential, key, identifier="sk_live.other")
        assert Credential.objects.count() == 2

    @pytest.mark.parametrize(
        "changes",
        [
            {"kind": "other"},
            {"kind": ""},
            {"kind": "client_app"},
            {"subject_type": "other"},
            {"subject_type": "organization"},
            {"previous_secret_digest": "0" * 64},
            {"previous_secret_expires_at": NOW},
            {"generation": -1},
            {"identifier": None},
            {"kind": None},
            {"subject_type": None},
            {"secret_digest": None},
            {"organization_id": None},
            {"created_at": None},
            {"generation": None},
        ],
    )
    def test_impossible_row_is_refused(self, key, changes):
        with pytest.raises((IntegrityError, DataError)):
            raw_row(Credential, key, **{"identifier": "sk_live.other", **changes})
        assert Credential.objects.count() == 1

    def test_second_row_of_an_identifier_is_refused(self, key):
        with pytest.raises(IntegrityError):
            raw_row(Credential, key)

    def test_previous_secret_is_whole_or_absent(self, key):
        raw_row(
            Credential,
            key,
            identifier="sk_live.other",
            previous_secret_digest="0" * 64,
            previous_secret_expires_at=NOW,
        )

    def test_client_app_has_no_owner(self):
        app = make_client_app().credential
        with pytest.raises(IntegrityError):
            raw_row(Credential, app, identifier="ci_live.other", owner_id=make_user().pk)
        with pytest.raises(IntegrityError):
            raw_row(Credential, app, identifier="ci_live.other", subject_type="user")

    def test_users_key_may_lose_its_owner_and_stays_a_users(self, key):
        key.owner.delete()
        key.refresh_from_db()
        assert (key.owner, key.subject_type) == (None, "user")
        assert key.state(now=NOW) == State.REVOKED


@pytest.mark.django_db
class TestOtherRows:
    def test_jti_is_unique(self):
        token = make_token(make_api_key().credential)
        with pytest.raises(IntegrityError):
            raw_row(AccessToken, token)

    @pytest.mark.parametrize("changes", [{"sequence": 99}, {"kid": "other"}])
    def test_sequence_and_kid_of_keys_are_unique(self, changes):
        """Two processes that add a key at once draw the same number; one of them wins."""
        with pytest.raises(IntegrityError):
            raw_row(SigningKey, SigningKey.objects.get(), **changes)

    def test_slug_is_unique(self):
        organization = make_organization()
        with pytest.raises(IntegrityError):
            raw_row(Organization, organization)


@pytest.mark.django_db
class TestDeletion:
    def test_organization_with_credentials_is_protected(self):
        key = make_api_key().credential
        with pytest.raises(ProtectedError):
            key.organization.delete()
        assert Organization.objects.filter(pk=key.organization_id).exists()

    def test_credential_with_tokens_is_protected(self):
        token = make_token(make_api_key().credential)
        with pytest.raises(ProtectedError):
            token.credential.delete()

    def test_organization_without_credentials_may_go(self):
        make_organization().delete()
        assert not Organization.objects.exists()

    def test_user_who_made_or_revoked_may_go(self):
        admin = make_user()
        key = make_api_key(by=admin).credential
        Credential.objects.filter(pk=key.pk).update(revoked_by=admin)
        admin.delete()
        key.refresh_from_db()
        assert (key.created_by, key.revoked_by) == (None, None)


@pytest.mark.django_db
class TestPermissions:
    def test_are_these(self):
        codenames = Permission.objects.filter(content_type__app_label="token_exchange")
        assert set(codenames.values_list("codename", flat=True)) == {
            *(f"{verb}_organization" for verb in ("add", "change", "delete", "view")),
            *(f"{verb}_apikey" for verb in ("add", "change", "view", "rotate", "revoke")),
            *(f"{verb}_clientapp" for verb in ("add", "change", "view", "rotate", "revoke")),
            *("view_accesstoken", "revoke_accesstoken"),
            *("view_signingkey", "rotate_signingkey"),
        }

    def test_of_one_kind_do_not_grant_the_others(self):
        user = make_user()
        user.user_permissions.add(Permission.objects.get(codename="revoke_apikey"))
        user = type(user).objects.get(pk=user.pk)
        assert user.has_perm("token_exchange.revoke_apikey")
        assert not user.has_perm("token_exchange.revoke_clientapp")
        assert not user.has_perm("token_exchange.revoke_credential")

    @pytest.mark.parametrize("model", [Credential, APIKey, ClientApp, AccessToken, SigningKey])
    def test_nothing_secret_is_deleted_by_permission(self, model):
        assert "delete" not in model._meta.default_permissions


@pytest.mark.django_db
class TestState:
    @pytest.mark.parametrize(
        ("values", "state"),
        [
            ({}, State.ACTIVE),
            ({"expires_at": NOW + HOUR}, State.ACTIVE),
            ({"expires_at": NOW + timedelta(microseconds=1)}, State.ACTIVE),
            ({"expires_at": NOW}, State.EXPIRED),
            ({"previous_secret_expires_at": NOW + HOUR}, State.ROTATING),
            ({"previous_secret_expires_at": NOW}, State.ACTIVE),
            ({"previous_secret_expires_at": NOW + HOUR, "expires_at": NOW}, State.EXPIRED),
            ({"revoked_at": NOW - HOUR}, State.REVOKED),
            ({"revoked_at": NOW + HOUR}, State.REVOKED),
            (
                {"revoked_at": NOW, "expires_at": NOW, "previous_secret_expires_at": NOW + DAY},
                State.REVOKED,
            ),
        ],
    )
    def test_of_a_credential(self, values, state):
        assert state == Credential(**values).state(now=NOW)

    @pytest.mark.parametrize(
        ("values", "state"),
        [
            ({"activates_at": NOW + timedelta(microseconds=1)}, KeyState.NEXT),
            ({"activates_at": NOW}, KeyState.CURRENT),
            ({"activates_at": NOW, "retires_at": NOW + HOUR}, KeyState.CURRENT),
            ({"activates_at": NOW - DAY, "retires_at": NOW}, KeyState.RETIRED),
            ({"activates_at": NOW, "removed_at": NOW}, KeyState.GONE),
            ({"activates_at": NOW + HOUR, "removed_at": NOW}, KeyState.GONE),
            ({"activates_at": NOW - 9 * DAY, "retires_at": NOW - 2 * DAY}, KeyState.GONE),
        ],
    )
    def test_of_a_signing_key(self, values, state):
        assert state == SigningKey(**values).state(now=NOW)

    def test_published_keys_are_those_that_are_not_gone(self, token_exchange_settings):
        token_exchange_settings(JWKS_MAX_AGE=600)
        SigningKey.objects.all().delete()
        ends = [None, NOW + HOUR, NOW, NOW - DAY, NOW - DAY - timedelta(minutes=10), NOW - 2 * DAY]
        ends += [NOW - DAY - timedelta(minutes=9, seconds=59)]
        for number, retires_at in enumerate(ends):
            for removed_at in (None, NOW):
                SigningKey.objects.create(
                    sequence=2 * number + (removed_at is None),
                    kid=f"{number}{removed_at}",
                    algorithm="EdDSA",
                    public_jwk={},
                    published_at=NOW - 9 * DAY,
                    activates_at=NOW - 9 * DAY,
                    retires_at=retires_at,
                    removed_at=removed_at,
                )
        published = list(SigningKey.objects.published(now=NOW))
        assert [each.kid for each in published] == ["0None", "1None", "2None", "3None", "6None"]
        alive = [each for each in SigningKey.objects.all() if each.state(now=NOW) != KeyState.GONE]
        assert {each.pk for each in alive} == {each.pk for each in published}


@pytest.mark.django_db
class TestStr:
    def test_of_each(self):
        key = make_api_key(name="Nightly").credential
        assert str(key) == f"Nightly ({key.identifier})"
        assert str(APIKey.objects.get()) == str(key)
        assert str(make_organization(name="Example & Sons")) == "Example & Sons"
        assert str(make_token(key, jti="abc")) == "abc"
        assert str(SigningKey.objects.get()) == SigningKey.objects.get().kid

    def test_repr_has_nothing_secret(self):
        issued = make_api_key()
        assert issued.raw_secret not in f"{issued!r}{issued.credential!r}"
        assert issued.credential.secret_digest not in f"{issued!r}"


@pytest.mark.django_db
class TestCheckAlive:
    @pytest.fixture
    def token(self):
        return make_token(make_api_key().credential)

    @pytest.fixture
    def users_token(self):
        return make_token(make_api_key(owner=make_user()).credential)

    def test_machines_token(self, token, django_assert_num_queries):
        with django_assert_num_queries(1):
            assert AccessToken.objects.check_alive(claims_for(token)) is None

    def test_users_token(self, users_token, django_assert_num_queries):
        claims = claims_for(users_token)
        with django_assert_num_queries(1):
            owner = AccessToken.objects.check_alive(claims)
            assert owner.is_active
        assert owner == users_token.credential.owner

    @pytest.mark.parametrize("jti", ["unknown", "JTI", "", "' OR ''='", "x" * 9000])
    def test_unknown_token(self, token, jti):
        claims = dataclasses.replace(claims_for(token), jti=jti)
        assert reason_of(claims) == "unknown_token"

    def test_revoked_token(self, token):
        AccessToken.objects.update(revoked_at=NOW)
        assert reason_of(claims_for(token)) == "token_revoked"

    def test_revoked_credential(self, token):
        Credential.objects.update(revoked_at=NOW)
        assert reason_of(claims_for(token)) == "credential_revoked"

    @pytest.mark.parametrize("generation", [-1, 0, 2, 2**70])
    def test_other_generation(self, token, generation):
        claims = dataclasses.replace(claims_for(token), generation=generation)
        assert reason_of(claims) == "generation_ended"

    @pytest.mark.parametrize("organization_id", ["", "0", "other"])
    def test_other_organization(self, token, organization_id):
        claims = dataclasses.replace(claims_for(token), organization_id=organization_id)
        assert reason_of(claims) == "organization_changed"

    def test_inactive_organization(self, token):
        Organization.objects.update(is_active=False)
        assert reason_of(claims_for(token)) == "organization_inactive"

    @pytest.mark.parametrize("is_deleted", [True, False])
    def test_removed_signing_key(self, token, is_deleted):
        keys = SigningKey.objects.filter(kid=token.kid)
        keys.delete() if is_deleted else keys.update(removed_at=NOW)
        assert reason_of(claims_for(token)) == "unknown_token"

    def test_owner_who_is_gone(self, users_token):
        claims = claims_for(users_token)
        Credential.objects.update(owner=None, generation=claims.generation)
        assert reason_of(claims) == "owner_gone"

    def test_owner_who_is_another(self, users_token):
        claims = claims_for(users_token)
        Credential.objects.update(owner=make_user(), generation=claims.generation)
        assert reason_of(claims) == "owner_gone"

    def test_owner_who_is_inactive(self, users_token):
        owner = users_token.credential.owner
        type(owner).objects.update(is_active=False)
        assert reason_of(claims_for(users_token)) == "owner_inactive"

    def test_asks_the_writer(self, token, settings):
        """A replica may not know of a revocation yet."""
        settings.DATABASE_ROUTERS = [f"{__name__}.ReplicaRouter"]
        assert AccessToken.objects.check_alive(claims_for(token)) is None


class ReplicaRouter:
    """Sends what may be stale to a database that does not exist."""

    def db_for_read(self, model, **_hints):
        return "replica"

    def db_for_write(self, model, **_hints):
        return "default"


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

    @pytest.mark.parametrize("text", ["a\nb", "\0", "a\x7f", "\t", "a\n"])
    def test_no_control_characters(self, text):
        with pytest.raises(ValidationError):
            no_control_characters(text)
        no_control_characters("Ünïcödé & <b>names</b> are names 😀")


METADATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


class TestMetadata:
    @pytest.mark.django_db
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


class TestNothingOpensADoor:
    def test_columns_that_hold_something_secret_are_these(self):
        """A new one has to be thought about; none of these is shown or edited anywhere."""
        secret = {
            f"{model.__name__}.{field.name}"
            for model in (Credential, AccessToken, SigningKey, Organization)
            for field in model._meta.concrete_fields
            if isinstance(field, models.CharField | models.TextField)
            and any(word in field.name for word in ("secret", "private", "signing_input", "token"))
        }
        assert secret == {
            "Credential.secret_digest",
            "Credential.previous_secret_digest",
            "AccessToken.signing_input",
            "SigningKey.encrypted_private_key",
        }
        for name in secret:
            model, _, field = name.partition(".")
            found = {each.__name__: each for each in (Credential, AccessToken, SigningKey)}[model]
            assert found._meta.get_field(field).editable is False
