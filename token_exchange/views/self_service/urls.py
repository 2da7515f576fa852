"""URLs of the self-service pages, for ``include``."""

from django.urls import path

from token_exchange.views.self_service import pages

app_name = "token_exchange_self_service"

urlpatterns = [
    path("", pages.list_keys, name="list"),
    path("new/", pages.new_key, name="new"),
    path("<str:identifier>/rotate/", pages.rotate_key, name="rotate"),
    path("<str:identifier>/revoke/", pages.revoke_key, name="revoke"),
]
