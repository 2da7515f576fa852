"""System checks of the settings, with their stable IDs."""

from __future__ import annotations

import pytest
from django.core import checks
from django.db.models import Manager

from tests.conf.values import BAD_VALUES, FIELDS
from tests.management.checks.conftest import ids
from tests.support.subprocesses import environment, run_python
from token_exchange.management.checks import check_deployment, check_settings
from token_exchange.models import organization

not_a_callable = "a string"
CALLABLES = [
    ("VERIFIER", "E024"),
    ("WARNING_RECIPIENTS", "E048"),
    ("SELF_SERVICE_ENTITLEMENT", "E049"),
    ("OPERATOR_ORGANIZATIONS", "E050"),
    ("SCHEMA_NAME", "E051"),
]


class TestSettings:
    def test_good_settings_have_no_messages(self):
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

    def test_missing_dictionary(self, settings):
        del settings.TOKEN_EXCHANGE
        assert ids(check_settings(None)) == ["E001"]
        assert check_deployment(None) == []

    def test_missing_issuer(self, settings):
        settings.TOKEN_EXCHANGE = {}
        assert ids(check_settings(None)) == ["E002"]

    def test_all_problems_are_reported(self, token_exchange_settings):
        token_exchange_settings(ISSUER="", ALGORITHM="none", RATE_LIMITS={"token": "5/w"})
        assert ids(check_settings(None)) == ["E002", "E004", "E018"]

    @pytest.mark.parametrize(("key", "check_id"), CALLABLES)
    @pytest.mark.parametrize(
        "path",
        [
            "nowhere.verify",
            "token_exchange.issuer.tokens.issuance.nothing",
            "tests.management.checks.test_settings.",
        ],
    )
    def test_missing_callable(self, token_exchange_settings, path, key, check_id):
        token_exchange_settings(**{key: path})
        [message] = check_settings(None)
        assert ids([message]) == [check_id]
        assert f"['{key}'] cannot be imported" in message.msg

    @pytest.mark.parametrize(("key", "check_id"), CALLABLES)
    def test_object_that_is_not_callable(self, token_exchange_settings, key, check_id):
        token_exchange_settings(**{key: f"{__name__}.not_a_callable"})
        [message] = check_settings(None)
        assert ids([message]) == [check_id]
        assert f"['{key}'] is not callable" in message.msg

    @pytest.mark.parametrize(("key", "_"), CALLABLES)
    def test_callable_is_fine(self, token_exchange_settings, key, _):
        token_exchange_settings(**{key: "tests.support.factories.make_user"})
        assert check_settings(None) == []

    def test_resource_server_with_our_tables(self, token_exchange_settings):
        token_exchange_settings(MODE="resource-server", REVOCATIONS_API_KEY="sk_live.x")
        [message] = check_settings(None)
        assert ids([message]) == ["E028"]
        assert "INSTALLED_APPS" in message.msg

    @pytest.mark.parametrize("field", ["slog", "pk", "token_exchange_credentials", "slug__iexact"])
    def test_lookup_field_that_is_not_a_column(self, token_exchange_settings, field):
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
    def test_wrong_model_in_another_project(self, tmp_path, model, found):
        """The model is read at import, so this needs another process."""
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


class TestProject:
    def test_use_tz_off(self, settings):
        settings.USE_TZ = False
        assert ids(check_settings(None)) == ["E034"]

    def test_models_that_refer_to_an_organization_without_the_setting(self, settings):
        """Django could not create their migrations."""
        del settings.TOKEN_EXCHANGE_ORGANIZATION_MODEL
        [message] = check_settings(None)
        assert ids([message]) == ["E035"]
        assert "reports.Report" in message.msg
        assert "token_exchange.Organization" in message.hint


class TestManagers:
    """The managers that show users and organizations."""

    @pytest.mark.parametrize(
        ("key", "check_id"), [("USER_MANAGER", "E054"), ("ORGANIZATION_MANAGER", "E055")]
    )
    @pytest.mark.parametrize("name", ["nothing", "pk", "is_active"])
    def test_name_of_no_manager(self, token_exchange_settings, key, check_id, name):
        token_exchange_settings(**{key: name})
        [message] = check_settings(None)
        assert ids([message]) == [check_id]
        assert message.level == checks.ERROR
        assert f"['{key}']" in message.msg

    def test_manager_that_fails_outside_a_request(self, token_exchange_settings, monkeypatch):
        class OfTheRequest(Manager):
            def get_queryset(self):
                raise RuntimeError("no current tenant")

        manager = OfTheRequest()
        manager.model = organization.Organization
        monkeypatch.setattr(organization.Organization, "of_request", manager, raising=False)
        token_exchange_settings(ORGANIZATION_MANAGER="of_request")
        [message] = check_settings(None)
        assert ids([message]) == ["E055"]
        assert "no current tenant" in message.msg

    def test_manager_is_fine(self, token_exchange_settings):
        token_exchange_settings(USER_MANAGER="objects", ORGANIZATION_MANAGER="objects")
        assert check_settings(None) == []
