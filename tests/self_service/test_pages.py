"""Can users see, make, rotate and revoke their keys in a browser?"""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.core.cache.backends.base import BaseCache
from django.urls import reverse
from django.utils import timezone

from tests.self_service.conftest import PAGES, Visitor
from tests.support.clients import HttpsClient
from tests.support.factories import make_organization, make_user, works
from token_exchange.issuer import credentials
from token_exchange.models import AuditEvent, Credential, Organization

pytestmark = pytest.mark.django_db


class UnavailableCache(BaseCache):
    """Fails whatever is asked of it."""

    def __init__(self, location, params):
        super().__init__(params)

    def add(self, key, value, timeout=None, version=None):
        raise ConnectionError


NOW = "2030-01-01T12:00:00+00:00"
SECRET = re.compile(r"sk_live\.\w{12}\.\w{49}")
HOUR = timedelta(hours=1)


def secret_in(answer):
    """The one secret that a page shows, which nothing may keep."""
    assert answer.status_code == 200, answer.content
    (found,) = set(SECRET.findall(answer.content.decode()))
    assert answer["Cache-Control"] == "no-store"
    return found


def text_of(answer):
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


class TestList:
    def test_shows_what_there_is_to_know_and_no_secret(self, visitor, settings):
        settings.X_FRAME_OPTIONS = "SAMEORIGIN"
        key = visitor.add_key(name="Laptop <b>", scopes=["reports:read"])
        Credential.objects.update(last_used_at=timezone.now(), last_used_from="192.0.2.7")
        answer = visitor.get()
        assert answer.status_code == 200
        assert answer["Cache-Control"] == "no-store"
        assert answer["X-Frame-Options"] == "DENY"
        text = text_of(answer)
        assert "Laptop &lt;b&gt;" in text
        assert f"{key.credential.identifier}…" in text
        assert "reports:read" in text
        assert "from 192.0.2.7" in text
        assert key.raw_secret.rpartition(".")[2] not in answer.content.decode()

    def test_says_that_there_are_none(self, visitor):
        visitor.add_key(owner=make_user(), name="Another user's")
        assert "You have no API keys." in text_of(visitor.get())

    def test_offers_to_end_what_has_not_ended_and_is_within_the_grant(self, visitor):
        own = visitor.add_key().credential
        more = visitor.add_key(scopes=["admin"]).credential
        ended = visitor.add_key().credential
        credentials.revoke(ended, now=timezone.now())
        html = visitor.get().content.decode()
        offered = set(re.findall(r'href="/account/keys/(sk_live\.\w+)/(\w+)/"', html))
        assert offered == {(own.identifier, "rotate"), (own.identifier, "revoke")}
        assert more.identifier in html
        assert ended.identifier in html

    def test_comes_in_pages(self, visitor):
        first = visitor.add_key(name="The oldest").credential
        for _ in range(100):
            visitor.add_key()
        html = visitor.get().content.decode()
        assert first.identifier not in html
        (older,) = re.findall(r'href="(\?after=[^"]+)"', html)
        assert "The oldest" in text_of(visitor.get(older))
        for after in ("unknown", "%00", ""):
            assert visitor.get(f"?after={after}").status_code == 400

    def test_reads_an_address_whatever_the_body_that_there_is_not_is_written_in(self, visitor):
        content_type = "application/x-www-form-urlencoded; charset=hex"
        assert visitor.client.generic("GET", f"{PAGES}?a=b", b"", content_type).status_code == 200


class TestNew:
    def test_makes_a_key_and_shows_it_once(self, visitor):
        with time_machine.travel(NOW, tick=False):
            visitor = Visitor(visitor.grant)
            answer = visitor.send("new/", label="Laptop", scopes=["reports:read"], expiry="30")
            raw_key = secret_in(answer)
            assert works(raw_key)
        curl = f"Authorization: ApiKey {raw_key}&#x27; https://issuer.test/v1/token"
        assert curl in answer.content.decode()
        key = Credential.objects.get()
        assert raw_key.startswith(f"{key.identifier}.")
        assert (key.name, key.scopes, key.owner) == ("Laptop", ["reports:read"], visitor.user)
        assert (key.organization, key.created_by) == (visitor.grant["organization"], visitor.user)
        assert key.expires_at - key.created_at == timedelta(days=30)
        event = AuditEvent.objects.get(event="credential.issued")
        assert (event.actor, event.origin) == (visitor.user.get_username(), "127.0.0.1")
        assert raw_key not in visitor.get().content.decode()

    def test_makes_no_second_key_of_the_same_form(self, visitor):
        form = {**visitor.fill_in("new/"), "label": "Laptop", "expiry": "latest"}
        raw_key = secret_in(visitor.client.post(f"{PAGES}new/", form))
        again = visitor.client.post(f"{PAGES}new/", form)
        assert again.status_code == 409
        assert "This form was submitted before." in text_of(again)
        assert raw_key not in again.content.decode()
        assert Credential.objects.count() == 1

    @pytest.mark.parametrize("drawn", [None, "", "x", "InNrX2xpdmUueCI:1:x"])
    def test_wants_the_identifier_that_the_form_was_drawn_with(self, visitor, drawn):
        form = {"label": "Laptop", "expiry": "latest", "drawn": drawn}
        form = {name: value for name, value in form.items() if value is not None}
        answer = visitor.client.post(f"{PAGES}new/", form)
        assert "This form is out of date. Submit it again." in text_of(answer)
        assert not Credential.objects.exists()

    def test_takes_no_form_of_another_user(self, visitor):
        form = {**visitor.fill_in("new/"), "label": "Laptop", "expiry": "latest"}
        other = Visitor(visitor.grant)
        assert "out of date" in text_of(other.client.post(f"{PAGES}new/", form))
        assert not Credential.objects.exists()

    @pytest.mark.parametrize(
        ("values", "text"),
        [
            ({"label": ""}, "This field is required."),
            ({"label": "x" * 256}, "at most 255 characters"),
            ({"label": "a\x00b"}, "Null characters are not allowed."),
            ({"label": "a\x07b"}, "Control characters are not allowed."),
            ({"expiry": "31"}, "31 is not one of the available choices."),
            ({"scopes": ["admin"]}, "admin is not one of the available choices."),
        ],
    )
    def test_says_what_is_wrong_and_keeps_what_was_written(self, visitor, values, text):
        answer = visitor.send("new/", **{"label": "Laptop", "expiry": "latest", **values})
        assert text in text_of(answer)
        assert "<title>Error: New API key</title>" in answer.content.decode()
        assert not Credential.objects.exists()

    @pytest.mark.parametrize(
        ("max_lifetime", "offered", "chosen", "last"),
        [
            (None, ["7", "30", "90", "365", "latest"], "90", "never"),
            (timedelta(days=89), ["7", "30", "latest"], "latest", "as late as you may choose"),
            (HOUR, ["latest"], "latest", "as late as you may choose (Jan. 1, 2030)"),
        ],
    )
    def test_offers_expiries_within_the_grant(self, visitor, max_lifetime, offered, chosen, last):
        visitor.grant["max_lifetime"] = max_lifetime
        with time_machine.travel(NOW, tick=False):
            visitor = Visitor(visitor.grant)
            html = visitor.get("new/").content.decode()
        assert re.findall(r'<option value="(\w+)"', html) == offered
        assert re.findall(r'<option value="(\w+)" selected', html) == [chosen]
        assert last in html

    def test_offers_the_scopes_of_the_grant_by_their_labels(self, visitor, token_exchange_settings):
        token_exchange_settings(SCOPES={"reports:read": "Read reports", "a": "A"})
        html = visitor.get("new/").content.decode()
        offered = re.findall(r'name="scopes" value="([^"]+)"', html)
        assert offered == ["keys:manage", "reports:read"]
        assert "Read reports <code>reports:read</code>" in html
        assert "checked" not in html

    def test_asks_for_no_scopes_where_there_are_none(self, visitor):
        visitor.grant["scopes"] = []
        assert "scopes" not in visitor.get("new/").content.decode()
        secret_in(visitor.send("new/", label="Laptop", expiry="latest"))

    def test_is_refused_at_the_maximum(self, visitor):
        visitor.grant["max_keys"] = 1
        visitor.add_key()
        answer = visitor.send("new/", label="Laptop", expiry="latest")
        assert answer.status_code == 409
        assert "You have as many API keys as you may." in text_of(answer)


class TestRotate:
    def rotate(self, visitor, key, **values):
        return visitor.send(f"{key.credential.identifier}/rotate/", **values)

    def test_shows_the_new_secret_once(self, visitor):
        key = visitor.add_key()
        raw_key = secret_in(self.rotate(visitor, key, overlap="3600"))
        assert works(raw_key)
        assert works(key.raw_secret)
        assert not works(key.raw_secret, now=timezone.now() + HOUR)

    def test_ends_the_old_one_at_once(self, visitor):
        key = visitor.add_key()
        answer = self.rotate(visitor, key, overlap="0")
        assert works(secret_in(answer))
        assert not works(key.raw_secret)
        assert "The old secret works until" not in text_of(answer)

    def test_of_what_has_leaked_ends_the_tokens_too(self, visitor):
        key = visitor.add_key()
        credentials.rotate(key.credential, now=timezone.now())
        html = visitor.get(f"{key.credential.identifier}/rotate/").content.decode()
        assert re.findall(r'name="overlap" value="(\w+)"', html) == ["compromised"]
        assert works(secret_in(self.rotate(visitor, key, overlap="compromised")))
        assert not works(key.raw_secret)
        assert Credential.objects.get().generation == 2

    def test_does_nothing_with_a_form_that_was_submitted_before(self, visitor):
        key = visitor.add_key()
        path = f"{key.credential.identifier}/rotate/"
        form = {**visitor.fill_in(path), "overlap": "0"}
        raw_key = secret_in(visitor.client.post(PAGES + path, form))
        again = visitor.client.post(PAGES + path, form)
        assert again.status_code == 409
        assert "the key has been rotated since" in text_of(again)
        assert works(raw_key)

    @pytest.mark.parametrize("version", ["", "x", "0"])
    def test_wants_the_version_that_the_form_was_drawn_with(self, visitor, version):
        key = visitor.add_key()
        answer = self.rotate(visitor, key, overlap="0", version=version)
        assert "<title>Error: Rotate an API key</title>" in answer.content.decode()
        assert works(key.raw_secret)

    def test_speaks_of_days_where_they_are_whole(self, visitor):
        key = visitor.add_key().credential
        text = text_of(visitor.get(f"{key.identifier}/rotate/"))
        for each in ("1 hour", "1 day", "7 days"):
            assert f"works for another {each} " in f"{text} "

    def test_offers_no_overlap_beyond_the_maximum(self, visitor, token_exchange_settings):
        token_exchange_settings(MAX_OVERLAP=86_400)
        key = visitor.add_key().credential
        html = visitor.get(f"{key.identifier}/rotate/").content.decode()
        offered = re.findall(r'name="overlap" value="(\w+)"', html)
        assert offered == ["0", "3600", "86400", "compromised"]

    def test_refuses_a_key_that_has_ended(self, visitor):
        key = visitor.add_key()
        credentials.revoke(key.credential, now=timezone.now())
        answer = visitor.get(f"{key.credential.identifier}/rotate/")
        assert answer.status_code == 409
        assert "This key has ended." in text_of(answer)


class TestRevoke:
    def test_asks_first(self, visitor):
        key = visitor.add_key(name="Laptop")
        path = f"{key.credential.identifier}/revoke/"
        assert "It has never been used." in text_of(visitor.get(path))
        Credential.objects.update(last_used_at=timezone.now())
        assert "It was last used:" in text_of(visitor.get(path))
        assert works(key.raw_secret)
        answer = visitor.send(path)
        assert (answer.status_code, answer["Location"]) == (302, PAGES)
        assert not works(key.raw_secret)
        event = AuditEvent.objects.get(event="credential.revoked")
        assert (event.actor, event.origin) == (visitor.user.get_username(), "127.0.0.1")


EACH = ["", "new/", "{id}/rotate/", "{id}/revoke/"]


class TestAccess:
    @pytest.mark.parametrize("path", EACH)
    def test_is_for_who_is_signed_in(self, path):
        answer = HttpsClient().get(PAGES + path.format(id="sk_live.x"))
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/?next=")

    @pytest.mark.parametrize("path", EACH)
    def test_is_for_who_has_a_grant(self, visitor, path):
        key = visitor.add_key()
        visitor.grant["organization"] = None
        answer = visitor.get(path.format(id=key.credential.identifier))
        assert answer.status_code == 403
        assert "Your account cannot have API keys." in text_of(answer)
        assert answer["Cache-Control"] == "no-store"

    @pytest.mark.parametrize("path", EACH)
    def test_is_not_for_an_organization_that_is_inactive(self, visitor, path):
        key = visitor.add_key()
        Organization.objects.update(is_active=False)
        answer = visitor.get(path.format(id=key.credential.identifier))
        assert answer.status_code == 403
        assert "Your organization is not active." in text_of(answer)

    def test_is_not_for_who_was_deactivated(self, visitor, settings):
        settings.AUTHENTICATION_BACKENDS = [
            "django.contrib.auth.backends.AllowAllUsersModelBackend"
        ]
        inactive = Visitor(visitor.grant, user=make_user(is_active=False))
        answer = inactive.get()
        assert answer.status_code == 403
        assert "This is not possible now." in text_of(answer)

    @pytest.mark.parametrize("path", EACH[2:])
    def test_to_another_users_key_is_as_to_none(self, visitor, path):
        foreign = visitor.add_key(owner=make_user())
        machine = visitor.add_key(owner=None)
        identifiers = [
            foreign.credential.identifier,
            machine.credential.identifier,
            *("sk_live.unknown", "%00", "x" * 100),
        ]
        for method in ("GET", "POST"):
            answers = [
                visitor.client.generic(method, PAGES + path.format(id=each)) for each in identifiers
            ]
            assert {each.status_code for each in answers} == {404}
            assert len({each.content for each in answers}) == 1
        assert works(foreign.raw_secret)
        assert works(machine.raw_secret)

    @pytest.mark.parametrize("path", EACH[2:])
    @pytest.mark.parametrize("values", [{"scopes": ["admin"]}, {"organization": "another"}])
    def test_to_a_key_beyond_the_grant_is_refused(self, visitor, path, values):
        if "organization" in values:
            values = {"organization": make_organization()}
        key = visitor.add_key(**values)
        for method in ("GET", "POST"):
            url = PAGES + path.format(id=key.credential.identifier)
            answer = visitor.client.generic(method, url)
            assert answer.status_code == 403
            assert "made by an administrator" in text_of(answer)
        assert works(key.raw_secret)

    @pytest.mark.parametrize("path", EACH[1:])
    def test_of_another_site_is_refused(self, visitor, path):
        key = visitor.add_key()
        strict = Visitor(visitor.grant, user=visitor.user, enforce_csrf_checks=True)
        url = path.format(id=key.credential.identifier)
        assert strict.send(url, label="x", expiry="latest", overlap="0").status_code == 403
        assert Credential.objects.count() == 1
        assert works(key.raw_secret)

    def test_of_another_site_is_refused_where_no_middleware_does_it(self, visitor, settings):
        settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if "csrf" not in each]
        strict = Visitor(visitor.grant, enforce_csrf_checks=True)
        assert strict.send("new/", label="x", expiry="latest").status_code == 403

    @pytest.mark.parametrize("path", EACH)
    def test_is_by_get_head_and_post_alone(self, visitor, path):
        allowed = {"GET", "HEAD"} if path == "" else {"GET", "HEAD", "POST"}
        url = PAGES + path.format(id=visitor.add_key().credential.identifier)
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
            answer = visitor.client.generic(method, url)
            assert (answer.status_code == 405) == (method not in allowed)

    def test_over_plain_http_is_refused(self, visitor, client):
        client.force_login(visitor.user)
        answer = client.get(PAGES)
        assert answer.status_code == 400
        assert "This page is served over https only." in text_of(answer)

    def test_is_limited_by_user_together_with_the_api(self, visitor, token_exchange_settings):
        token_exchange_settings(RATE_LIMITS={"self_service": "1/m"})
        path = f"{visitor.add_key().credential.identifier}/revoke/"
        visitor.client.get("/v1/user-api-keys")
        answer = visitor.send(path)
        assert answer.status_code == 429
        assert 0 < int(answer["Retry-After"]) <= 60
        assert "That was a lot at once." in text_of(answer)

    def test_is_unavailable_for_a_while_without_the_cache(
        self, visitor, settings, token_exchange_settings
    ):
        token_exchange_settings(RATE_LIMIT_FAIL_OPEN=False)
        path = f"{visitor.add_key().credential.identifier}/revoke/"
        settings.CACHES = {"default": {"BACKEND": f"{__name__}.UnavailableCache"}}
        answer = visitor.send(path)
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert answer["Cache-Control"] == "no-store"

    def test_has_a_name_for_each_page(self):
        assert reverse("token_exchange_self_service:rotate", args=["sk_live.x"]) == (
            f"{PAGES}sk_live.x/rotate/"
        )
