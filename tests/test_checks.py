"""System checks: each dangerous value is found, under a name that does not change."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core import checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from tests.conf.values import BAD_VALUES, FIELDS
from tests.processes import environment, run_python
from token_exchange import signing
from token_exchange.checks import check_deployment, check_settings, check_signing_keys
from token_exchange.models import SigningKey, organization

SHARED_CACHE = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}}
not_a_callable = "a verifier must be one"


def ids(messages: list[checks.CheckMessage]) -> list[str]:
    return [message.id.removeprefix("token_exchange.") for message in messages]


@pytest.fixture
def production(settings: Any) -> Any:
    """Settings with which a deployment is safe."""
    settings.CACHES = SHARED_CACHE
    return settings


class TestSettings:
    def test_nothing_to_say_about_good_settings(self):
        assert check_settings(None) == []

    @pytest.mark.parametrize("key", sorted(FIELDS))
    def test_each_setting_has_its_id(self, token_exchange_settings, key):
        token_exchange_settings(**{key: BAD_VALUES[key][-1]})
        [message] = check_settings(None)
        assert message.id == f"token_exchange.{FIELDS[key].metadata['check_id']}"
        assert message.level == checks.ERROR
        assert key in message.msg

    def test_unknown_key(self, token_exchange_settings):
        token_exchange_settings(ALGORITM="RS256")
        assert ids(check_settings(None)) == ["E001"]

    def test_no_dictionary(self, settings):
        del settings.TOKEN_EXCHANGE
        assert ids(check_settings(None)) == ["E001"]
        assert check_deployment(None) == []

    def test_no_issuer(self, settings):
        settings.TOKEN_EXCHANGE = {}
        assert ids(check_settings(None)) == ["E002"]

    def test_all_problems_at_once(self, token_exchange_settings):
        token_exchange_settings(ISSUER="", ALGORITHM="none", RATE_LIMITS={"token": "5/w"})
        assert ids(check_settings(None)) == ["E002", "E004", "E018"]

    @pytest.mark.parametrize(
        "path", ["nowhere.verify", "token_exchange.exchange.nothing", "tests.test_checks."]
    )
    def test_verifier_that_is_not_there(self, token_exchange_settings, path):
        token_exchange_settings(VERIFIER=path)
        [message] = check_settings(None)
        assert ids([message]) == ["E024"]
        assert "cannot be imported" in message.msg

    def test_verifier_that_cannot_be_called(self, token_exchange_settings):
        token_exchange_settings(VERIFIER=f"{__name__}.not_a_callable")
        [message] = check_settings(None)
        assert ids([message]) == ["E024"]
        assert "not callable" in message.msg

    @pytest.mark.parametrize("field", ["slog", "pk", "token_exchange_credentials", "slug__iexact"])
    def test_lookup_field_that_is_no_column(self, token_exchange_settings, field):
        token_exchange_settings(ORGANIZATION_LOOKUP_FIELD=field)
        assert ids(check_settings(None)) == ["E016"]

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("API_KEY_PREFIX", "CLIENT_ID_PREFIX"),
            ("API_KEY_PREFIX", "CLIENT_SECRET_PREFIX"),
            ("CLIENT_ID_PREFIX", "CLIENT_SECRET_PREFIX"),
        ],
    )
    def test_equal_prefixes(self, token_exchange_settings, one, other):
        token_exchange_settings(**{one: "same", other: "same"})
        assert ids(check_settings(None)) == ["E032"]

    def test_default_overlap_over_the_maximum(self, token_exchange_settings):
        token_exchange_settings(DEFAULT_OVERLAP=61, MAX_OVERLAP=60)
        [message] = check_settings(None)
        assert (ids([message]), message.level) == (["W001"], checks.WARNING)
        token_exchange_settings(DEFAULT_OVERLAP=60, MAX_OVERLAP=60)
        assert check_settings(None) == []


class TestModels:
    def test_user_model_without_is_active(self, settings):
        settings.AUTH_USER_MODEL = "auth.Group"
        assert ids(check_settings(None)) == ["E031"]

    def test_tenant_without_policy(self, monkeypatch):
        monkeypatch.setattr(organization, "ORGANIZATION_MODEL", "auth.Group")
        assert ids(check_settings(None)) == ["E030", "E016"]

    def test_tenant_that_does_not_exist_is_left_to_django(self, monkeypatch):
        monkeypatch.setattr(organization, "ORGANIZATION_MODEL", "nowhere.Tenant")
        assert check_settings(None) == []

    @pytest.mark.processes
    @pytest.mark.parametrize(
        ("model", "found"),
        [
            ("auth.Group", ["token_exchange.E030", "token_exchange.E016"]),
            ("nowhere.Tenant", ["fields.E300", "fields.E307"]),
        ],
    )
    def test_in_a_project_of_its_own(self, tmp_path, model, found):
        """The model is read at import, so only another process can name another one."""
        (tmp_path / "swapped_settings.py").write_text(
            "SECRET_KEY = 'x'\n"
            "TOKEN_EXCHANGE = {'ISSUER': 'https://issuer.test'}\n"
            f"TOKEN_EXCHANGE_ORGANIZATION_MODEL = {model!r}\n"
            "INSTALLED_APPS = ['django.contrib.auth', 'django.contrib.contenttypes']\n"
            "INSTALLED_APPS += ['token_exchange']\n"
        )
        project = environment(tmp_path, DJANGO_SETTINGS_MODULE="swapped_settings")
        finished = run_python("-m", "django", "check", env=project)
        assert finished.returncode == 1
        assert "Traceback" not in finished.stderr
        for each in found:
            assert f"({each})" in finished.stderr


class TestDeployment:
    def test_nothing_to_say_about_a_safe_one(self, production):
        assert check_deployment(None) == []

    def test_issuer_over_plain_http(self, production, token_exchange_settings):
        token_exchange_settings(ISSUER="http://issuer.test")
        assert ids(check_deployment(None)) == ["W002"]

    def test_plain_http(self, production, token_exchange_settings):
        token_exchange_settings(REQUIRE_HTTPS=False)
        assert ids(check_deployment(None)) == ["W003"]

    def test_plain_http_because_of_debug(self, production):
        production.DEBUG = True
        assert ids(check_deployment(None)) == ["W003"]

    @pytest.mark.parametrize("rates", [None, {"token": None, "auth_token": None, "failure": None}])
    def test_no_rate_limits(self, production, token_exchange_settings, rates):
        token_exchange_settings(RATE_LIMITS=rates)
        assert ids(check_deployment(None)) == ["W004"]

    def test_rate_limits_that_the_library_ignores(self, production):
        production.RATELIMIT_ENABLE = False
        assert ids(check_deployment(None)) == ["W004"]

    @pytest.mark.parametrize(
        "backend",
        [
            "django.core.cache.backends.locmem.LocMemCache",
            "django.core.cache.backends.dummy.DummyCache",
            "django.core.cache.backends.db.DatabaseCache",
            "django.core.cache.backends.filebased.FileBasedCache",
        ],
    )
    def test_cache_that_does_not_count_for_all(self, production, backend):
        production.CACHES = {"default": {"BACKEND": backend}}
        assert ids(check_deployment(None)) == ["W005"]

    def test_cache_of_the_counters_decides(self, production):
        local = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
        production.CACHES = {**SHARED_CACHE, "local": local}
        assert check_deployment(None) == []
        production.RATELIMIT_USE_CACHE = "local"
        assert ids(check_deployment(None)) == ["W005"]
        production.RATELIMIT_USE_CACHE = "nowhere"
        assert ids(check_deployment(None)) == ["W005"]

    @pytest.mark.parametrize(
        "key", ["django-insecure-" + "k3y-" * 20, "short", "ab" * 40, b"short"]
    )
    def test_insecure_secret_key(self, production, key):
        production.SECRET_KEY = key
        [message] = check_deployment(None)
        assert (ids([message]), message.level) == (["E033"], checks.ERROR)
        assert str(key) not in f"{message.msg}{message.hint}"

    def test_secret_key_that_encrypts_nothing(self, production, token_exchange_settings):
        token_exchange_settings(SIGNING_KEY_ENCRYPTION_KEYS=["k3y-of-its-own-" * 4])
        production.SECRET_KEY = "short"
        assert check_deployment(None) == []


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
        signing.rotate_signing_key(now=timezone.now())
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


class TestProject:
    def test_times_without_a_zone(self, settings):
        settings.USE_TZ = False
        assert ids(check_settings(None)) == ["E034"]

    def test_models_that_refer_to_an_organization_without_a_name(self, settings):
        """Django could not write their migrations."""
        del settings.TOKEN_EXCHANGE_ORGANIZATION_MODEL
        [message] = check_settings(None)
        assert ids([message]) == ["E035"]
        assert "reports.Report" in message.msg
        assert "token_exchange.Organization" in message.hint


class TestMissingRates:
    @pytest.mark.parametrize("name", ["token", "auth_token", "failure"])
    def test_each_is_named(self, production, token_exchange_settings, name):
        token_exchange_settings(RATE_LIMITS={name: None})
        [message] = check_deployment(None)
        assert ids([message]) == ["W004"]
        assert f"for {name}." in message.msg


class TestProxies:
    def test_that_hide_the_clients(self, production):
        production.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        assert ids(check_deployment(None)) == ["W007"]

    def test_that_are_counted(self, production, token_exchange_settings):
        production.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        token_exchange_settings(NUM_PROXIES=1)
        assert check_deployment(None) == []


@pytest.mark.django_db
class TestUnreadableKey:
    def test_is_told_with_its_mend(self, settings):
        settings.SECRET_KEY = "another-environment" * 4
        [message] = check_signing_keys(None, databases=["default"])
        assert ids([message]) == ["W008"]
        assert "SECRET_KEY_FALLBACKS" in message.hint
