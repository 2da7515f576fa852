"""Redis cache for test processes that share a server: each clears only its own keys."""

from __future__ import annotations

from typing import Any

from django.core.cache.backends.redis import RedisCache


class WorkerRedisCache(RedisCache):
    """Django's Redis cache, without ``FLUSHDB``."""

    _cache: Any

    def clear(self) -> bool:
        """Delete the keys that begin with ``KEY_PREFIX``, of every version."""
        client = self._cache.get_client(None, write=True)
        if keys := [*client.scan_iter(match=f"{self.key_prefix}:*", count=1000)]:
            client.delete(*keys)
        return True
