"""What drf-spectacular's document says of us, for whatever URLs it is made."""

from functools import wraps

import pytest
from django.apps import apps
from django.http import HttpResponse
from django.test import Client
from django.urls import include, path, re_path
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.validation import validate_schema
from rest_framework.views import APIView

from tests.self_service.members import KEYS, make_member
from tests.support.factories import api_key_header, basic_header, make_api_key, make_client_app
from token_exchange import views
from token_exchange.authentication import BearerAuthentication
from token_exchange.issuer.authentication import ApiKeyAuthentication, ClientAppBasicAuthentication
from token_exchange_core.scopes import REVOCATIONS_SCOPE

EVERYTHING = path("", include("token_exchange.urls"))


def document(*patterns):
    """Make the document of these URLs; it must be valid, and made without a warning."""
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
    def test_all_of_the_urls(self):
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

    def test_at_the_paths_where_they_are_mounted(self):
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

    def test_an_operation_id_that_the_project_has_taken(self):
        class Theirs(APIView):
            @extend_schema(operation_id="published_keys", responses={204: None})
            def get(self, request):
                raise NotImplementedError

        made = document(path("theirs", Theirs.as_view()), path("jwks", views.jwks))
        assert operations(made) == {
            ("get", "/theirs"): "published_keys",
            ("get", "/jwks"): "published_keys_2",
        }

    def test_a_variable_in_the_path(self):
        made = document(path("<slug:tenant>/auth_token", views.auth_token))
        for operation in made["paths"]["/{tenant}/auth_token"].values():
            assert operation["parameters"] == [
                {"name": "tenant", "in": "path", "required": True, "schema": {"type": "string"}}
            ]

    def test_a_variable_in_the_path_beside_parameters(self):
        made = document(path("<slug:tenant>/revoked", views.revocations))
        (operation,) = made["paths"]["/{tenant}/revoked"].values()
        found = [(each["name"], each["in"]) for each in operation["parameters"]]
        assert found == [("tenant", "path"), ("epoch", "query"), ("after", "query")]

    def test_a_view_that_the_project_has_decorated(self):
        @wraps(views.token)
        def decorated(request):
            return views.token(request)

        assert operations(document(path("token", decorated))) == {
            ("post", "/token"): "exchange_api_key"
        }

    def test_nothing_where_nothing_is_mounted(self):
        made = document(path("other", lambda request: HttpResponse()))
        assert made["paths"] == {}
        assert "TokenExchangeError" not in str(made)

    def test_credentials(self, settings):
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


@pytest.mark.django_db
class TestTruth:
    """The answers have the members that the document requires, and no others."""

    @pytest.mark.parametrize(
        ("method", "route", "make", "header"),
        [
            ("post", "/v1/token", make_api_key, api_key_header),
            ("post", "/auth_token", make_client_app, basic_header),
            ("delete", "/auth_token", make_client_app, basic_header),
        ],
    )
    def test_answers(self, https_client: Client, method, route, make, header):
        answer = getattr(https_client, method)(route, headers=header(make()))
        described = self.described(method, route, "200")
        assert sorted(answer.json()) == sorted(described["schema"]["required"])
        assert set(described["headers"]) <= set(answer.headers)

    @pytest.mark.parametrize(("method", "route"), [("post", "/v1/token"), ("post", "/auth_token")])
    def test_refusals(self, https_client: Client, method, route):
        answer = getattr(https_client, method)(route)
        described = self.described(method, route, str(answer.status_code))
        assert sorted(answer.json()) == sorted(described["schema"]["required"])
        assert set(described["headers"]) <= set(answer.headers)

    def test_keys(self, https_client: Client):
        answer = https_client.get("/.well-known/jwks.json")
        described = self.described("get", "/.well-known/jwks.json", "200")
        assert answer.headers["Content-Type"] == described["media_type"]
        assert sorted(answer.json()) == sorted(described["schema"]["required"])
        member = described["schema"]["properties"]["keys"]["items"]
        assert set(member["required"]) <= set(answer.json()["keys"][0])
        assert set(described["headers"]) <= set(answer.headers)

    def test_leaks(self, https_client: Client):
        answer = https_client.post("/v1/leaked-credentials", "[]", content_type="application/json")
        described = self.described("post", "/v1/leaked-credentials", "202")
        assert answer.json() == {}
        assert described["schema"]["maxProperties"] == 0
        assert answer.headers["Content-Type"] == described["media_type"]
        assert set(described["headers"]) <= set(answer.headers)

    def test_revocations(self, https_client: Client):
        key = make_api_key(scopes=[REVOCATIONS_SCOPE])
        make_api_key().credential.delete()
        answer = https_client.get("/v1/revocations", headers=api_key_header(key))
        described = self.described("get", "/v1/revocations", "200")
        assert sorted(answer.json()) == sorted(described["schema"]["required"])
        member = described["schema"]["properties"]["revocations"]["items"]
        assert sorted(answer.json()["revocations"][0]) == sorted(member["required"])
        assert set(described["headers"]) <= set(answer.headers)

    def test_user_api_keys(self, https_client: Client):
        member = make_member(https_client)
        made = member.create(label="A").json()
        each = f"{KEYS}/{{identifier}}"
        rotated = member.rotate(made["id"]).json()
        listed = member.call("GET").json()
        ended = member.delete(made["id"]).json()
        for body, (method, route, status) in (
            (made, ("post", KEYS, "201")),
            (rotated, ("post", f"{each}/rotate", "200")),
            (listed, ("get", KEYS, "200")),
            (ended, ("delete", each, "200")),
        ):
            schema = self.described(method, route, status)["schema"]
            assert set(schema["required"]) <= set(body) <= set(schema["properties"])
        listing = document(EVERYTHING)["components"]["schemas"]["TokenExchangeUserApiKey"]
        for shown in listed["api_keys"]:
            assert set(listing["required"]) <= set(shown) <= set(listing["properties"])

    def described(self, method, route, status):
        made = document(EVERYTHING)
        response = made["paths"][route][method]["responses"][status]
        [(media_type, content)] = response["content"].items()
        name = content["schema"]["$ref"].rpartition("/")[2]
        return {
            "media_type": media_type,
            "schema": made["components"]["schemas"][name],
            "headers": response["headers"],
        }


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
    def test_scheme(self, authenticator, name, scheme, is_subclass):
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
    def test_the_app_does_not_need_it(self, settings):
        settings.INSTALLED_APPS = [
            name for name in settings.INSTALLED_APPS if name != "drf_spectacular"
        ]
        assert apps.is_installed("token_exchange")
