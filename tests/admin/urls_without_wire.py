"""The admin of a project whose token endpoints other processes serve."""

from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
