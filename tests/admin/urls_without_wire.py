"""URLs of a project that serves the admin, but not the token endpoints."""

from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
