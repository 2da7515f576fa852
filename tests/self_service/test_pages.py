"""The self-service pages: users list, create, rotate and revoke their own keys."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.core.cache.backends.base import BaseCache
from django.db import OperationalError, connection
from django.urls import reverse
from django.utils import timezone

from tests.self_service.conftest import PAGES, Visitor
from tests.support.clients import HttpsClient
from tests.support.factories import make_organization, make_user, works
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
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
    """Return the only secret on a page that must not be cached."""
    assert answer.status_code == 200, answer.content
    (found,) = set(SECRET.findall(answer.content.decode()))
    assert answer["Cache-Control"] == "no-store, private, max-age=0"
    return found


def text_of(answer):
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


class TestList:
    def test_list_shows_the_key_without_its_secret(self, visitor, settings):
        settings.X_FRAME_OPTIONS = "SAMEORIGIN"
        key = visitor.add_key(name="Laptop <b>", scopes=["reports:read"])
        Credential.objects.update(last_used_at=timezone.now(), last_used_from="192.0.2.7")
        answer = visitor.get()
        assert answer.status_code == 200
        assert answer["Cache-Control"] == "no-store, private, max-age=0"
        assert answer["X-Frame-Options"] == "DENY"
        text = text_of(answer)
        assert "Laptop &lt;b&gt;" in text
        assert f"{key.credential.identifier}…" in text
        assert "reports:read" in text
        assert "from 192.0.2.7" in text
        assert key.raw_secret.rpartition(".")[2] not in answer.content.decode()

    def test_empty_list_says_so(self, visitor):
        visitor.add_key(owner=make_user(), name="Another user's")
        assert "You don't have any API keys yet." in text_of(visitor.get())

    def test_only_active_keys_within_the_entitlement_have_buttons(self, visitor):
        own = visitor.add_key().credential
        more = visitor.add_key(scopes=["admin"]).credential
        ended = visitor.add_key().credential
        credentials.revoke(ended, act=Act(now=timezone.now()))
        html = visitor.get().content.decode()
        offered = set(re.findall(r'href="/account/keys/(sk_live\.\w+)/(\w+)/"', html))
        assert offered == {(own.identifier, "rotate"), (own.identifier, "revoke")}
        assert more.identifier in html
        assert ended.identifier in html

    def test_list_is_paginated(self, visitor):
        first = visitor.add_key(name="The oldest").credential
        for _ in range(100):
            visitor.add_key()
        html = visitor.get().content.decode()
        assert first.identifier not in html
        (older,) = re.findall(r'href="(\?after=[^"]+)"', html)
        assert "The oldest" in text_of(visitor.get(older))
        for after in ("unknown", "%00", ""):
            assert visitor.get(f"?after={after}").status_code == 400

    def test_unknown_charset_in_the_content_type_is_ignored(self, visitor):
        content_type = "application/x-www-form-urlencoded; charset=hex"
        assert visitor.client.generic("GET", f"{PAGES}?a=b", b"", content_type).status_code == 200


class TestNew:
    def test_form_creates_a_key_and_shows_it_once(self, visitor):
        with time_machine.travel(NOW, tick=False):
            visitor = Visitor(visitor.entitlement)
            answer = visitor.send("new/", label="Laptop", scopes=["reports:read"], expiry="30")
            raw_key = secret_in(answer)
            assert works(raw_key)
        curl = f"Authorization: ApiKey {raw_key}&#x27; https://issuer.test/v1/token"
        assert curl in answer.content.decode()
        key = Credential.objects.get()
        assert raw_key.startswith(f"{key.identifier}.")
        assert (key.name, key.scopes, key.owner) == ("Laptop", ["reports:read"], visitor.user)
        assert (key.organization, key.created_by) == (
            visitor.entitlement["organization"],
            visitor.user,
        )
        assert key.expires_at - key.created_at == timedelta(days=30)
        event = AuditEvent.objects.get(event="credential.issued")
        assert (event.actor, event.origin) == (visitor.user.get_username(), "127.0.0.1")
        assert raw_key not in visitor.get().content.decode()

    def test_same_form_creates_no_second_key(self, visitor):
        form = {**visitor.fill_in("new/"), "label": "Laptop", "expiry": "latest"}
        raw_key = secret_in(visitor.client.post(f"{PAGES}new/", form))
        again = visitor.client.post(f"{PAGES}new/", form)
        assert again.status_code == 409
        assert "You already submitted this form" in text_of(again)
        assert raw_key not in again.content.decode()
        assert Credential.objects.count() == 1

    @pytest.mark.parametrize("signed_identifier", [None, "", "x", "InNrX2xpdmUueCI:1:x"])
    def test_form_without_its_signed_identifier_is_out_of_date(self, visitor, signed_identifier):
        form = {"label": "Laptop", "expiry": "latest", "signed_identifier": signed_identifier}
        form = {name: value for name, value in form.items() if value is not None}
        answer = visitor.client.post(f"{PAGES}new/", form)
        assert "This form is out of date. Submit it again." in text_of(answer)
        assert not Credential.objects.exists()

    def test_form_of_another_user_is_refused(self, visitor):
        form = {**visitor.fill_in("new/"), "label": "Laptop", "expiry": "latest"}
        other = Visitor(visitor.entitlement)
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
    def test_invalid_values_are_explained(self, visitor, values, text):
        answer = visitor.send("new/", **{"label": "Laptop", "expiry": "latest", **values})
        assert text in text_of(answer)
        assert "<title>Error: New API key</title>" in answer.content.decode()
        assert not Credential.objects.exists()

    @pytest.mark.parametrize(
        ("max_lifetime", "offered", "chosen", "last"),
        [
            (None, ["7", "30", "90", "365", "latest"], "90", "Never"),
            (timedelta(days=89), ["7", "30", "latest"], "latest", "Latest allowed"),
            (HOUR, ["latest"], "latest", "Latest allowed (Jan. 1, 2030)"),
        ],
    )
    def test_expiries_within_the_entitlement_are_offered(
        self, visitor, max_lifetime, offered, chosen, last
    ):
        visitor.entitlement["max_lifetime"] = max_lifetime
        with time_machine.travel(NOW, tick=False):
            visitor = Visitor(visitor.entitlement)
            html = visitor.get("new/").content.decode()
        assert re.findall(r'<option value="(\w+)"', html) == offered
        assert re.findall(r'<option value="(\w+)" selected', html) == [chosen]
        assert last in html

    def test_scopes_of_the_entitlement_are_offered_with_their_labels(
        self, visitor, token_exchange_settings
    ):
        token_exchange_settings(SCOPES={"reports:read": "Read reports", "a": "A"})
        html = visitor.get("new/").content.decode()
        offered = re.findall(r'name="scopes" value="([^"]+)"', html)
        assert offered == ["keys:manage", "reports:read"]
        assert "Read reports <code>reports:read</code>" in html
        assert "checked" not in html

    def test_form_without_scopes_has_no_scope_field(self, visitor):
        visitor.entitlement["scopes"] = []
        assert "scopes" not in visitor.get("new/").content.decode()
        secret_in(visitor.send("new/", label="Laptop", expiry="latest"))

    def test_key_over_the_limit_is_refused(self, visitor):
        visitor.entitlement["max_keys"] = 1
        visitor.add_key()
        answer = visitor.send("new/", label="Laptop", expiry="latest")
        assert answer.status_code == 409
        assert (
            "You&#x27;ve reached the limit of 1 API key. Revoke it to create another."
            in text_of(answer)
        )


class TestRotate:
    def rotate(self, visitor, key, **values):
        return visitor.send(f"{key.credential.identifier}/rotate/", **values)

    def test_new_secret_is_shown_once(self, visitor):
        key = visitor.add_key()
        raw_key = secret_in(self.rotate(visitor, key, overlap="3600"))
        assert works(raw_key)
        assert works(key.raw_secret)
        assert not works(key.raw_secret, now=timezone.now() + HOUR)

    def test_without_overlap_the_old_secret_stops_immediately(self, visitor):
        key = visitor.add_key()
        answer = self.rotate(visitor, key, overlap="0")
        assert works(secret_in(answer))
        assert not works(key.raw_secret)
        assert "The old secret works until" not in text_of(answer)

    def test_leaked_key_loses_its_old_secret_and_its_tokens(self, visitor):
        key = visitor.add_key()
        credentials.rotate(key.credential, act=Act(now=timezone.now()))
        html = visitor.get(f"{key.credential.identifier}/rotate/").content.decode()
        assert re.findall(r'name="overlap" value="(\w+)"', html) == ["compromised"]
        assert works(secret_in(self.rotate(visitor, key, overlap="compromised")))
        assert not works(key.raw_secret)
        assert Credential.objects.get().generation == 2

    def test_same_form_does_not_rotate_twice(self, visitor):
        key = visitor.add_key()
        path = f"{key.credential.identifier}/rotate/"
        form = {**visitor.fill_in(path), "overlap": "0"}
        raw_key = secret_in(visitor.client.post(PAGES + path, form))
        again = visitor.client.post(PAGES + path, form)
        assert again.status_code == 409
        assert "This key was rotated after you opened the page." in text_of(again)
        assert works(raw_key)

    @pytest.mark.parametrize("version", ["", "x", "0"])
    def test_form_without_its_version_is_refused(self, visitor, version):
        key = visitor.add_key()
        answer = self.rotate(visitor, key, overlap="0", version=version)
        assert "<title>Error: Rotate API key</title>" in answer.content.decode()
        assert works(key.raw_secret)

    def test_overlaps_are_in_hours_or_days_with_their_end(self, visitor):
        key = visitor.add_key().credential
        text = text_of(visitor.get(f"{key.identifier}/rotate/"))
        for each in ("1 hour", "1 day", "7 days"):
            assert f"Keep for {each} (until " in text

    def test_overlap_over_the_maximum_is_not_offered(self, visitor, token_exchange_settings):
        token_exchange_settings(MAX_OVERLAP=86_400)
        key = visitor.add_key().credential
        html = visitor.get(f"{key.identifier}/rotate/").content.decode()
        offered = re.findall(r'name="overlap" value="(\w+)"', html)
        assert offered == ["0", "3600", "86400", "compromised"]

    def test_revoked_key_is_refused(self, visitor):
        key = visitor.add_key()
        credentials.revoke(key.credential, act=Act(now=timezone.now()))
        answer = visitor.get(f"{key.credential.identifier}/rotate/")
        assert answer.status_code == 409
        assert "This key has expired or was revoked." in text_of(answer)


class TestRevoke:
    def test_key_is_revoked_after_confirmation(self, visitor):
        key = visitor.add_key(name="Laptop")
        path = f"{key.credential.identifier}/revoke/"
        assert "This key has never been used." in text_of(visitor.get(path))
        Credential.objects.update(last_used_at=timezone.now())
        assert "Last used:" in text_of(visitor.get(path))
        assert works(key.raw_secret)
        answer = visitor.send(path)
        assert (answer.status_code, answer["Location"]) == (302, PAGES)
        assert not works(key.raw_secret)
        event = AuditEvent.objects.get(event="credential.revoked")
        assert (event.actor, event.origin) == (visitor.user.get_username(), "127.0.0.1")


EACH = ["", "new/", "{id}/rotate/", "{id}/revoke/"]


class TestAccess:
    @pytest.mark.parametrize("path", EACH)
    def test_page_needs_a_signed_in_user(self, path):
        answer = HttpsClient().get(PAGES + path.format(id="sk_live.x"))
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/?next=")

    @pytest.mark.parametrize("path", EACH)
    def test_page_needs_an_entitlement(self, visitor, path):
        key = visitor.add_key()
        visitor.entitlement["organization"] = None
        answer = visitor.get(path.format(id=key.credential.identifier))
        assert answer.status_code == 403
        assert "Your account can&#x27;t create API keys." in text_of(answer)
        assert answer["Cache-Control"] == "no-store, private, max-age=0"

    @pytest.mark.parametrize("path", EACH)
    def test_inactive_organization_is_refused(self, visitor, path):
        key = visitor.add_key()
        Organization.objects.update(is_active=False)
        answer = visitor.get(path.format(id=key.credential.identifier))
        assert answer.status_code == 403
        assert "Your organization is inactive" in text_of(answer)

    def test_deactivated_user_is_refused(self, visitor, settings):
        settings.AUTHENTICATION_BACKENDS = [
            "django.contrib.auth.backends.AllowAllUsersModelBackend"
        ]
        inactive = Visitor(visitor.entitlement, user=make_user(is_active=False))
        answer = inactive.get()
        assert answer.status_code == 403
        assert "Your account is inactive." in text_of(answer)

    @pytest.mark.parametrize("path", EACH[2:])
    def test_another_users_key_looks_like_an_unknown_one(self, visitor, path):
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
    def test_key_beyond_the_entitlement_is_refused(self, visitor, path, values):
        if "organization" in values:
            values = {"organization": make_organization()}
        key = visitor.add_key(**values)
        for method in ("GET", "POST"):
            url = PAGES + path.format(id=key.credential.identifier)
            answer = visitor.client.generic(method, url)
            assert answer.status_code == 403
            assert "This key has more access than you can manage." in text_of(answer)
        assert works(key.raw_secret)

    @pytest.mark.parametrize("path", EACH[1:])
    def test_cross_site_form_is_refused(self, visitor, path):
        key = visitor.add_key()
        strict = Visitor(visitor.entitlement, user=visitor.user, enforce_csrf_checks=True)
        url = path.format(id=key.credential.identifier)
        assert strict.send(url, label="x", expiry="latest", overlap="0").status_code == 403
        assert Credential.objects.count() == 1
        assert works(key.raw_secret)

    def test_cross_site_form_is_refused_without_csrf_middleware(self, visitor, settings):
        settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if "csrf" not in each]
        strict = Visitor(visitor.entitlement, enforce_csrf_checks=True)
        assert strict.send("new/", label="x", expiry="latest").status_code == 403

    @pytest.mark.parametrize("path", EACH)
    def test_other_methods_are_refused(self, visitor, path):
        allowed = {"GET", "HEAD"} if path == "" else {"GET", "HEAD", "POST"}
        url = PAGES + path.format(id=visitor.add_key().credential.identifier)
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
            answer = visitor.client.generic(method, url)
            assert (answer.status_code == 405) == (method not in allowed)

    def test_plain_http_is_refused(self, visitor, client):
        client.force_login(visitor.user)
        answer = client.get(PAGES)
        assert answer.status_code == 400
        assert "This page is only available over HTTPS." in text_of(answer)

    @pytest.mark.usefixtures("still_clock")
    def test_rate_limit_is_shared_with_the_api(self, visitor, token_exchange_settings):
        token_exchange_settings(RATE_LIMITS={"self_service": "1/m"})
        path = f"{visitor.add_key().credential.identifier}/revoke/"
        visitor.client.get("/v1/user-api-keys")
        answer = visitor.send(path)
        assert answer.status_code == 429
        assert 0 < int(answer["Retry-After"]) <= 60
        assert "Try again in a minute." in text_of(answer)

    def test_is_unavailable_for_a_while_without_the_cache(
        self, visitor, settings, token_exchange_settings
    ):
        token_exchange_settings(RATE_LIMIT_FAIL_OPEN=False)
        path = f"{visitor.add_key().credential.identifier}/revoke/"
        settings.CACHES = {"default": {"BACKEND": f"{__name__}.UnavailableCache"}}
        answer = visitor.send(path)
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert answer["Cache-Control"] == "no-store, private, max-age=0"

    def test_pages_have_url_names(self):
        assert reverse("token_exchange_self_service:rotate", args=["sk_live.x"]) == (
            f"{PAGES}sk_live.x/rotate/"
        )


class TestLockedDatabase:
    def test_page_answers_503_and_nothing_is_changed(self, visitor, caplog):
        key = visitor.add_key().credential

        def give_up(execute, sql, *arguments):
            if sql.startswith("UPDATE") and "revocationfeed" in sql:
                raise OperationalError("canceling statement due to lock timeout")
            return execute(sql, *arguments)

        with connection.execute_wrapper(give_up):
            answer = visitor.send(f"{key.identifier}/revoke/")
        assert answer.status_code == 503
        assert int(answer["Retry-After"]) > 0
        key.refresh_from_db()
        assert key.revoked_at is None
        events = [getattr(each, "event", "") for each in caplog.records]
        assert events.count("self_service.failed") == 1
