"""An operator brings in the next signing key."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.db.models.signals import pre_save
from django.utils import timezone

from tests.admin.pages import page
from token_exchange import signing
from token_exchange.models import SigningKey

pytestmark = pytest.mark.django_db

LIST = page("signingkey", "changelist")
ROTATE = page("signingkey", "rotate")


def states():
    now = timezone.now()
    return [str(key.state(now=now)) for key in SigningKey.objects.order_by("sequence")]


class TestRotate:
    def test_has_a_button_on_the_list(self, desk):
        assert f'href="{ROTATE}"' in desk.get(LIST).text

    def test_says_first_what_will_happen(self, desk):
        text = desk.get(ROTATE).text
        assert "A new EdDSA key is published now" in text
        assert "every client must exchange again" in text
        assert states() == ["current"]

    def test_publishes_a_key_that_signs_later(self, desk):
        response = desk.send(ROTATE)
        assert response.url == LIST
        assert states() == ["current", "next"]
        key = SigningKey.objects.order_by("sequence").last()
        assert f"Key {key.kid} has been published." in desk.get(LIST).text
        entry = LogEntry.objects.get()
        assert (entry.action_flag, entry.user, entry.get_edited_object()) == (
            ADDITION,
            desk.user,
            key,
        )

    def test_replaces_all_keys_only_when_it_is_ticked(self, desk):
        desk.send(ROTATE, all_new="on")
        assert states() == ["gone", "current"]
        assert LogEntry.objects.get().change_message == "Replaced all keys."

    def test_says_why_it_cannot_yet_be_done_again(self, desk):
        signing.rotate_signing_key(now=timezone.now())
        desk.send(ROTATE)
        assert "rotate after that." in desk.get(LIST).text
        assert states() == ["current", "next"]
        assert LogEntry.objects.count() == 0

    def test_publishes_no_key_that_the_history_does_not_know(self, desk):
        def fail(**_):
            raise LookupError

        pre_save.connect(fail, sender=LogEntry)
        try:
            with pytest.raises(LookupError):
                desk.send(ROTATE, all_new="on")
        finally:
            pre_save.disconnect(fail, sender=LogEntry)
        assert states() == ["current"]

    @pytest.mark.django_db(transaction=True)
    def test_makes_the_process_read_the_keys_again_after_the_commit(
        self, desk, django_assert_num_queries
    ):
        before = signing.key_set()
        desk.send(ROTATE)
        with django_assert_num_queries(1):
            assert signing.key_set() is not before
        with django_assert_num_queries(0):
            signing.key_set()

    def test_can_be_neither_added_nor_changed_nor_deleted(self, desk):
        key = SigningKey.objects.get()
        assert desk.get(page("signingkey", "add")).status_code == 403
        for name in ("change", "delete"):
            assert desk.post(page("signingkey", name, key), {"post": "yes"}).status_code == 403
        assert states() == ["current"]
