"""What the hub answers to plain HTTP: whether it is alive and ready, its figures to who brings the token, else nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from channels.routing import URLRouter

from vsaas.common import health, metrics
from vsaas.common.errors import VsaasError
from vsaas.common.operations import bearer_fits, metrics_token

PARTS = (health.DATABASE, health.KEY_STORE, health.REDIS)
"""What the hub stands on: it never speaks to the bucket."""
PLAIN = b"text/plain; charset=utf-8"


def known_routes(router: URLRouter) -> Any:
    """The router's ASGI application, with 404 for every handshake it has no route for: by itself Channels raises, and any
    stranger's guess would be a 500 and a traceback in the log."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"].removeprefix("/")
        if any(route.pattern.match(path) for route in router.routes):
            await router(scope, receive, send)
            return
        headers = [(b"content-type", PLAIN)]
        await send({"type": "websocket.http.response.start", "status": 404, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b"There is nothing at this address.\n"})

    return application


async def plain_http(scope: Any, receive: Any, send: Any) -> None:
    """ASGI application: /healthz, /readyz, /metrics; 404 for every other request, without a word about what there is."""
    status, body, kind = await _answer(scope)
    headers = [(b"content-type", kind), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


async def _answer(scope: Any) -> tuple[int, bytes, bytes]:
    match scope["path"] if scope["method"] in ("GET", "HEAD") else None:
        case "/healthz":
            return 200, b"alive\n", PLAIN
        case "/readyz":
            troubles = await asyncio.to_thread(health.readiness(PARTS).troubles)
            return (503, b"not ready\n", PLAIN) if troubles else (200, b"ready\n", PLAIN)
        case "/metrics":
            return await asyncio.to_thread(_metrics, dict(scope["headers"]).get(b"authorization", b""))
    return 404, b"The live hub speaks WebSocket only.\n", PLAIN


def _metrics(authorization: bytes) -> tuple[int, bytes, bytes]:
    try:
        wanted = metrics_token()
    except VsaasError as error:
        return error.status, f"{error}\n".encode(), PLAIN
    if wanted is None:
        return 404, b"There is nothing at this address.\n", PLAIN
    if not bearer_fits(authorization.decode("latin-1"), wanted):
        return 401, b"Bring the token: Authorization: Bearer ...\n", PLAIN
    return 200, metrics.exposition(), metrics.CONTENT_TYPE.encode()
