"""The views of every authenticator, and the admin."""

from django.contrib import admin
from django.urls import path

from tests.authentication import views

urlpatterns = [path("admin/", admin.site.urls), *views.urlpatterns]
