"""``GET /v1/revocations``: the content of the revocation feed."""

from __future__ import annotations

import json

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from tests.http.client import assert_not_stored, assert_refused
from tests.http.follower import EPOCH, MARK, revoke_tokens, write_feed
from tests.support.factories import (
    api_key_header,
    make_api_key,
    make_client_app,
    make_organization,
    make_user,
)
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import Credential, Organization, Revocation, RevocationFeed
from token_exchange.models.revocation_writer import revoking
from token_exchange_core.revocation_feed import parse_feed_page
from token_exchange_core.revocation_set import RevocationKind

pytestmark = pytest.mark.django_db

PATH = "/v1/revocations"
NOW = "2030-01-01T12:00:00.75+00:00"
NOW_EPOCH = 1_893_499_200


@pytest.fixture
def read(get_feed):
    """Return the feed page, as a follower reads it."""

    def read(**parameters):
        response = get_feed(**parameters)
        assert response.status_code == 200, response.content
        return parse_feed_page(response.content)

    return read


class TestAnswer:
    def test_has_what_was_revoked_in_the_order_in_which_it_was(self, get_feed):
        with time_machine.travel(NOW, tick=False):
            app = make_client_app()
            credentials.revoke(app.credential, act=Act(now=timezone.now()))
            with revoking(using="default") as feed:
                feed.revoke_all(RevocationKind.SIGNING_KEY, "kid")
            response = get_feed()
        latest = NOW_EPOCH + 86_400 + 900
        feed = RevocationFeed.objects.get()
        body = json.loads(response.content)
        # SQLite has no clock of its own.
        assert body.pop("as_of") == NOW_EPOCH or connection.vendor != "sqlite"
        assert body == {
            "version": 1,
            "epoch": feed.epoch,
            "after": 0,
            "position": 2,
            "mark": f"2.{feed.mark}",
            "has_more": False,
            "revocations": [
                {
                    "kind": "credential",
                    "subject": app.credential.identifier,
                    "generation": None,
                    "expires_at": latest,
                },
                {
                    "kind": "signing_key",
                    "subject": "kid",
                    "generation": None,
                    "expires_at": latest,
                },
            ],
            "inactive_organizations": [],
            "inactive_users": [],
        }

    def test_other_credentials_are_refused(self, get_feed):
        response = get_feed()
        assert response["Content-Type"] == "application/json"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Vary"] == "Authorization"
        assert_not_stored(response)

    def test_begins_where_the_follower_stands(self, read):
        for name in "abc":
            revoke_tokens(name)
        first = read()
        page = read(epoch=first.epoch, after=2, mark=first.mark)
        assert (page.after, page.position) == (2, 3)
        assert [each.subject for each in page.revocations] == ["c"]
        page = read(epoch=first.epoch, after=3, mark=first.mark)
        assert (page.after, page.position, page.revocations) == (3, 3, ())

    def test_an_end_of_some_generations_has_the_last_of_them(self, read, feed_key):
        for _ in range(7):
            Credential.objects.filter(pk=feed_key.credential.pk).update(generation=8)
        (revocation,) = read().revocations
        assert (revocation.subject, revocation.generation) == (feed_key.credential.identifier, 7)

    def test_a_second_end_of_the_same_is_told_again(self, read):
        revoke_tokens("a")
        revoke_tokens("b")
        before = read()
        revoke_tokens("a")
        assert [each.subject for each in read().revocations] == ["b", "a"]
        reached = {"epoch": before.epoch, "after": before.position, "mark": before.mark}
        (revocation,) = read(**reached).revocations
        assert revocation.subject == "a"

    def test_an_expired_revocation_is_sent_until_it_is_purged(self, read):
        """No clock decides what a follower gets: the issuer's own may be wrong."""
        revoke_tokens("a")
        Revocation.objects.update(expires_at=timezone.now())
        assert [each.subject for each in read().revocations] == ["a"]

    def test_of_a_feed_that_has_not_begun_is_an_answer_too(self, read):
        RevocationFeed.objects.all().delete()
        first = read()
        assert (first.epoch, first.position, first.has_more) == ("", 0, False)
        assert read(epoch="", after=0).revocations == ()
        revoke_tokens("a")
        second = read(epoch=first.epoch, after=first.position)
        assert second.epoch != ""
        assert [each.subject for each in second.revocations] == ["a"]

    def test_inactive_organizations_are_told_while_they_are(self, read):
        make_organization()
        organization = make_organization(is_active=False)
        position = read().position
        assert read().inactive_organizations == {str(organization.pk)}
        Organization.objects.update(is_active=True)
        page = read(after=position)
        assert page.inactive_organizations == frozenset()

    def test_inactive_users_are_told_who_own_a_credential(self, read):
        make_user(is_active=False)
        active, gone = make_user(), make_user(is_active=False)
        make_api_key(owner=active)
        credentials.revoke(make_api_key(owner=gone).credential, act=Act(now=timezone.now()))
        inactive = make_user(is_active=False)
        for _ in range(2):
            make_api_key(owner=inactive)
        assert read().inactive_users == {str(inactive.pk)}

    @pytest.mark.parametrize("subject", ["\u2028</script>", 'a"\\\n', "\U0001f600" * 200, " "])
    def test_any_subject_arrives_as_it_is(self, read, subject):
        with revoking(using="default") as feed:
            feed.revoke_all(RevocationKind.USER, subject)
        (revocation,) = read().revocations
        assert revocation.subject == subject


class TestPosition:
    @pytest.fixture(autouse=True)
    def _feed(self):
        write_feed([1, 1, 1])

    @pytest.mark.parametrize(
        "parameters",
        [
            {},
            {"epoch": EPOCH},
            {"after": "2"},
            {"epoch": "B" * 22, "after": "2"},
            {"epoch": EPOCH, "after": "2"},
            {"epoch": EPOCH, "after": "2", "mark": ""},
            {"epoch": EPOCH, "after": "2", "mark": "2.x"},
            {"epoch": EPOCH, "after": "3", "mark": f"2.{MARK}"},
            {"epoch": EPOCH, "after": "4", "mark": f"3.{MARK}"},
            {"epoch": EPOCH, "after": "9" * 19},
            {"epoch": "", "after": "0"},
            {"other": "x"},
        ],
    )
    def test_that_is_not_of_this_feed_is_answered_in_full(self, read, parameters):
        page = read(**parameters)
        assert (page.epoch, page.after, page.position) == (EPOCH, 0, 3)
        assert len(page.revocations) == 3

    @pytest.mark.parametrize(
        "query",
        [
            *("after=", "after=-1", "after=+1", "after=1.0", "after=x", "after=%31%00"),
            *("after=1 ", "after=%D9%A1", "after=1_0", "after=" + "9" * 20, "after=1&after=1"),
            *("epoch=%00", "epoch=%FF", "epoch=a-b", "epoch=" + "A" * 65, "epoch=a&epoch=a"),
            *("epoch=\xe9", "&".join(["x=1"] * 21)),
        ],
    )
    def test_garbage_is_refused(self, https_client, feed_key, query):
        headers = api_key_header(feed_key)
        for method in ("GET", "HEAD"):
            response = https_client.generic(method, PATH, QUERY_STRING=query, headers=headers)
            assert response.status_code == 400
        response = https_client.get(PATH, QUERY_STRING=query, headers=headers)
        assert_refused(response, 400, "invalid_request")

    @pytest.mark.parametrize("content_type", ["a; charset=utf-7", "a; charset=utf-16", "x"])
    def test_a_content_type_changes_nothing(self, https_client, feed_key, content_type):
        query = {
            "QUERY_STRING": f"epoch={EPOCH}&after=2&mark=3.{MARK}",
            "CONTENT_TYPE": content_type,
        }
        response = https_client.get(PATH, headers=api_key_header(feed_key), **query)
        assert parse_feed_page(response.content).after == 2


class TestRevalidation:
    @pytest.mark.parametrize("form", ["{}", '"x", {}', "*"])
    def test_an_unchanged_answer_is_not_sent_again(self, get_feed, form):
        revoke_tokens("a")
        with time_machine.travel(NOW, tick=False) as clock:
            etag = get_feed(after=1)["ETag"]
            clock.shift(60)
            response = get_feed({"if-none-match": form.format(etag)}, after=1)
        assert response.status_code == 304
        assert response.content == b""
        assert response["ETag"] == etag
        assert response["Vary"] == "Authorization"
        assert_not_stored(response)

    def change_nothing(self):
        pass

    def revoke(self):
        revoke_tokens("b")

    def deactivate_organization(self):
        make_organization(is_active=False)

    def deactivate_owner(self):
        make_api_key(owner=make_user(is_active=False))

    def start_new_epoch(self):
        RevocationFeed.objects.update(epoch="B" * 22)

    @pytest.mark.parametrize(
        ("change", "status"),
        [
            (change_nothing, 304),
            (revoke, 200),
            (deactivate_organization, 200),
            (deactivate_owner, 200),
            (start_new_epoch, 200),
        ],
    )
    def test_any_change_is_sent(self, get_feed, read, change, status):
        revoke_tokens("a")
        reached = read()
        asked = {"epoch": reached.epoch, "after": reached.position, "mark": reached.mark}
        etag = get_feed(**asked)["ETag"]
        change(self)
        assert get_feed({"if-none-match": etag}, **asked).status_code == status

    def test_one_position_is_not_another(self, get_feed):
        write_feed([1, 1])
        etag = get_feed(epoch=EPOCH, after=1, mark=f"2.{MARK}")["ETag"]
        asked = {"epoch": EPOCH, "after": 2, "mark": f"2.{MARK}"}
        assert get_feed({"if-none-match": etag}, **asked).status_code == 200

    def test_key_without_the_scope_gets_no_304(self, get_feed, https_client):
        headers = {"if-none-match": get_feed()["ETag"]}
        answer = https_client.get(PATH, headers={**headers, **api_key_header(make_api_key())})
        assert_refused(answer, 403, "insufficient_scope")
        assert_refused(https_client.get(PATH, headers=headers), 401, "invalid_client")


class TestMethods:
    def test_head_has_the_headers_only(self, https_client, get_feed, feed_key):
        got, head = get_feed(), https_client.head(PATH, headers=api_key_header(feed_key))
        assert (head.status_code, head.content) == (200, b"")
        assert head["ETag"] == got["ETag"]
        assert head["Content-Type"] == got["Content-Type"]

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
    def test_others_are_refused(self, https_client, feed_key, method):
        response = https_client.generic(method, PATH, headers=api_key_header(feed_key))
        assert_refused(response, 405, "invalid_request")
        assert response["Allow"] == "GET, HEAD"
