"""Self-service operations and entitlements, without a view."""

from __future__ import annotations

from datetime import timedelta
from time import time

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from tests.self_service.members import make_member
from tests.support import entitlements
from tests.support.factories import make_api_key, make_organization, make_user
from token_exchange.issuer import self_service
from token_exchange.issuer.credentials import new_identifier
from token_exchange.issuer.self_service import (
    Caller,
    KeyRequest,
    SelfServiceEntitlement,
    entitlement_of,
)
from token_exchange.issuer.tokens import verify_access_token
from token_exchange.models import AuditEvent, Credential, Revocation
from token_exchange_core.errors import AccessDenied, Conflict, InvalidRequest

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller(entitlement):
    return Caller(user=make_user(), origin="192.0.2.7")


def own_key(caller, entitlement, **values):
    values = {"owner": caller.user, "organization": entitlement["organization"], **values}
    return make_api_key(**values).credential


class TestEntitlement:
    def test_no_setting_entitles_to_nothing(self):
        assert entitlement_of(make_user()) is None

    def test_callable_decides(self, entitlement):
        found = entitlement_of(make_user())
        assert (found.organization, found.scopes) == (
            entitlement["organization"],
            ("reports:read",),
        )
        entitlement["organization"] = None
        assert entitlement_of(make_user()) is None

    def test_callable_must_return_an_entitlement(self, token_exchange_settings):
        make_organization()
        token_exchange_settings(
            SELF_SERVICE_ENTITLEMENT="tests.support.entitlements.organization_of"
        )
        with pytest.raises(ImproperlyConfigured, match="returned Organization and not"):
            entitlement_of(make_user())

    @pytest.mark.parametrize("name", ["scopes", "audience", "allowed_networks"])
    def test_string_instead_of_a_list_is_refused(self, name):
        """It would be read as a list of letters."""
        with pytest.raises(TypeError, match=f"{name} must be a list of strings"):
            SelfServiceEntitlement(organization=make_organization(), **{name: "abc"})

    def test_malformed_network_is_refused(self):
        with pytest.raises(ValueError, match="has host bits set"):
            SelfServiceEntitlement(
                organization=make_organization(), allowed_networks=["192.0.2.1/24"]
            )

    def test_iterator_is_read_once(self):
        made = SelfServiceEntitlement(organization=make_organization(), scopes=iter("ab"))
        assert [made.scopes, made.scopes] == [("a", "b")] * 2


class TestDeactivatedUser:
    def test_user_deactivated_during_the_request_changes_nothing(self, caller, entitlement):
        key = own_key(caller, entitlement)
        type(caller.user).objects.update(is_active=False)
        now = timezone.now()
        for verb in (
            lambda: self_service.create(caller, KeyRequest(), now=now),
            lambda: self_service.rotate(caller, key.identifier, now=now),
            lambda: self_service.revoke(caller, key.identifier, now=now),
        ):
            with pytest.raises(AccessDenied):
                verb()
        assert Credential.objects.get().revoked_at is None


class TestCreate:
    def test_same_identifier_creates_one_key(self, caller):
        identifier = new_identifier(Credential.Kind.API_KEY)
        options = {"now": timezone.now(), "identifier": identifier}
        issued = self_service.create(caller, KeyRequest(), **options)
        assert issued.credential.identifier == identifier
        with pytest.raises(Conflict):
            self_service.create(caller, KeyRequest(), **options)
        assert Credential.objects.count() == 1

    def test_refused_key_leaves_nothing_behind(self, caller, entitlement):
        entitlement["max_keys"] = 0
        before = AuditEvent.objects.count()
        with pytest.raises(Conflict):
            self_service.create(caller, KeyRequest(), now=timezone.now())
        assert (Credential.objects.count(), AuditEvent.objects.count()) == (0, before)

    def test_invalid_field_has_a_constant_description(self, https_client, token_exchange_settings):
        """Here the caller's own token lifetime, above a maximum that was lowered later."""
        caller = caller_with_token(https_client, token_lifetime=timedelta(hours=2))
        token_exchange_settings(MAX_TOKEN_LIFETIME=3600)
        with pytest.raises(InvalidRequest) as caught:
            self_service.create(caller, KeyRequest(), now=timezone.now())
        assert caught.value.description == "The request is malformed."


def caller_with_token(https_client, **values):
    member = make_member(https_client, **values)
    verified = verify_access_token(member.token(expires_in=600), now=time())
    return self_service.caller_by_token(verified, origin="")


class TestRotate:
    def test_another_secret_version_is_refused(self, caller, entitlement):
        key = own_key(caller, entitlement)
        now = timezone.now()
        self_service.rotate(caller, key.identifier, now=now, overlap=timedelta(0), version=1)
        with pytest.raises(Conflict, match="already been rotated"):
            self_service.rotate(caller, key.identifier, now=now, version=1)
        assert Credential.objects.get().secret_version == 2


class TestRevoke:
    def test_second_revocation_writes_nothing_to_the_feed(self, caller, entitlement):
        key = own_key(caller, entitlement)
        for _ in range(2):
            self_service.revoke(caller, key.identifier, now=timezone.now())
        assert Revocation.objects.filter(subject=key.identifier).count() == 1


def test_path_names_the_entitlement_of_the_tests():
    assert (
        f"{entitlements.entitlement.__module__}.{entitlements.entitlement.__name__}"
        == entitlements.PATH
    )
