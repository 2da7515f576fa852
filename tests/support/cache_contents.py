"""Raw contents of the default cache, in local memory or in Redis."""

from __future__ import annotations

from typing import Any

from django.core.cache import caches


def cache_contents() -> dict[str, str]:
    """Return every key of the default cache with its raw value."""
    cache: Any = caches["default"]
    if hasattr(cache, "_expire_info"):  # local memory
        return {key: repr(value) for key, value in cache._cache.items()}
    client = cache._cache.get_client()
    keys = sorted(client.keys(f"{cache.key_prefix}:*"))
    return {repr(key): repr(client.get(key)) for key in keys}
