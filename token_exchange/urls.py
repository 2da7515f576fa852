"""URLs of all endpoints, for ``path("", include("token_exchange.urls"))``."""

from django.urls import path

from token_exchange import views

app_name = "token_exchange"

urlpatterns = [
    path("v1/token", views.token, name="token"),
    path("v1/user-api-keys", views.user_api_keys, name="user_api_keys"),
    path("v1/user-api-keys/<str:identifier>", views.user_api_key, name="user_api_key"),
    path(
        "v1/user-api-keys/<str:identifier>/rotate",
        views.rotate_user_api_key,
        name="rotate_user_api_key",
    ),
    path("v1/revocations", views.revocations, name="revocations"),
    path("v1/leaked-credentials", views.leaked_credentials, name="leaked_credentials"),
    path("auth_token", views.auth_token, name="auth_token"),
    path(".well-known/jwks.json", views.jwks, name="jwks"),
]
