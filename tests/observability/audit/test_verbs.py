"""Each verb leaves one row: what, to what, when, by whom, from where and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import ProtectedError

from tests.observability.audit.conftest import NOW
from tests.support.factories import make_api_key, make_user
from tests.support.lifecycle import authenticated
from token_exchange.issuer import credentials, organizations, signing_keys, tokens
from token_exchange.issuer.credentials import Act, CredentialConflict
from token_exchange.issuer.signing_keys import SigningKeyConflict
from token_exchange.models import AccessToken, Credential, Organization, SigningKey
from token_exchange.observability import audit

pytestmark = pytest.mark.django_db

ORIGIN = "192.0.2.1"
HOUR = timedelta(hours=1)


def closed(organization):
    organization.is_active = False
    return organization


VERBS = {
    "issue": (
        lambda its, how: make_api_key(
            organization=its["key"].organization,
            name="x",
            scopes=["b", "a"],
            now=how.now,
            by=how.by,
            origin=how.origin,
        ),
        ("credential.issued", "api_key"),
        {"name": "x", "owner": None, "scopes": ["a", "b"]},
    ),
    "change": (
        lambda its, how: credentials.edit(its["key"], {"name": "Weekly"}, act=how),
        ("credential.changed", "api_key"),
        {"name": ["Nightly", "Weekly"]},
    ),
    "rotate": (
        lambda its, how: credentials.rotate(its["key"], overlap=HOUR, act=how),
        ("credential.rotated", "api_key"),
        {"overlap_seconds": 3600},
    ),
    "rotate as compromised": (
        lambda its, how: credentials.rotate(its["key"], compromised=True, act=how),
        ("credential.compromised", "api_key"),
        {"overlap_seconds": 0},
    ),
    "end the overlap": (
        lambda its, how: credentials.end_overlap(its["rotating"], act=how),
        ("credential.overlap_ended", "client_app"),
        {},
    ),
    "revoke": (
        lambda its, how: credentials.revoke(its["key"], act=replace(how, reason="Left")),
        ("credential.revoked", "api_key"),
        {},
    ),
    "invalidate the tokens": (
        lambda its, how: credentials.invalidate_tokens(
            authenticated(its["app"]), act=replace(how, by=None)
        ),
        ("credential.tokens_invalidated", "client_app"),
        {},
    ),
    "revoke a token": (
        lambda its, how: tokens.revoke(its["token"], act=how),
        ("token.revoked", "access_token"),
        {"identifier": "<key>"},
    ),
    "rotate the signing key": (
        lambda its, how: signing_keys.rotate_signing_key(act=how),
        ("signing_key.published", "signing_key"),
        {"algorithm": "EdDSA", "signs_from": "2036-01-31T12:06:00+00:00"},
    ),
    "create an organization": (
        lambda its, how: organizations.create(Organization(name="New", slug="new"), act=how),
        ("organization.created", "organization"),
        {
            "name": "New",
            "slug": "new",
            "is_active": True,
            "default_token_lifetime": None,
            "max_token_lifetime": None,
        },
    ),
    "change an organization": (
        lambda its, how: organizations.edit(closed(its["key"].organization), act=how),
        ("organization.changed", "organization"),
        {"is_active": [True, False]},
    ),
    "delete an organization": (
        lambda its, how: organizations.delete(its["empty"], act=how),
        ("organization.deleted", "organization"),
        {"name": "Empty"},
    ),
}


def everything():
    """All that a verb could change."""
    models = (Credential, AccessToken, SigningKey, Organization)
    return [list(each.objects.order_by("pk").values()) for each in models]


@pytest.mark.parametrize("name", VERBS)
class TestVerbs:
    def test_leave_exactly_one_row(self, its, trail, name):
        act, (event, target_type), details = VERBS[name]
        by = make_user(username="operator")
        act(its, Act(now=NOW, by=by, origin=ORIGIN))
        [row] = trail.rows()
        assert (row.event, row.target_type, row.occurred_at) == (event, target_type, NOW)
        assert row.origin == ORIGIN
        who = ("", "") if name == "invalidate the tokens" else ("operator", str(by.pk))
        assert (row.actor, row.actor_id) == who
        assert row.reason == ("Left" if name == "revoke" else "")
        expected = {"identifier": its["key"].identifier} if "identifier" in details else details
        assert row.details == expected

    def test_name_what_it_happened_to_and_whose_that_is(self, its, trail, name):
        VERBS[name][0](its, Act(now=NOW, origin=ORIGIN))
        [row] = trail.rows()
        organizations = {
            "api_key": lambda: Credential.objects.get(identifier=row.target).organization_id,
            "client_app": lambda: Credential.objects.get(identifier=row.target).organization_id,
            "access_token": lambda: its["token"].credential.organization_id,
            "signing_key": lambda: "",
            "organization": lambda: row.target,
        }
        assert row.organization == str(organizations[row.target_type]())
        names = [each.identifier for each in Credential.objects.all()]
        names += [str(each.pk) for each in Organization.objects.all()]
        names += [
            its["token"].jti,
            its["empty_key"],
            *SigningKey.objects.values_list("kid", flat=True),
        ]
        assert row.target in names

    def test_leave_none_where_they_are_undone(self, its, trail, name):
        with transaction.atomic():
            VERBS[name][0](its, Act(now=NOW, origin=ORIGIN))
            transaction.set_rollback(True)
        assert trail.rows() == []

    def test_are_undone_where_their_row_cannot_be_written(self, its, trail, name):
        def be_full(execute, sql, *arguments):
            if "token_exchange_auditevent" in sql and sql.startswith("INSERT"):
                raise OperationalError("the disk is full")
            return execute(sql, *arguments)

        before = everything()
        how = Act(now=NOW, origin=ORIGIN)
        with connection.execute_wrapper(be_full), pytest.raises(OperationalError):
            VERBS[name][0](its, how)
        assert (everything(), trail.rows()) == (before, [])


class TestRefusedVerbs:
    def test_leave_none(self, its, trail):
        credentials.revoke(its["key"], act=Act(now=NOW))
        tokens.revoke(its["token"], act=Act(now=NOW))
        signing_keys.rotate_signing_key(act=Act(now=NOW))
        trail.begin()
        for refused, error in [
            (lambda: credentials.revoke(its["key"], act=Act(now=NOW)), CredentialConflict),
            (lambda: credentials.rotate(its["key"], act=Act(now=NOW)), CredentialConflict),
            (lambda: credentials.rotate(its["rotating"], act=Act(now=NOW)), CredentialConflict),
            (
                lambda: credentials.end_overlap(its["app"].credential, act=Act(now=NOW)),
                CredentialConflict,
            ),
            (lambda: tokens.revoke(its["token"], act=Act(now=NOW)), CredentialConflict),
            (lambda: signing_keys.rotate_signing_key(act=Act(now=NOW)), SigningKeyConflict),
            (lambda: signing_keys.remove_signing_key("x", act=Act(now=NOW)), SigningKeyConflict),
            (
                lambda: organizations.delete(its["key"].organization, act=Act(now=NOW)),
                ProtectedError,
            ),
        ]:
            with pytest.raises(error):
                refused()
        assert trail.rows() == []


class TestPastedSecrets:
    """No event can be deleted, so what people paste into a text is left out."""

    def test_are_not_kept(self, trail):
        issued = make_api_key()
        target = audit.credential_target(issued.credential)
        details = {"name": [f"for {issued.raw_secret}", f"of {issued.raw_secret}!"]}
        Act(now=NOW).record(
            audit.Event.CREDENTIAL_CHANGED, target, using="default", details=details
        )
        reason = f"Leaked: {issued.raw_secret}, twice {issued.raw_secret}"
        credentials.revoke(issued.credential, act=Act(now=NOW, reason=reason))
        kept = f"{issued.credential.identifier}.[secret]"
        *_, changed, revoked = trail.rows()
        assert changed.details["name"] == [f"for {kept}", f"of {kept}!"]
        assert revoked.reason == f"Leaked: {kept}, twice {kept}"
        assert issued.credential.revocation_reason == revoked.reason


class TestSigningKeys:
    def test_that_are_all_replaced_leave_a_row_each(self, trail):
        old = SigningKey.objects.get().kid
        new = signing_keys.rotate_signing_key(all_new=True, act=Act(now=NOW, origin=ORIGIN)).kid
        assert [(each.event, each.target, each.origin) for each in trail.rows()] == [
            ("signing_key.removed", old, ORIGIN),
            ("signing_key.published", new, ORIGIN),
        ]

    def test_that_are_removed_and_replaced_leave_a_row_each(self, trail):
        old = SigningKey.objects.get().kid
        new = signing_keys.remove_signing_key(old, act=Act(now=NOW, origin=ORIGIN)).kid
        assert [(each.event, each.target) for each in trail.rows()] == [
            ("signing_key.removed", old),
            ("signing_key.published", new),
        ]
