"""Rotating and removing signing keys in the admin."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.db.models.signals import post_init, pre_save
from django.utils import timezone

from tests.support.admin_urls import admin_url
from tests.support.factories import make_token, make_tokens
from token_exchange.admin import signing_keys as signing_keys_admin
from token_exchange.issuer import signing_keys
from token_exchange.issuer.credentials import Act
from token_exchange.models import SigningKey

pytestmark = pytest.mark.django_db

LIST = admin_url("signingkey", "changelist")
ROTATE = admin_url("signingkey", "rotate")


def states():
    now = timezone.now()
    return [str(key.state(now=now)) for key in SigningKey.objects.order_by("sequence")]


class TestRotate:
    def test_has_a_button_on_the_list(self, operator):
        assert f'href="{ROTATE}"' in operator.get(LIST).text

    def test_says_first_what_will_happen(self, operator):
        text = operator.get(ROTATE).text
        assert "This publishes a new EdDSA key." in text
        assert "Every client needs to exchange again" in text
        assert states() == ["current"]

    def test_publishes_a_key_that_signs_later(self, operator):
        response = operator.send(ROTATE)
        assert response.url == LIST
        assert states() == ["current", "next"]
        key = SigningKey.objects.order_by("sequence").last()
        assert f"Key {key.kid} published." in operator.get(LIST).text
        entry = LogEntry.objects.get()
        assert (entry.action_flag, entry.user, entry.get_edited_object()) == (
            ADDITION,
            operator.user,
            key,
        )

    def test_replaces_all_keys_only_when_it_is_ticked(self, operator):
        operator.send(ROTATE, all_new="on")
        assert states() == ["gone", "current"]
        assert LogEntry.objects.get().change_message == "Replaced all keys."

    def test_says_why_it_cannot_yet_be_done_again(self, operator):
        signing_keys.rotate_signing_key(act=Act(now=timezone.now()))
        operator.send(ROTATE)
        assert "rotate after that." in operator.get(LIST).text
        assert states() == ["current", "next"]
        assert LogEntry.objects.count() == 0

    def test_publishes_no_key_that_the_history_does_not_know(self, operator):
        def fail(**_):
            raise LookupError

        pre_save.connect(fail, sender=LogEntry)
        try:
            with pytest.raises(LookupError):
                operator.send(ROTATE, all_new="on")
        finally:
            pre_save.disconnect(fail, sender=LogEntry)
        assert states() == ["current"]

    @pytest.mark.django_db(transaction=True)
    def test_makes_the_process_read_the_keys_again_after_the_commit(
        self, operator, django_assert_num_queries
    ):
        before = signing_keys.key_set()
        operator.send(ROTATE)
        with django_assert_num_queries(2):
            assert signing_keys.key_set() is not before
        with django_assert_num_queries(0):
            signing_keys.key_set()

    def test_can_be_neither_added_nor_changed_nor_deleted(self, operator):
        key = SigningKey.objects.get()
        assert operator.get(admin_url("signingkey", "add")).status_code == 403
        for name in ("change", "delete"):
            assert (
                operator.post(admin_url("signingkey", name, key), {"post": "yes"}).status_code
                == 403
            )
        assert states() == ["current"]


class TestRemove:
    @pytest.fixture
    def key(self):
        return SigningKey.objects.get()

    def test_has_a_button_on_the_key(self, operator, key):
        url = admin_url("signingkey", "remove", key)
        assert f'href="{url}"' in operator.get(admin_url("signingkey", "change", key)).text

    def test_says_first_what_will_stop(self, operator, key):
        make_tokens(None, None)
        make_token(expires_at=timezone.now())
        text = operator.get(admin_url("signingkey", "remove", key)).text
        assert f"<code>{key.kid}</code>" in text
        assert "<td>2</td>" in text
        assert "A new key is published and starts signing immediately." in text
        assert "Clients whose tokens stop working need to exchange again." in text
        assert "may trust it for up to 5 minutes" in text
        assert states() == ["current"]

    def test_does_not_count_tokens_without_end(self, operator, key, monkeypatch):
        monkeypatch.setattr(signing_keys_admin, "COUNT_LIMIT", 1)
        make_token()
        assert "<td>1</td>" in operator.get(admin_url("signingkey", "remove", key)).text
        make_token()
        assert "<td>more than 1</td>" in operator.get(admin_url("signingkey", "remove", key)).text

    def test_says_what_signs_then(self, operator, key):
        new = signing_keys.rotate_signing_key(act=Act(now=timezone.now()))
        text = operator.get(admin_url("signingkey", "remove", key)).text
        assert "The next key, which is already published, starts signing immediately." in text
        text = operator.get(admin_url("signingkey", "remove", new)).text
        assert "It isn't in use yet; the current key keeps signing." in text
        SigningKey.objects.update(activates_at=timezone.now(), retires_at=timezone.now())
        text = operator.get(admin_url("signingkey", "remove", key)).text
        assert "It no longer signs tokens, so the other keys don't change." in text
        assert "exchange again" not in text

    def test_removes_it_and_says_what_signs(self, operator, key):
        response = operator.send(admin_url("signingkey", "remove", key))
        assert response.url == admin_url("signingkey", "change", key)
        assert states() == ["gone", "current"]
        new = SigningKey.objects.get(sequence=2)
        text = operator.get(response.url).text
        assert f"Key removed. Tokens are now signed with key {new.kid}." in text
        assert admin_url("signingkey", "remove", key) not in text
        entry = LogEntry.objects.get()
        assert (entry.action_flag, entry.user, entry.get_edited_object()) == (
            CHANGE,
            operator.user,
            key,
        )
        assert entry.change_message == "Removed."

    def test_says_that_it_is_gone_already(self, operator, key):
        url = admin_url("signingkey", "remove", key)
        operator.send(url)
        for ask in (operator.get, operator.post):
            response = ask(url, {"confirmed": "yes"})
            assert response.url == admin_url("signingkey", "change", key)
            assert "This key is already gone." in operator.get(response.url).text
        assert states() == ["gone", "current"]
        assert LogEntry.objects.count() == 1

    def test_reports_a_conflict_if_someone_else_was_faster(self, operator, key):
        def be_faster(*, instance, **_):
            post_init.disconnect(be_faster, sender=SigningKey)
            signing_keys.remove_signing_key(key.kid, act=Act(now=timezone.now()))

        post_init.connect(be_faster, sender=SigningKey)
        try:
            response = operator.post(admin_url("signingkey", "remove", key), {"confirmed": "yes"})
        finally:
            post_init.disconnect(be_faster, sender=SigningKey)
        assert "No published key has this id" in operator.get(response.url).text
        assert states() == ["gone", "current"]
        assert LogEntry.objects.count() == 0
