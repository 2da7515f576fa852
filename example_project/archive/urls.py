"""URLs of the archive."""

from django.urls import path

from archive.views import Archive

urlpatterns = [path("api/archive", Archive.as_view(), name="archive")]
