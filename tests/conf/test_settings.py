"""Settings: one dictionary becomes one frozen object, or an error with every problem."""

from __future__ import annotations

import ast
import dataclasses
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import token_exchange
from tests.conf.values import FIELDS, ISSUER, problems_of, read
from tests.support.factories import make_user
from token_exchange.conf import Settings, get_settings, get_verifier, read_settings
from token_exchange.conf.parsers import Rate
from token_exchange.issuer.tokens import verify_access_token

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.timedeltas()
    | st.sampled_from([object(), len, timedelta.max, timedelta.min]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=4,
)


class TestDefaults:
    def test_all(self):
        assert read() == Settings(
            issuer=ISSUER,
            audience=ISSUER,
            algorithm="ES256",
            api_key_token_lifetime=timedelta(minutes=30),
            client_app_token_lifetime=timedelta(hours=8),
            max_token_lifetime=timedelta(hours=24),
            scopes={},
            api_key_prefix="sk",
            client_id_prefix="ci",
            client_secret_prefix="cs",
            environment="live",
            default_overlap=timedelta(hours=24),
            max_overlap=timedelta(days=30),
            max_key_lifetime=None,
            organization_lookup_field="slug",
            require_https=True,
            rate_limits={
                "token": Rate(60, 60),
                "auth_token": Rate(60, 60),
                "failure": Rate(30, 60),
                "leak_report": Rate(30, 60),
                "self_service": Rate(60, 60),
            },
            rate_limit_fail_open=True,
            num_proxies=None,
            signing_key_encryption_keys=None,
            jwks_max_age=timedelta(minutes=5),
            token_retention=timedelta(days=1),
            verifier="token_exchange.issuer.tokens.verify_access_token",
            revocation_max_age=timedelta(seconds=1),
            revocation_max_staleness=timedelta(0),
            verified_token_cache_size=10_000,
            mode="issuer",
            jwks_url=None,
            revocations_url=None,
            revocations_api_key=None,
            remote_timeout=timedelta(seconds=2),
            use_environment_proxy=False,
            signing_key_lifetime=timedelta(days=90),
            audit_retention=None,
            expiry_warnings=(timedelta(days=1), timedelta(days=7), timedelta(days=30)),
            warning_recipients=None,
            self_service_entitlement=None,
            operator_organizations=None,
            schema_name=None,
            allowed_origins=frozenset(),
            user_manager=None,
            organization_manager=None,
        )

    def test_https_is_required_unless_debugging(self):
        with override_settings(DEBUG=True):
            assert read().require_https is False
            assert read(REQUIRE_HTTPS=True).require_https is True
        with override_settings(DEBUG=False):
            assert read().require_https is True
            assert read(REQUIRE_HTTPS=False).require_https is False

    def test_a_resource_server_has_others(self):
        settings = read(MODE="resource-server", REVOCATIONS_API_KEY="sk_live.x")
        assert settings.verifier == "token_exchange.resource_server.verifier.verify_access_token"
        assert settings.revocation_max_staleness == timedelta(minutes=1)
        assert read(
            MODE="resource-server",
            REVOCATIONS_API_KEY="sk_live.x",
            REVOCATION_MAX_STALENESS=0,
            VERIFIER="tests.support.factories.make_user",
        ) == dataclasses.replace(
            settings,
            revocation_max_staleness=timedelta(0),
            verifier="tests.support.factories.make_user",
        )

    def test_string_prefixes(self):
        settings = read(ENVIRONMENT="test", API_KEY_PREFIX="k", CLIENT_SECRET_PREFIX="s1")
        assert settings.api_key_string_prefix == "k_test"
        assert settings.client_id_string_prefix == "ci_test"
        assert settings.client_secret_string_prefix == "s1_test"


class TestGetSettings:
    def test_is_kept_until_a_setting_changes(self):
        first = get_settings()
        assert get_settings() is first
        assert read(AUDIENCE="https://api.test").audience == "https://api.test"
        assert get_settings() == first

    def test_debug_is_one_of_those_settings(self):
        assert get_settings().require_https is True
        with override_settings(DEBUG=True):
            assert get_settings().require_https is False

    def test_are_read_again_after_any_setting_has_changed(self):
        """Whichever settings of Django the defaults are derived from."""
        first = get_settings()
        with override_settings(LANGUAGE_CODE="de"):
            assert get_settings() is not first
            assert get_settings() == first

    def test_frozen(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            get_settings().issuer = "https://attacker.test"

    def test_names_every_problem_at_once(self):
        with override_settings(TOKEN_EXCHANGE={"ALGORITHM": "none", "TYPO": 1, "NUM_PROXIES": 0}):
            with pytest.raises(ImproperlyConfigured) as refused:
                get_settings()
            assert all(
                f"'{key}'" in str(refused.value)
                for key in ("ISSUER", "ALGORITHM", "TYPO", "NUM_PROXIES")
            )
            with pytest.raises(ImproperlyConfigured):
                get_settings()

    def test_repr_hides_the_secrets(self):
        secret = "hidden-" * 8
        settings = read(SIGNING_KEY_ENCRYPTION_KEYS=[secret], REVOCATIONS_API_KEY=secret)
        assert settings.signing_key_encryption_keys == (secret,)
        assert settings.revocations_api_key == secret
        assert "hidden" not in f"{settings!r}{settings}"
        assert "https://issuer.test" in repr(settings)

    def test_secrets_are_declared_as_such(self):
        hidden = {name for name, each in FIELDS.items() if not each.repr}
        assert hidden == {"SIGNING_KEY_ENCRYPTION_KEYS", "REVOCATIONS_API_KEY"}

    def test_problem_hides_the_secrets(self):
        problems = problems_of(
            SIGNING_KEY_ENCRYPTION_KEYS=["hidden"], REVOCATIONS_API_KEY="hidden key"
        )
        assert "hidden" not in str(problems)


class TestWholeDictionary:
    @pytest.mark.parametrize("written", [None, [], "x", 1, [("ISSUER", ISSUER)]])
    def test_must_be_a_dictionary(self, written):
        with override_settings(TOKEN_EXCHANGE=written):
            settings, problems = read_settings()
        assert (settings, [each.check_id for each in problems]) == (None, ["E001"])

    def test_must_be_there(self, settings):
        del settings.TOKEN_EXCHANGE
        assert [each.check_id for each in read_settings()[1]] == ["E001"]

    @pytest.mark.parametrize("key", ["TYPO", "issuer", "", 1, None, "RATE_LIMIT"])
    def test_unknown_key(self, key):
        with override_settings(TOKEN_EXCHANGE={"ISSUER": ISSUER, key: 1}):
            [problem] = read_settings()[1]
        assert problem.check_id == "E001"
        assert repr(key) in problem.message

    def test_a_resource_server_must_have_a_key_to_ask_with(self):
        [(check_id, message)] = problems_of(MODE="resource-server")
        assert check_id == "E037"
        assert "REVOCATIONS_API_KEY" in message
        assert "token_exchange:revocations" in message

    @pytest.mark.parametrize(
        ("urls", "check_ids"),
        [
            ({"ISSUER": "http://api.test"}, ["E002"]),
            ({"JWKS_URL": "http://api.test/keys"}, ["E029"]),
            ({"REVOCATIONS_URL": "http://api.test/feed"}, ["E036"]),
            ({"ISSUER": "http://api.test", "JWKS_URL": "http://api.test/keys"}, ["E029", "E002"]),
            (
                {
                    "ISSUER": "http://api.test",
                    "JWKS_URL": "https://api.test/keys",
                    "REVOCATIONS_URL": "http://localhost/feed",
                },
                [],
            ),
            ({"ISSUER": "http://127.0.0.1:8000"}, []),
        ],
    )
    def test_a_resource_server_sends_nothing_over_plain_http(self, urls, check_ids):
        values = {"MODE": "resource-server", "REVOCATIONS_API_KEY": "sk_live.x", **urls}
        with override_settings(TOKEN_EXCHANGE={"ISSUER": ISSUER, **values}):
            problems = read_settings()[1]
        assert [each.check_id for each in problems] == check_ids
        assert all("must start with https://" in each.message for each in problems)
        assert read(**values, REQUIRE_HTTPS=False).mode == "resource-server"
        assert read(**urls).mode == "issuer"
        with override_settings(DEBUG=True):
            assert read(**values).require_https is False

    def test_issuer_is_required(self):
        with override_settings(TOKEN_EXCHANGE={}):
            [problem] = read_settings()[1]
        assert problem.check_id == "E002"

    def test_check_ids_are_stable(self):
        """Projects silence them by these names."""
        assert {name: each.metadata["check_id"] for name, each in FIELDS.items()} == {
            "ISSUER": "E002",
            "AUDIENCE": "E003",
            "ALGORITHM": "E004",
            "API_KEY_TOKEN_LIFETIME": "E005",
            "CLIENT_APP_TOKEN_LIFETIME": "E006",
            "MAX_TOKEN_LIFETIME": "E007",
            "SCOPES": "E008",
            "API_KEY_PREFIX": "E009",
            "CLIENT_ID_PREFIX": "E010",
            "CLIENT_SECRET_PREFIX": "E011",
            "ENVIRONMENT": "E012",
            "DEFAULT_OVERLAP": "E013",
            "MAX_OVERLAP": "E014",
            "MAX_KEY_LIFETIME": "E015",
            "ORGANIZATION_LOOKUP_FIELD": "E016",
            "REQUIRE_HTTPS": "E017",
            "RATE_LIMITS": "E018",
            "RATE_LIMIT_FAIL_OPEN": "E019",
            "NUM_PROXIES": "E020",
            "SIGNING_KEY_ENCRYPTION_KEYS": "E021",
            "JWKS_MAX_AGE": "E022",
            "TOKEN_RETENTION": "E023",
            "VERIFIER": "E024",
            "REVOCATION_MAX_AGE": "E025",
            "REVOCATION_MAX_STALENESS": "E026",
            "VERIFIED_TOKEN_CACHE_SIZE": "E027",
            "MODE": "E028",
            "JWKS_URL": "E029",
            "REVOCATIONS_URL": "E036",
            "REVOCATIONS_API_KEY": "E037",
            "REMOTE_TIMEOUT": "E038",
            "SIGNING_KEY_LIFETIME": "E045",
            "AUDIT_RETENTION": "E046",
            "EXPIRY_WARNINGS": "E047",
            "WARNING_RECIPIENTS": "E048",
            "SELF_SERVICE_ENTITLEMENT": "E049",
            "OPERATOR_ORGANIZATIONS": "E050",
            "SCHEMA_NAME": "E051",
            "USE_ENVIRONMENT_PROXY": "E052",
            "ALLOWED_ORIGINS": "E053",
            "USER_MANAGER": "E054",
            "ORGANIZATION_MANAGER": "E055",
        }

    def test_each_says_what_it_means(self):
        for each in FIELDS.values():
            assert re.fullmatch(r"[A-Z`][^\n]{10,}\.", each.metadata["help"])

    @pytest.mark.parametrize("key", sorted(FIELDS))
    def test_default_is_written_as_one_would_write_it(self, key):
        default = FIELDS[key].metadata["default"]
        written = {"ISSUER": ISSUER} if key == "ISSUER" else {key: default}
        assert read(**written) == read()

    @hypothesis_settings(max_examples=400)
    @given(st.sampled_from(sorted(FIELDS)), ANYTHING)
    def test_any_value_is_read_or_refused_under_its_own_id(self, key, value):
        with override_settings(TOKEN_EXCHANGE={"ISSUER": ISSUER, key: value}):
            settings, problems = read_settings()
        expected = [] if settings else [FIELDS[key].metadata["check_id"]]
        assert expected == [each.check_id for each in problems]


class TestGetVerifier:
    def test_is_the_issuers_own(self):
        assert get_verifier() is verify_access_token

    def test_is_what_the_setting_names(self, token_exchange_settings):
        token_exchange_settings(VERIFIER="tests.support.factories.make_user")
        assert get_verifier() is make_user


class TestEverySettingIsUsed:
    def test_somewhere_in_the_package(self):
        """As an attribute of ``get_settings()``, or of a name that holds the settings."""
        package = Path(token_exchange.__file__).parent
        read_somewhere = {
            node.attr
            for path in package.rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Attribute)
            and ast.unparse(node.value) in {"settings", "get_settings()", "self"}
            and (ast.unparse(node.value) != "self" or path.match("conf/*settings.py"))
        }
        assert {key.lower() for key in FIELDS} <= read_somewhere
