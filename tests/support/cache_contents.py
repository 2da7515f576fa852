"""What does the cache hold, as somebody who reads the whole of it would see?"""

from __future__ import annotations

from typing import Any

from django.core.cache import caches


def cache_contents() -> dict[str, str]:
    """Every key of the default cache with its raw value, of local memory or of Redis."""
    cache: Any = caches["default"]
    if hasattr(cache, "_expire_info"):  # local memory
        return {key: repr(value) for key, value in cache._cache.items()}
    client = cache._cache.get_client()
    keys = sorted(client.keys("*"))
    return {repr(key): repr(client.get(key)) for key in keys}
