"""URLs of the tests: the endpoints at the root, the self-service pages and the admin."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("account/keys/", include("token_exchange.views.self_service.urls")),
    path("", include("token_exchange.urls")),
]
