"""drf-spectacular's schema with our endpoints and authentication classes in it."""

import json
from functools import wraps
from importlib import resources

import pytest
from django.apps import apps
from django.http import HttpResponse
from django.urls import include, path, re_path
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.utils import extend_schema
from drf_spectacular.validation import validate_schema
from rest_framework import serializers
from rest_framework.views import APIView

from token_exchange import views
from token_exchange.authentication import BearerAuthentication
from token_exchange.issuer.authentication import ApiKeyAuthentication, ClientAppBasicAuthentication

EVERYTHING = path("", include("token_exchange.urls"))


def document(*patterns):
    """Generate the schema of these URLs, which must be valid and give no warning."""
    made = SchemaGenerator(patterns=list(patterns)).get_schema(public=True)
    validate_schema(made)
    assert not GENERATOR_STATS
    return made


def operations(made):
    return {
        (method, route): operation["operationId"]
        for route, methods in made["paths"].items()
        for method, operation in methods.items()
    }


class TestEndpoints:
    def test_every_endpoint_is_added(self):
        assert operations(document(EVERYTHING)) == {
            ("post", "/v1/token"): "exchange_api_key",
            ("post", "/auth_token"): "obtain_auth_token",
            ("delete", "/auth_token"): "end_auth_tokens",
            ("post", "/v1/leaked-credentials"): "report_leaked_credentials",
            ("get", "/v1/user-api-keys"): "list_user_api_keys",
            ("post", "/v1/user-api-keys"): "create_user_api_key",
            ("delete", "/v1/user-api-keys/{identifier}"): "revoke_user_api_key",
            ("post", "/v1/user-api-keys/{identifier}/rotate"): "rotate_user_api_key",
            ("get", "/v1/revocations"): "revocations",
            ("get", "/.well-known/jwks.json"): "published_keys",
        }

    def test_every_path_of_the_file_is_added(self):
        file = resources.files("token_exchange.views").joinpath("openapi.json")
        assert set(document(EVERYTHING)["paths"]) == set(
            json.loads(file.read_text("utf-8"))["paths"]
        )

    def test_endpoints_are_added_at_each_path_where_they_are_mounted(self):
        made = document(
            path("0.2/", include("token_exchange.urls")),
            path("auth_token", views.auth_token),
            re_path(r"^keys\.json$", views.jwks),
        )
        assert operations(made) == {
            ("post", "/0.2/v1/token"): "exchange_api_key",
            ("post", "/0.2/auth_token"): "obtain_auth_token",
            ("delete", "/0.2/auth_token"): "end_auth_tokens",
            ("post", "/0.2/v1/leaked-credentials"): "report_leaked_credentials",
            ("get", "/0.2/v1/user-api-keys"): "list_user_api_keys",
            ("post", "/0.2/v1/user-api-keys"): "create_user_api_key",
            ("delete", "/0.2/v1/user-api-keys/{identifier}"): "revoke_user_api_key",
            ("post", "/0.2/v1/user-api-keys/{identifier}/rotate"): "rotate_user_api_key",
            ("get", "/0.2/v1/revocations"): "revocations",
            ("get", "/0.2/.well-known/jwks.json"): "published_keys",
            ("post", "/auth_token"): "obtain_auth_token_2",
            ("delete", "/auth_token"): "end_auth_tokens_2",
            ("get", "/keys.json"): "published_keys_2",
        }

    def test_operation_id_of_the_project_is_kept(self):
        class Theirs(APIView):
            @extend_schema(operation_id="published_keys", responses={204: None})
            def get(self, request):
                raise NotImplementedError

        made = document(path("theirs", Theirs.as_view()), path("jwks", views.jwks))
        assert operations(made) == {
            ("get", "/theirs"): "published_keys",
            ("get", "/jwks"): "published_keys_2",
        }

    def test_path_variable_is_a_parameter(self):
        made = document(path("<slug:tenant>/auth_token", views.auth_token))
        for operation in made["paths"]["/{tenant}/auth_token"].values():
            assert operation["parameters"] == [
                {"name": "tenant", "in": "path", "required": True, "schema": {"type": "string"}}
            ]

    def test_path_variable_comes_before_query_parameters(self):
        made = document(path("<slug:tenant>/revoked", views.revocations))
        (operation,) = made["paths"]["/{tenant}/revoked"].values()
        found = [(each["name"], each["in"]) for each in operation["parameters"]]
        assert found == [
            ("tenant", "path"),
            *(("epoch", "query"), ("after", "query"), ("mark", "query")),
        ]

    def test_described_path_variable_keeps_its_description(self):
        made = document(path("<slug:tenant>/", include("token_exchange.urls")))
        operation = made["paths"]["/{tenant}/v1/user-api-keys/{identifier}"]["delete"]
        found = [(each["name"], each.get("description")) for each in operation["parameters"]]
        assert found == [("tenant", None), ("identifier", "The `id` of the API key.")]

    def test_path_variable_that_the_project_has_fixed_is_no_parameter(self):
        made = document(path("key", views.user_api_key, {"identifier": "sk_live.x"}))
        assert "parameters" not in made["paths"]["/key"]["delete"]

    def test_only_schemas_and_security_schemes_are_added_as_components(self):
        made = document(EVERYTHING)
        assert set(made["components"]) == {"schemas", "securitySchemes"}
        assert "#/components/responses" not in str(made)
        assert "#/components/headers" not in str(made)

    def test_component_of_the_project_is_kept(self):
        class TokenExchangeErrorSerializer(serializers.Serializer):
            theirs = serializers.CharField()

        class Theirs(APIView):
            @extend_schema(responses=TokenExchangeErrorSerializer)
            def get(self, request):
                raise NotImplementedError

        made = document(path("theirs", Theirs.as_view()), path("jwks", views.jwks))
        assert set(made["components"]["schemas"]["TokenExchangeError"]["properties"]) == {"theirs"}

    def test_change_of_a_schema_does_not_reach_the_next(self):
        """Hooks that run later change what they are given."""
        changed, expected = document(EVERYTHING), document(EVERYTHING)
        for operations in changed["paths"].values():
            for operation in operations.values():
                operation["responses"].clear()
        changed["components"]["schemas"]["TokenExchangeError"].clear()
        assert document(EVERYTHING) == expected

    @pytest.mark.parametrize(
        ("version", "expected"),
        [
            ("3.0.3", {"type": "integer", "nullable": True}),
            ("3.1.0", {"type": ["integer", "null"]}),
        ],
    )
    def test_null_is_allowed_as_the_version_has_it(self, monkeypatch, version, expected):
        monkeypatch.setattr(spectacular_settings, "OAS_VERSION", version)
        made = document(EVERYTHING)
        feed = made["components"]["schemas"]["TokenExchangeRevocations"]["properties"]
        generation = feed["revocations"]["items"]["properties"]["generation"]
        assert {name: generation[name] for name in generation if name != "description"} == expected

    def test_decorated_view_is_recognized(self):
        @wraps(views.token)
        def decorated(request):
            return views.token(request)

        assert operations(document(path("token", decorated))) == {
            ("post", "/token"): "exchange_api_key"
        }

    def test_nothing_is_added_where_nothing_is_mounted(self):
        made = document(path("other", lambda request: HttpResponse()))
        assert made["paths"] == {}
        assert "TokenExchangeError" not in str(made)

    def test_each_operation_names_its_credentials(self, settings):
        settings.SESSION_COOKIE_NAME = "__Host-s"
        made = document(EVERYTHING)
        security = {
            operation["operationId"]: operation["security"]
            for methods in made["paths"].values()
            for operation in methods.values()
        }
        assert security == {
            "exchange_api_key": [{"ApiKey": []}],
            "obtain_auth_token": [{"Basic": []}],
            "end_auth_tokens": [{"Basic": []}],
            "report_leaked_credentials": [{}],
            "list_user_api_keys": [{"Bearer": []}, {"Session": []}],
            "create_user_api_key": [{"Bearer": []}, {"Session": []}],
            "revoke_user_api_key": [{"Bearer": []}, {"Session": []}],
            "rotate_user_api_key": [{"Bearer": []}, {"Session": []}],
            "revocations": [{"ApiKey": []}],
            "published_keys": [{}],
        }
        schemes = made["components"]["securitySchemes"]
        assert set(schemes) == {"ApiKey", "Basic", "Bearer", "Session"}
        assert schemes["Session"]["name"] == "__Host-s"


class TestAuthenticationClasses:
    @pytest.mark.parametrize(
        ("authenticator", "name", "scheme"),
        [
            (BearerAuthentication, "Bearer", {"type": "http", "scheme": "bearer"}),
            (
                ApiKeyAuthentication,
                "ApiKey",
                {"type": "apiKey", "in": "header", "name": "Authorization"},
            ),
            (ClientAppBasicAuthentication, "Basic", {"type": "http", "scheme": "basic"}),
        ],
    )
    @pytest.mark.parametrize("is_subclass", [False, True])
    def test_security_scheme_is_described(self, authenticator, name, scheme, is_subclass):
        used = type("Own", (authenticator,), {}) if is_subclass else authenticator

        class View(APIView):
            authentication_classes = (used,)

            @extend_schema(responses={204: None})
            def get(self, request):
                raise NotImplementedError

        made = document(path("view", View.as_view()))
        assert {name: []} in made["paths"]["/view"]["get"]["security"]
        described = made["components"]["securitySchemes"][name]
        assert {member: described[member] for member in scheme} == scheme


class TestWithoutSpectacular:
    def test_app_is_loaded(self, settings):
        settings.INSTALLED_APPS = [
            name for name in settings.INSTALLED_APPS if name != "drf_spectacular"
        ]
        assert apps.is_installed("token_exchange")
