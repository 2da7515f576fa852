"""The pages for users: ``path("account/keys/", include("token_exchange.self_service_urls"))``."""

from django.urls import path

from token_exchange.account import views

app_name = "token_exchange_self_service"

urlpatterns = [
    path("", views.list_keys, name="list"),
    path("new/", views.new_key, name="new"),
    path("<str:identifier>/rotate/", views.rotate_key, name="rotate"),
    path("<str:identifier>/revoke/", views.revoke_key, name="revoke"),
]
