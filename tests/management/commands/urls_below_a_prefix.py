"""A project that serves our urls below a prefix."""

from django.urls import include, path

urlpatterns = [path("0.2/", include("token_exchange.urls"))]
