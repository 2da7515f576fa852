"""``/v1/user-api-keys``: users list, create, rotate and revoke their keys."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from tests.http.client import assert_not_stored, assert_refused
from tests.self_service.members import KEYS, make_member
from tests.support.factories import make_client_app, make_organization, make_user, works
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import AuditEvent, Credential

pytestmark = pytest.mark.django_db

NOW = "2030-01-01T12:00:00+00:00"


@pytest.fixture
def member(https_client):
    with time_machine.travel(NOW, tick=False):
        yield make_member(https_client)


class TestCreate:
    def test_answers_as_a_client_is_answered_that_registers_itself(self, member):
        """201, and the secret, which no other response has (RFC 7591, section 3.2.1)."""
        answer = member.create(label="Laptop", scope="reports:read", expires_in=3600)
        assert answer.status_code == 201
        assert_not_stored(answer)
        body = answer.json()
        raw_key, identifier = body.pop("api_key"), body.pop("id")
        assert raw_key.startswith(f"{identifier}.")
        assert works(raw_key)
        assert body == {
            "label": "Laptop",
            "organization": str(member.organization.pk),
            "state": "expiring",
            "scope": "reports:read",
            "audience": [],
            "allowed_networks": [],
            "created_at": "2030-01-01T12:00:00Z",
            "expires_at": "2030-01-01T13:00:00Z",
        }

    def test_makes_a_key_that_speaks_for_the_user(self, member):
        identifier = member.create().json()["id"]
        key = Credential.objects.get(identifier=identifier)
        assert (key.owner, key.subject_type, key.kind) == (member.user, "user", "api_key")
        assert (key.created_by, key.organization) == (member.user, member.organization)

    def test_gives_all_that_the_caller_has_but_the_power_to_make_keys(self, https_client):
        in_a_year = timezone.now().replace(microsecond=0) + timedelta(days=365)
        member = make_member(
            https_client,
            audience=["https://issuer.test", "https://b.test"],
            allowed_networks=["127.0.0.0/8"],
            expires_at=in_a_year,
            token_lifetime=timedelta(minutes=5),
        )
        made = Credential.objects.get(identifier=member.create().json()["id"])
        assert made.scopes == ["reports:read", "reports:write"]
        assert made.audience == ["https://issuer.test", "https://b.test"]
        assert made.allowed_networks == ["127.0.0.0/8"]
        assert made.expires_at == in_a_year
        assert made.token_lifetime == timedelta(minutes=5)

    def test_gives_the_power_to_make_keys_to_who_asks(self, member):
        assert member.create(scope="keys:manage").json()["scope"] == "keys:manage"

    def test_key_without_a_label_gets_one(self, member):
        labels = [
            member.create(**body).json()["label"] for body in ({}, {"label": " "}, {"label": None})
        ]
        assert labels == ["API key of 2030-01-01"] * 3

    def test_takes_a_form(self, member, https_client):
        answer = https_client.post(
            KEYS,
            {
                "label": "Form",
                "scope": "reports:read",
                "allowed_networks": ["192.0.2.0/24", "::/8"],
            },
            headers={"authorization": f"Bearer {member.token()}"},
        )
        assert answer.status_code == 201
        assert answer.json()["allowed_networks"] == ["192.0.2.0/24", "::/8"]

    def test_ignores_members_that_it_does_not_know(self, member):
        other = make_organization()
        body = member.create(organization=str(other.pk), owner=1, kind="client_app").json()
        assert body["organization"] == str(member.organization.pk)

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            ({"label": "x" * 256}, "invalid_request"),
            ({"label": "a\u0000b"}, "invalid_request"),
            ({"label": "\ud800"}, "invalid_request"),
            ({"label": 1}, "invalid_request"),
            ({"scope": ["reports:read"]}, "invalid_request"),
            ({"scope": 'a"b'}, "invalid_scope"),
            ({"scope": "admin"}, "invalid_scope"),
            ({"audience": "https://elsewhere.test"}, "invalid_target"),
            ({"audience": [1]}, "invalid_request"),
            ({"allowed_networks": "everywhere"}, "invalid_request"),
            ({"allowed_networks": ["192.0.2.1/24"]}, "invalid_request"),
            ({"allowed_networks": {"a": 1}}, "invalid_request"),
            ({"expires_in": 0}, "invalid_request"),
            ({"expires_in": "1h"}, "invalid_request"),
            ({"expires_at": "2029-01-01T00:00:00Z"}, "invalid_request"),
            ({"expires_at": "2031-01-01T00:00:00"}, "invalid_request"),
            ({"expires_at": "2031-02-31T00:00:00Z"}, "invalid_request"),
            ({"expires_at": "9999-12-31T23:59:59-12:00"}, "invalid_request"),
            ({"expires_at": 1}, "invalid_request"),
            ({"expires_in": 60, "expires_at": "2031-01-01T00:00:00Z"}, "invalid_request"),
        ],
    )
    def test_refuses_what_no_key_can_be(self, member, body, error):
        before = Credential.objects.count()
        assert_refused(member.create(**body), 400, error)
        assert Credential.objects.count() == before

    def test_of_a_life_beyond_all_bounds_is_a_long_one(self, member):
        body = member.create(expires_in=10**40).json()
        assert body["expires_at"].startswith("2130-01-02")

    @pytest.mark.parametrize("expires_at", ["2030-01-02T00:00:00+01:00", "2030-01-01T23:00:00Z"])
    def test_takes_a_time_of_any_zone(self, member, expires_at):
        assert member.create(expires_at=expires_at).json()["expires_at"] == "2030-01-01T23:00:00Z"

    def test_a_scope_that_is_no_longer_registered_is_refused(self, member, token_exchange_settings):
        token_exchange_settings(SCOPES={"keys:manage": "Manage keys"})
        assert_refused(member.create(scope="reports:read"), 400, "invalid_scope")

    def test_a_key_expires_by_the_maximum_of_this_service(self, member, token_exchange_settings):
        token_exchange_settings(MAX_KEY_LIFETIME=3600)
        assert member.create().json()["expires_at"] == "2030-01-01T13:00:00Z"
        assert_refused(member.create(expires_in=3601), 400, "invalid_request")

    def test_is_recorded_with_the_user_the_address_and_the_key_that_did_it(self, member):
        identifier = member.create(label="Laptop").json()["id"]
        event = AuditEvent.objects.get(target=identifier)
        assert event.event == "credential.issued"
        assert (event.actor, event.origin) == (member.user.get_username(), member.origin)


class TestMaximum:
    def test_is_ten_live_keys_unless_a_grant_says_otherwise(self, member):
        member.add_key(expires_at=timezone.now() + timedelta(hours=1))
        ended = [member.add_key() for _ in range(2)]
        credentials.revoke(ended[0].credential, act=Act(now=timezone.now()))
        Credential.objects.filter(pk=ended[1].credential.pk).update(expires_at=timezone.now())
        assert [member.create().status_code for _ in range(8)] == [201] * 8
        description = assert_refused(member.create(), 409, "conflict")
        assert (
            description
            == "The maximum number of API keys is reached. Revoke one to create another."
        )

    def test_of_an_entitlement_is_the_same_for_the_users_tokens(self, member, entitlement):
        entitlement["max_keys"] = 2
        assert [member.create().status_code for _ in range(2)] == [201, 409]

    def test_counts_no_other_users_keys(self, member, entitlement):
        entitlement["max_keys"] = 2
        for _ in range(3):
            member.add_key(owner=make_user())
        assert member.create().status_code == 201


class TestList:
    def test_has_all_that_is_no_secret(self, member):
        made = member.create(label="Laptop", scope="reports:read", audience="https://issuer.test")
        raw_key = made.json()["api_key"]
        answer = member.call("GET")
        assert answer.status_code == 200
        assert_not_stored(answer)
        first, second = answer.json()["api_keys"]
        assert first == {
            "id": made.json()["id"],
            "label": "Laptop",
            "organization": str(member.organization.pk),
            "state": "active",
            "scope": "reports:read",
            "audience": ["https://issuer.test"],
            "allowed_networks": [],
            "created_at": "2030-01-01T12:00:00Z",
        }
        assert second["id"] == member.issued.credential.identifier
        assert "next" not in answer.json()
        assert raw_key.rpartition(".")[2] not in answer.content.decode()

    def test_tells_what_has_become_of_a_key(self, member, django_capture_on_commit_callbacks):
        credentials.rotate(
            member.issued.credential, overlap=timedelta(hours=1), act=Act(now=timezone.now())
        )
        with django_capture_on_commit_callbacks(execute=True):
            token = member.token()
        (shown,) = member.call("GET", token=token).json()["api_keys"]
        assert shown["state"] == "rotating"
        assert shown["previous_secret_expires_at"] == "2030-01-01T13:00:00Z"
        assert shown["last_used_at"] == "2030-01-01T12:00:00Z"
        assert shown["last_used_from"] == "127.0.0.1"
        other = member.add_key()
        credentials.revoke(other.credential, act=Act(now=timezone.now()))
        shown = member.call("GET", token=token).json()["api_keys"][0]
        assert (shown["state"], shown["revoked_at"]) == ("revoked", "2030-01-01T12:00:00Z")

    def test_is_open_to_any_of_the_users_tokens(self, member):
        reader = member.add_key(scopes=[], organization=make_organization())
        shown = member.call("GET", token=member.token(reader)).json()["api_keys"]
        assert [each["id"] for each in shown] == [
            reader.credential.identifier,
            member.issued.credential.identifier,
        ]

    def test_keys_of_others_are_not_listed(self, member, https_client):
        make_member(https_client)
        (shown,) = member.call("GET").json()["api_keys"]
        assert shown["id"] == member.issued.credential.identifier

    def test_comes_in_pages(self, member):
        token = member.token()
        for _ in range(100):
            member.add_key()
        first = member.call("GET", token=token).json()
        assert len(first["api_keys"]) == 100
        assert first["next"] == first["api_keys"][-1]["id"]
        second = member.call("GET", f"{KEYS}?after={first['next']}", token=token).json()
        assert [each["id"] for each in second["api_keys"]] == [member.issued.credential.identifier]
        assert "next" not in second

    @pytest.mark.parametrize("after", ["", "sk_live.unknown", "%00", "%FF", "a/b", "a&after=b"])
    def test_goes_on_after_a_key_of_the_callers_alone(self, member, after):
        answer = member.call("GET", f"{KEYS}?after={after}")
        assert_refused(answer, 400, "invalid_request")

    def test_without_its_body_is_a_head(self, member):
        answer = member.call("HEAD")
        assert (answer.status_code, answer.content) == (200, b"")


class TestRotate:
    def test_answers_with_the_new_secret_and_lets_the_old_one_live_on(self, member):
        made = member.create(scope="reports:read").json()
        answer = member.rotate(made["id"])
        assert answer.status_code == 200
        assert_not_stored(answer)
        body = answer.json()
        assert body["id"] == made["id"]
        assert body["state"] == "rotating"
        assert body["previous_secret_expires_at"] == "2030-01-02T12:00:00Z"
        assert body["api_key"] != made["api_key"]
        assert works(body["api_key"])
        assert works(made["api_key"])

    @pytest.mark.parametrize("overlap", [0, "0"])
    def test_ends_the_old_one_at_once_if_asked(self, member, overlap):
        made = member.create().json()
        body = member.rotate(made["id"], overlap=overlap).json()
        assert "previous_secret_expires_at" not in body
        assert not works(made["api_key"])

    def test_as_compromised_ends_the_tokens_as_well(self, member):
        made = member.create().json()
        member.rotate(made["id"])
        token = member.token()
        assert_refused(member.rotate(made["id"]), 409, "conflict")
        body = member.rotate(made["id"], token=token, compromised=True).json()
        assert not works(made["api_key"])
        assert works(body["api_key"])
        assert Credential.objects.get(identifier=made["id"]).generation == 2

    def test_of_the_calling_key_itself_is_its_tokens_last_write(self, member):
        token, identifier = member.token(), member.issued.credential.identifier
        assert member.rotate(identifier, token=token).status_code == 200
        assert_refused(member.create(token=token), 403, "access_denied")
        assert member.call("GET", token=token).status_code == 200

    @pytest.mark.parametrize(
        "body",
        [
            {"overlap": 30 * 86_400 + 1},
            {"overlap": 10**30},
            {"overlap": -1},
            {"overlap": "1h"},
            {"compromised": "yes"},
            {"compromised": 1},
        ],
    )
    def test_refuses_what_no_rotation_can_be(self, member, body):
        identifier = member.create().json()["id"]
        assert_refused(member.rotate(identifier, **body), 400, "invalid_request")

    @pytest.mark.parametrize("compromised", [False, True])
    def test_refuses_a_key_that_has_ended(self, member, compromised):
        key = member.add_key()
        credentials.revoke(key.credential, act=Act(now=timezone.now()))
        answer = member.rotate(key.credential.identifier, compromised=compromised)
        assert (
            assert_refused(answer, 409, "conflict")
            == "The key is revoked or expired. Create a new one."
        )

    def test_is_recorded_with_the_user_the_address_and_the_key_that_did_it(self, member):
        identifier = member.create().json()["id"]
        member.rotate(identifier)
        member.rotate(identifier, compromised=True)
        events = AuditEvent.objects.filter(target=identifier).order_by("pk")
        assert [each.event for each in events][1:] == [
            "credential.rotated",
            "credential.compromised",
        ]
        assert {(each.actor, each.origin) for each in events} == {
            (member.user.get_username(), member.origin)
        }


class TestDelete:
    def test_ends_the_key_and_its_tokens(self, member):
        made = member.create().json()
        answer = member.delete(made["id"])
        assert (answer.status_code, answer.json()) == (200, {"success": True})
        assert_not_stored(answer)
        assert not works(made["api_key"])
        event = AuditEvent.objects.get(target=made["id"], event="credential.revoked")
        assert (event.actor, event.origin) == (member.user.get_username(), member.origin)
        assert event.reason == "Revoked by its owner."

    def test_again_changes_nothing(self, member):
        made = member.create().json()
        statuses = [member.delete(made["id"]).status_code for _ in range(2)]
        assert statuses == [200, 200]
        assert AuditEvent.objects.filter(event="credential.revoked").count() == 1

    def test_of_the_calling_key_ends_the_token_that_asked(self, member):
        token, identifier = member.token(), member.issued.credential.identifier
        assert member.delete(identifier, token=token).status_code == 200
        assert_refused(member.call("GET", token=token), 401, "invalid_token")


class TestForeignKey:
    def test_answers_as_one_that_does_not_exist_byte_for_byte(self, member, https_client):
        stranger = make_member(https_client)
        app = make_client_app(organization=member.organization)
        machine = member.add_key(owner=None)
        token = member.token()
        unknown = [
            stranger.issued.credential.identifier,
            app.credential.identifier,
            machine.credential.identifier,
            "sk_live.aaaaaaaaaaaa",
            "sk_live.AAAAAAAAAAAA",
            member.issued.credential.identifier.upper(),
            "x" * 65,
            "%00",
            "%ED%A0%80",
            "a%20b",
        ]
        for send in (member.delete, member.rotate):
            answers = [send(identifier, token=token) for identifier in unknown]
            for each in answers:
                assert assert_refused(each, 404, "not_found") == "There is no such API key."
            assert len({each.content for each in answers}) == 1
            assert len({tuple(sorted(each.headers)) for each in answers}) == 1
        assert works(stranger.issued.raw_secret)
        assert not Credential.objects.exclude(revoked_at=None).exists()


class TestMethods:
    @pytest.mark.parametrize(
        ("path", "allowed"),
        [
            (KEYS, "GET, HEAD, POST"),
            (f"{KEYS}/sk_live.x", "DELETE"),
            (f"{KEYS}/sk_live.x/rotate", "POST"),
        ],
    )
    def test_are_these(self, https_client, path, allowed):
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - {*allowed.split(", ")}:
            answer = https_client.generic(method, path)
            assert_refused(answer, 405, "invalid_request")
            assert answer["Allow"] == allowed

    def test_plain_http_is_refused(self, client):
        assert_refused(client.get(KEYS), 400, "invalid_request")
