"""How Celery writes the address of a Redis server. Apart from `redis.py`, since the settings need it."""

from __future__ import annotations

from urllib.parse import urlsplit


def broker_url(url: str) -> str:
    """The same server as Celery writes it: `unix:///run/x.sock` becomes `redis+socket:///run/x.sock`."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    query = "?" + parts.query.replace("db=", "virtual_host=") if parts.query else ""
    return f"redis+socket://{parts.netloc}{parts.path}{query}"
