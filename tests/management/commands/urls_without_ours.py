"""A project that serves nothing of ours."""

urlpatterns: list[object] = []
