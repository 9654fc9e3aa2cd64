"""The one place that knows how Redis (or Valkey) is reached."""

from __future__ import annotations

import functools

import redis
import redis.asyncio
from django.conf import settings


@functools.lru_cache(maxsize=1)
def _pool(url: str) -> redis.ConnectionPool:
    return redis.ConnectionPool.from_url(url, protocol=2, socket_timeout=5, socket_connect_timeout=2)


def client() -> redis.Redis:
    """A client on the process's shared pool. Values are bytes."""
    return redis.Redis(connection_pool=_pool(settings.ENV.redis_url.get_secret_value()))


def async_client() -> redis.asyncio.Redis:
    """A new asyncio client, for the event loop that calls; close it with `await client.aclose()`."""
    return redis.asyncio.Redis.from_url(settings.ENV.redis_url.get_secret_value(), protocol=2)
