"""What a database is checked for, and how the command of Django tells what is found."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from tests.management.checks.conftest import ids
from token_exchange.issuer import signing_keys
from token_exchange.issuer.credentials import Act
from token_exchange.management.checks import check_signing_keys
from token_exchange.models import SigningKey


@pytest.mark.django_db
class TestSigningKeys:
    @pytest.fixture
    def key(self) -> SigningKey:
        return SigningKey.objects.get()

    def test_key_of_the_settings_algorithm(self, key):
        assert check_signing_keys(None, databases=["default"]) == []

    def test_key_of_another_algorithm(self, key, token_exchange_settings):
        token_exchange_settings(ALGORITHM="ES256")
        [message] = check_signing_keys(None, databases=["default"])
        assert ids([message]) == ["W006"]
        assert "signed with EdDSA" in message.msg
        assert "rotate_signing_key" in message.hint

    def test_next_key_is_as_it_should_be(self, key, token_exchange_settings):
        token_exchange_settings(ALGORITHM="ES256")
        signing_keys.rotate_signing_key(act=Act(now=timezone.now()))
        assert check_signing_keys(None, databases=["default"]) == []

    def test_no_key_at_all(self, key, token_exchange_settings):
        token_exchange_settings(ALGORITHM="ES256")
        key.delete()
        assert check_signing_keys(None, databases=["default"]) == []

    @pytest.mark.parametrize("databases", [None, [], ["other"]])
    def test_database_that_was_not_asked_about(self, token_exchange_settings, databases):
        token_exchange_settings(ALGORITHM="ES256")
        assert check_signing_keys(None, databases=databases) == []

    def test_settings_that_cannot_be_read(self, settings):
        settings.TOKEN_EXCHANGE = {}
        assert check_signing_keys(None, databases=["default"]) == []

    def test_table_that_is_not_there_yet(self, token_exchange_settings):
        token_exchange_settings(ALGORITHM="ES256")
        name = SigningKey._meta.db_table
        with connection.cursor() as cursor:  # the end of the test rolls it back
            cursor.execute(f'ALTER TABLE "{name}" RENAME TO "{name}_away"')
        assert check_signing_keys(None, databases=["default"]) == []

    def test_unreadable_key_is_told_with_its_mend(self, settings):
        settings.SECRET_KEY = "another-environment" * 4
        [message] = check_signing_keys(None, databases=["default"])
        assert ids([message]) == ["W008"]
        assert "SECRET_KEY_FALLBACKS" in message.hint

    def test_each_that_signs_or_will_is_looked_at(self, key):
        waiting = signing_keys.rotate_signing_key(act=Act(now=timezone.now()))
        for unreadable in (key, waiting):
            SigningKey.objects.filter(pk=unreadable.pk).update(encrypted_private_key="nonsense")
            messages = check_signing_keys(None, databases=["default"])
            assert ids(messages) == ["W008"] * len(messages)
            assert unreadable.kid in messages[-1].msg
            assert f"remove_signing_key {unreadable.kid}" in messages[-1].hint
        assert len(messages) == 2

    def test_retired_key_that_is_unreadable_stops_nothing(self, key):
        SigningKey.objects.update(encrypted_private_key="nonsense", retires_at=timezone.now())
        assert check_signing_keys(None, databases=["default"]) == []

    def test_key_that_an_older_secret_encrypted_is_told_of_until_it_is_encrypted_anew(
        self, key, settings
    ):
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new-" * 16, [settings.SECRET_KEY]
        [message] = check_signing_keys(None, databases=["default"])
        assert ids([message]) == ["W009"]
        assert "reencrypt_signing_keys" in message.hint
        signing_keys.reencrypt_signing_keys(now=timezone.now())
        assert check_signing_keys(None, databases=["default"]) == []


@pytest.mark.django_db
class TestCommand:
    def test_deploy_prints_them(self, token_exchange_settings):
        token_exchange_settings(ISSUER="http://issuer.test", REQUIRE_HTTPS=False)
        stderr = StringIO()
        call_command("check", deploy=True, stderr=stderr)
        assert "token_exchange.W002" in stderr.getvalue()
        assert "token_exchange.W003" in stderr.getvalue()

    def test_database_prints_them(self, token_exchange_settings):
        token_exchange_settings(ALGORITHM="RS256")
        stderr = StringIO()
        call_command("check", databases=["default"], stderr=stderr)
        assert "token_exchange.W006" in stderr.getvalue()

    def test_errors_stop_it(self):
        with (
            override_settings(TOKEN_EXCHANGE={"ISSUER": "https://issuer.test", "TYPO": 1}),
            pytest.raises(SystemCheckError, match=r"token_exchange\.E001.*'TYPO'"),
        ):
            call_command("check", stderr=StringIO())
