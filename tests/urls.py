"""The wire at the root and under a prefix, and the admin."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("token_exchange.urls")),
]
