"""What was created or rotated with a credential's tokens stops working with it."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.self_service.members import KEYS, make_member
from tests.support.factories import is_good, make_api_key, make_user, works
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act, CredentialConflict, descendants_of
from token_exchange.models import AuditEvent, Credential, SecretOrigin

pytestmark = pytest.mark.django_db

SCOPE = "keys:manage reports:read reports:write"
HOUR = timedelta(hours=1)


@pytest.fixture
def member(https_client, token_exchange_settings):
    token_exchange_settings(RATE_LIMITS=None)
    return make_member(https_client)


def exchange(member, raw_key):
    """Return a token of a key that was created or rotated with another."""
    answer = member.client.post("/v1/token", headers={"authorization": f"ApiKey {raw_key}"})
    assert answer.status_code == 200
    return answer.json()["access_token"]


def create(member, made_with=None):
    """Create a key that may manage keys, with the member's key or another; return it whole."""
    token = exchange(member, made_with) if made_with else member.token()
    answer = member.call("POST", token=token, scope=SCOPE)
    assert answer.status_code == 201
    return answer.json()["api_key"]


def rotate(member, raw_key, made_with=None, **body):
    """Rotate the key with the token of a key; return its new secret."""
    token = exchange(member, made_with) if made_with else member.token()
    path = f"{KEYS}/{identifier_of(raw_key)}/rotate"
    answer = member.call("POST", path, token=token, **{"overlap": 0, **body})
    assert answer.status_code == 200, answer.content
    return answer.json()["api_key"]


def identifier_of(raw_key):
    return raw_key.rpartition(".")[0]


def row(raw_key):
    return Credential.objects.get(identifier=identifier_of(raw_key))


def found(*credentials_):
    return [
        (each.credential.identifier, each.was_created)
        for each in descendants_of(credentials_, now=timezone.now())
    ]


class TestRevoke:
    def test_key_that_was_created_is_revoked(self, member):
        created = create(member)
        token = exchange(member, created)
        credentials.revoke(member.issued.credential)
        assert not works(created)
        assert not is_good(token)
        assert row(created).revoked_at is not None

    def test_key_that_was_only_rotated_is_rotated_as_compromised(self, member):
        key = member.add_key(scopes=["reports:read"])
        rotated = rotate(member, key.raw_secret)
        token = exchange(member, rotated)
        credentials.revoke(member.issued.credential)
        assert not works(rotated)
        assert not is_good(token)
        assert row(rotated).revoked_at is None
        assert row(rotated).secret_version == 3
        assert credentials.rotate(row(rotated)).raw_secret

    def test_both_are_kept_on_request(self, member):
        created, key = create(member), member.add_key()
        rotated = rotate(member, key.raw_secret)
        credentials.revoke(member.issued.credential, keep_descendants=True)
        assert (works(created), works(rotated)) == (True, True)

    def test_keys_of_others_are_untouched(self, member, https_client):
        other, by_operator = make_member(https_client), member.add_key()
        created = create(other)
        credentials.revoke(member.issued.credential)
        assert works(created)
        assert works(by_operator.raw_secret)
        assert works(other.issued.raw_secret)

    def test_key_that_a_session_created_is_untouched(self, member, entitlement):
        entitlement["organization"] = member.organization
        member.client.force_login(member.user)
        answer = member.client.post(KEYS, "{}", content_type="application/json")
        credentials.revoke(member.issued.credential)
        assert works(answer.json()["api_key"])


class TestCompromisedRotation:
    def test_ends_what_the_leaked_secret_obtained(self, member):
        created, key = create(member), member.add_key()
        rotated = rotate(member, key.raw_secret)
        issued = credentials.rotate(member.issued.credential, compromised=True)
        assert works(issued.raw_secret)
        assert (works(created), works(rotated)) == (False, False)
        assert row(created).revocation_cause == Credential.RevocationCause.DESCENDANT

    def test_keeps_it_on_request(self, member):
        created = create(member)
        credentials.rotate(member.issued.credential, compromised=True, keep_descendants=True)
        assert works(created)

    def test_planned_rotation_ends_nothing(self, member):
        created = create(member)
        credentials.rotate(member.issued.credential, overlap=HOUR)
        assert works(created)

    def test_new_secrets_of_those_rotated_are_returned(self, member):
        key = member.add_key()
        rotate(member, key.raw_secret)
        credentials.revoke(member.issued.credential, keep_descendants=True)
        ended = credentials.end_descendants(member.issued.credential, act=Act())
        assert ended.revoked == []
        assert [works(each.raw_secret) for each in ended.rotated] == [True]


class TestChains:
    """However often a secret was used to obtain another one, all of them stop working."""

    def test_created_with_what_was_created(self, member):
        first = create(member)
        second = create(member, first)
        third = create(member, second)
        credentials.revoke(member.issued.credential)
        assert [works(each) for each in (first, second, third)] == [False] * 3

    def test_created_with_what_was_rotated(self, member):
        key = member.add_key(scopes=SCOPE.split())
        rotated = rotate(member, key.raw_secret)
        created = create(member, rotated)
        credentials.revoke(member.issued.credential)
        assert (works(rotated), works(created)) == (False, False)
        assert row(created).revoked_at is not None
        assert row(rotated).revoked_at is None

    def test_key_that_rotated_itself_since(self, member):
        created = create(member)
        for _ in range(3):
            created = rotate(member, created, created)
        credentials.revoke(member.issued.credential)
        assert not works(created)

    def test_key_that_was_only_rotated_and_rotated_itself_since(self, member):
        current = rotate(member, member.add_key(scopes=SCOPE.split()).raw_secret)
        for _ in range(2):
            current = rotate(member, current, current)
        credentials.revoke(member.issued.credential)
        assert not works(current)
        assert row(current).revoked_at is None

    def test_two_keys_that_rotated_each_other_since(self, member):
        first, second = create(member), create(member)
        for _ in range(2):
            second = rotate(member, second, first)
            first = rotate(member, first, second)
        credentials.revoke(member.issued.credential)
        assert (works(first), works(second)) == (False, False)

    def test_chain_goes_on_through_a_key_that_was_revoked(self, member):
        first = create(member)
        second = create(member, first)
        credentials.revoke(row(first), keep_descendants=True)
        credentials.revoke(member.issued.credential)
        assert not works(second)

    def test_chain_goes_on_through_a_row_that_was_deleted(self, member):
        first = create(member)
        second = create(member, first)
        row(first).access_tokens.all().delete()
        row(first).delete()
        credentials.revoke(member.issued.credential)
        assert not works(second)

    def test_what_comes_before_is_untouched(self, member):
        first = create(member)
        second = create(member, first)
        credentials.revoke(row(second))
        assert works(first)
        assert works(member.issued.raw_secret)

    def test_key_does_not_end_itself(self, member):
        current = rotate(member, member.issued.raw_secret)
        assert found(row(current)) == []
        issued = credentials.rotate(row(current), compromised=True)
        assert works(issued.raw_secret)

    def test_key_that_its_descendant_rotated_is_a_descendant_of_that(self, member):
        created = create(member)
        parent = rotate(member, member.issued.raw_secret, created)
        credentials.revoke(row(created))
        assert not works(parent)
        assert row(parent).revoked_at is None


class TestWorkingSecretsOnly:
    def test_secret_that_an_operator_replaced_is_not_listed(self, member):
        created = create(member)
        issued = credentials.rotate(row(created), overlap=timedelta(0))
        assert found(member.issued.credential) == []
        credentials.revoke(member.issued.credential)
        assert works(issued.raw_secret)

    def test_previous_secret_is_listed_while_it_works(self, member):
        created = create(member)
        credentials.rotate(row(created), overlap=HOUR)
        assert found(member.issued.credential) == [(identifier_of(created), True)]
        later = timezone.now() + HOUR
        assert descendants_of([member.issued.credential], now=later) == []

    def test_key_of_which_only_the_previous_secret_was_obtained_is_rotated(self, member):
        current = rotate(member, member.add_key().raw_secret)
        issued = credentials.rotate(row(current), overlap=HOUR)
        credentials.revoke(member.issued.credential)
        assert (works(current), works(issued.raw_secret)) == (False, False)
        assert row(current).revoked_at is None

    def test_what_a_clean_secret_created_is_not_listed(self, member):
        """The operator replaced what the attacker knew, before anything was created with it."""
        key = member.add_key(scopes=SCOPE.split())
        rotate(member, key.raw_secret)
        clean = credentials.rotate(row(key.raw_secret), overlap=timedelta(0)).raw_secret
        created = create(member, clean)
        credentials.revoke(member.issued.credential)
        assert works(created)

    def test_expired_key_is_revoked_because_its_expiry_can_be_changed(self, member):
        current = rotate(member, member.add_key().raw_secret)
        Credential.objects.filter(identifier=identifier_of(current)).update(
            expires_at=timezone.now() - HOUR
        )
        credentials.revoke(member.issued.credential)
        assert row(current).revoked_at is not None

    def test_revoked_key_stays_as_it_is(self, member):
        created = create(member)
        credentials.revoke(row(created), act=Act(reason="Before"))
        credentials.revoke(member.issued.credential)
        assert row(created).revocation_reason == "Before"


class TestAudit:
    def test_events_name_what_a_secret_was_made_with(self, member):
        identifier = member.issued.credential.identifier
        created = create(member)
        rotate(member, created)
        events = AuditEvent.objects.filter(target=identifier_of(created)).order_by("pk")
        assert [(each.event, each.details["made_with"]) for each in events] == [
            ("credential.issued", identifier),
            ("credential.rotated", identifier),
        ]

    def test_events_give_the_reason(self, member):
        user = make_user()
        created, rotated = create(member), rotate(member, member.add_key().raw_secret)
        credentials.revoke(member.issued.credential, act=Act(by=user, origin="x", reason="Leaked"))
        reason = (
            f"Created or rotated with {member.issued.credential.identifier}, which was revoked."
        )
        for raw_key, event in [(created, "revoked"), (rotated, "compromised")]:
            last = AuditEvent.objects.filter(target=identifier_of(raw_key)).latest("pk")
            assert (last.event, last.reason) == (f"credential.{event}", reason)
            assert (last.actor, last.origin) == (user.username, "x")
        assert row(created).revocation_reason == reason

    def test_reason_tells_a_leak_from_a_revocation(self, member):
        created = create(member)
        credentials.rotate(member.issued.credential, compromised=True)
        assert row(created).revocation_reason.endswith("whose secret leaked.")

    def test_without_a_token_nothing_is_recorded(self):
        issued = make_api_key()
        credentials.rotate(issued.credential)
        assert "made_with" not in AuditEvent.objects.latest("pk").details
        assert not SecretOrigin.objects.exists()


class TestRounds:
    def test_queries_do_not_grow_with_the_chain(self, member):
        raw_key = create(member)
        for _ in range(8):
            raw_key = create(member, raw_key)
        with CaptureQueriesContext(connection) as captured:
            assert len(found(member.issued.credential)) == 9
        assert len(captured) == 3

    def test_nothing_obtained_takes_two_queries(self, member):
        with CaptureQueriesContext(connection) as captured:
            assert found(member.issued.credential) == []
        assert len(captured) == 2

    def test_origin_shows_both_credentials(self, member):
        created = create(member)
        made_with = member.issued.credential.identifier
        assert str(SecretOrigin.objects.get()) == f"{identifier_of(created)} (1) by {made_with}"


@pytest.fixture
def meanwhile():
    """Do something between the look-up of the descendants and the first of them that is ended."""
    with ExitStack() as stack:

        def arrange(act, times=1):
            left = [act] * times

            def run(execute, sql, params, many, context):
                result = execute(sql, params, many, context)
                if left and "LEFT OUTER JOIN" in sql and "token_exchange_credential" in sql:
                    left.pop()()
                return result

            stack.enter_context(connection.execute_wrapper(run))

        yield arrange


class TestMeanwhile:
    def test_key_that_was_created_since_is_found(self, member, meanwhile):
        first = create(member)
        token = exchange(member, first)
        created = []
        meanwhile(lambda: created.append(member.call("POST", token=token).json()["api_key"]))
        credentials.revoke(member.issued.credential)
        assert (works(first), works(created[0])) == (False, False)

    def test_key_that_was_revoked_since_is_left(self, member, meanwhile):
        first, second = create(member), create(member)
        meanwhile(lambda: credentials.revoke(row(first), act=Act(reason="Before")))
        credentials.revoke(member.issued.credential)
        assert row(first).revocation_reason == "Before"
        assert not works(second)

    def test_key_that_was_rotated_since_is_rotated_again(self, member, meanwhile):
        current = rotate(member, member.add_key(scopes=SCOPE.split()).raw_secret)
        token = exchange(member, current)
        path = f"{KEYS}/{identifier_of(current)}/rotate"
        new = []
        meanwhile(lambda: new.append(member.call("POST", path, token=token).json()["api_key"]))
        credentials.revoke(member.issued.credential)
        assert not works(new[0])

    def test_keys_that_never_rest_are_reported(self, member, meanwhile):
        current = [rotate(member, member.add_key(scopes=SCOPE.split()).raw_secret)]

        def rotate_itself():
            current.append(rotate(member, current[-1], current[-1]))

        meanwhile(rotate_itself, times=20)
        with pytest.raises(CredentialConflict, match="keep changing"):
            credentials.revoke(member.issued.credential)
        assert not works(member.issued.raw_secret)
