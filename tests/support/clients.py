"""Test client that sends its requests over https."""

from __future__ import annotations

from typing import Any

from django.test import Client


class HttpsClient(Client):
    """A test client that comes over https, as every client must."""

    def generic(self, *args: Any, **kwargs: Any) -> Any:
        return super().generic(*args, **{**kwargs, "secure": True})
