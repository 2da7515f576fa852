"""Django's history is written in English, whatever the operator's language."""

from __future__ import annotations

import struct

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone, translation

from tests.support.admin_urls import admin_url, credential_url
from tests.support.factories import make_api_key
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import SigningKey

pytestmark = pytest.mark.django_db

HEADER = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"
GERMAN = {
    "": HEADER,
    "Ended the overlap.": "Überlappung beendet.",
    "Removed.": "Entfernt.",
    "Replaced all keys.": "Alle Schlüssel ersetzt.",
    "Revoked.": "Widerrufen.",
    "Revoked: %s": "Widerrufen: %s",
    "Rotated: %s": "Rotiert: %s",
    "Rotate signing key": "Signaturschlüssel rotieren",
    "%d hour\0%d hours": "%d Stunde\0%d Stunden",
}


def compiled(catalog):
    """Return the catalog in the format of a .mo file."""
    pairs = [(key.encode(), text.encode()) for key, text in sorted(catalog.items())]
    end = 28 + 16 * len(pairs)
    tables, strings = b"", b""
    for column in range(2):
        for pair in pairs:
            tables += struct.pack("<2I", len(pair[column]), end + len(strings))
            strings += pair[column] + b"\0"
    numbers = (0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    return struct.pack("<7I", *numbers) + tables + strings


@pytest.fixture(autouse=True)
def _german(tmp_path, settings):
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.mo").write_bytes(compiled(GERMAN))
    settings.LOCALE_PATHS = [tmp_path]
    with translation.override("de"):
        yield


def message_of_the_only_entry():
    return LogEntry.objects.get().change_message


def test_rotation_is_recorded_in_english(operator):
    url = credential_url(make_api_key().credential, "rotate")
    assert "1 Stunde" in operator.get(url).text
    operator.send(url, overlap="3600")
    assert message_of_the_only_entry() == "Rotated: 1 hour"


def test_overlap_is_recorded_in_english(operator):
    credential = make_api_key().credential
    credentials.rotate(credential, act=Act(now=timezone.now()))
    operator.post(credential_url(credential, "end_overlap"))
    assert message_of_the_only_entry() == "Ended the overlap."


@pytest.mark.parametrize(("reason", "message"), [("", "Revoked."), ("lost", "Revoked: lost")])
def test_revocation_is_recorded_in_english(operator, reason, message):
    operator.send(credential_url(make_api_key().credential, "revoke"), reason=reason)
    assert message_of_the_only_entry() == message


def test_new_signing_keys_are_recorded_in_english(operator):
    url = admin_url("signingkey", "rotate")
    assert "Signaturschlüssel rotieren" in operator.get(url).text
    operator.send(url, all_new="on")
    assert message_of_the_only_entry() == "Replaced all keys."


def test_removed_signing_key_is_recorded_in_english(operator):
    operator.send(admin_url("signingkey", "remove", SigningKey.objects.get()))
    assert message_of_the_only_entry() == "Removed."
