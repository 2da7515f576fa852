"""System checks of the database, and the output of ``check``."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core import checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from tests.management.checks.conftest import ids
from tests.secrecy.flows import fail_at
from token_exchange.issuer import signing_keys
from token_exchange.issuer.credentials import Act
from token_exchange.management.checks import (
    check_algorithm,
    check_current_key,
    check_signing_keys,
)
from token_exchange.models import SigningKey


@pytest.mark.django_db
class TestSigningKeys:
    @pytest.fixture
    def key(self) -> SigningKey:
        return SigningKey.objects.get()

    def test_key_of_the_settings_algorithm_is_fine(self, key):
        assert check_signing_keys(None, databases=["default"]) == []

    def test_key_of_another_algorithm_is_w006(self, key, token_exchange_settings):
        token_exchange_settings(ALGORITHM="ES256")
        [message] = check_signing_keys(None, databases=["default"])
        assert ids([message]) == ["W006"]
        assert "signed with EdDSA" in message.msg
        assert "rotate_signing_key" in message.hint

    def test_next_key_of_the_settings_algorithm_is_fine(self, key, token_exchange_settings):
        token_exchange_settings(ALGORITHM="ES256")
        signing_keys.rotate_signing_key(act=Act(now=timezone.now()))
        assert check_signing_keys(None, databases=["default"]) == []

    def test_no_key_is_fine(self, key, token_exchange_settings):
        token_exchange_settings(ALGORITHM="ES256")
        key.delete()
        assert check_signing_keys(None, databases=["default"]) == []

    @pytest.mark.parametrize("databases", [None, [], ["other"]])
    def test_other_databases_are_not_checked(self, token_exchange_settings, databases):
        token_exchange_settings(ALGORITHM="ES256")
        assert check_signing_keys(None, databases=databases) == []

    def test_invalid_settings_stop_the_check(self, settings):
        settings.TOKEN_EXCHANGE = {}
        assert check_signing_keys(None, databases=["default"]) == []

    def test_missing_table_is_fine(self, token_exchange_settings):
        token_exchange_settings(ALGORITHM="ES256")
        name = SigningKey._meta.db_table
        with connection.cursor() as cursor:  # rolled back after the test
            cursor.execute(f'ALTER TABLE "{name}" RENAME TO "{name}_away"')
        assert check_signing_keys(None, databases=["default"]) == []

    def test_unreadable_key_is_w008_with_a_hint(self, settings):
        settings.SECRET_KEY = "another-environment" * 4
        [message] = check_signing_keys(None, databases=["default"])
        assert ids([message]) == ["W008"]
        assert "SECRET_KEY_FALLBACKS" in message.hint

    def test_current_and_next_keys_are_checked(self, key):
        waiting = signing_keys.rotate_signing_key(act=Act(now=timezone.now()))
        for unreadable in (key, waiting):
            SigningKey.objects.filter(pk=unreadable.pk).update(encrypted_private_key="nonsense")
            messages = check_signing_keys(None, databases=["default"])
            assert ids(messages) == ["W008"] * len(messages)
            assert unreadable.kid in messages[-1].msg
            assert f"remove_signing_key {unreadable.kid}" in messages[-1].hint
        assert len(messages) == 2

    def test_unreadable_retired_key_is_fine(self, key):
        SigningKey.objects.update(encrypted_private_key="nonsense", retires_at=timezone.now())
        assert check_signing_keys(None, databases=["default"]) == []

    def test_key_encrypted_with_an_older_secret_is_w009_until_reencryption(self, key, settings):
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new-" * 16, [settings.SECRET_KEY]
        [message] = check_signing_keys(None, databases=["default"])
        assert ids([message]) == ["W009"]
        assert "reencrypt_signing_keys" in message.hint
        signing_keys.reencrypt_signing_keys(now=timezone.now())
        assert check_signing_keys(None, databases=["default"]) == []


class TestAlgorithm:
    def test_each_can_sign_with_a_new_openssl(self, token_exchange_settings):
        for algorithm in ("RS256", "ES256", "EdDSA"):
            token_exchange_settings(ALGORITHM=algorithm)
            assert check_algorithm(None) == []

    def test_es256_with_an_old_openssl_is_e059(self, token_exchange_settings, old_openssl):
        token_exchange_settings(ALGORITHM="ES256")
        [message] = check_algorithm(None)
        assert (ids([message]), message.level) == (["E056"], checks.ERROR)
        assert "TOKEN_EXCHANGE['ALGORITHM'] = 'RS256'" in message.hint
        token_exchange_settings(ALGORITHM="RS256")
        assert check_algorithm(None) == []

    def test_invalid_settings_stop_the_check(self, settings):
        settings.TOKEN_EXCHANGE = {}
        assert check_algorithm(None) == []


@pytest.mark.django_db
class TestCurrentKey:
    def test_key_that_can_sign_is_fine(self):
        assert check_current_key(None) == []

    def test_no_key_is_e060(self):
        SigningKey.objects.all().delete()
        [message] = check_current_key(None)
        assert (ids([message]), message.level) == (["E057"], checks.ERROR)
        assert "rotate_signing_key" in message.hint

    def test_unreadable_key_is_e060(self, settings):
        settings.SECRET_KEY = "another-environment" * 4
        [message] = check_current_key(None)
        assert ids([message]) == ["E057"]
        assert "SECRET_KEY_FALLBACKS" in message.hint

    def test_key_that_cannot_sign_here_is_e060(self, token_exchange_settings, old_openssl):
        token_exchange_settings(ALGORITHM="ES256")
        signing_keys.rotate_signing_key(all_new=True, act=Act(now=timezone.now()))
        [message] = check_current_key(None)
        assert ids([message]) == ["E057"]
        assert "TOKEN_EXCHANGE['ALGORITHM'] = 'RS256'" in message.hint

    def test_database_that_cannot_be_read_is_fine(self):
        """Where an image is built, for example."""
        with connection.execute_wrapper(fail_at(0)):
            assert check_current_key(None) == []

    def test_invalid_settings_stop_the_check(self, settings):
        settings.TOKEN_EXCHANGE = {}
        assert check_current_key(None) == []

    def test_runs_with_deploy_only(self):
        SigningKey.objects.all().delete()
        call_command("check", stderr=StringIO())
        with pytest.raises(SystemCheckError, match=r"token_exchange\.E057"):
            call_command("check", deploy=True, stderr=StringIO())


@pytest.mark.django_db
class TestCommand:
    def test_deploy_prints_the_deployment_messages(self, token_exchange_settings):
        token_exchange_settings(ISSUER="http://issuer.test", REQUIRE_HTTPS=False)
        stderr = StringIO()
        call_command("check", deploy=True, stderr=stderr)
        assert "token_exchange.W002" in stderr.getvalue()
        assert "token_exchange.W003" in stderr.getvalue()

    def test_database_prints_the_database_messages(self, token_exchange_settings):
        token_exchange_settings(ALGORITHM="RS256")
        stderr = StringIO()
        call_command("check", databases=["default"], stderr=stderr)
        assert "token_exchange.W006" in stderr.getvalue()

    def test_errors_stop_the_command(self):
        with (
            override_settings(TOKEN_EXCHANGE={"ISSUER": "https://issuer.test", "TYPO": 1}),
            pytest.raises(SystemCheckError, match=r"token_exchange\.E001.*'TYPO'"),
        ):
            call_command("check", stderr=StringIO())
