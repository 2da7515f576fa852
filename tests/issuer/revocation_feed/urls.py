"""URLs of a view for each authenticator, and of the admin."""

from django.contrib import admin
from django.urls import path

from tests.authentication import views

urlpatterns = [path("admin/", admin.site.urls), *views.urlpatterns]
