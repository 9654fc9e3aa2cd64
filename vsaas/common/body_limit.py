"""No request body grows beyond what any route takes: Django would write all of it to disk before it looks who asks."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse

from vsaas.common.errors import TooLarge
from vsaas.common.problems import CONTENT_TYPE, document

MOST_BYTES = 6 * 1024 * 1024
"""Above the largest body of a route, a batch of records; each route's own limit is lower."""


class BodyLimit:
    """ASGI: answers 413 as soon as a body is declared or becomes too large."""

    def __init__(self, application: Any, most_bytes: int = MOST_BYTES) -> None:
        self.application = application
        self.most_bytes = most_bytes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return await self.application(scope, receive, send)
        if _declared(scope) > self.most_bytes:
            return await self._refuse(send)
        came = 0

        async def counted() -> Any:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            # Django gives the body up, and what it kept of it, as when the other side had gone.
            return message if came <= self.most_bytes else {"type": "http.disconnect"}

        await self.application(scope, counted, send)
        if came > self.most_bytes:
            await self._refuse(send)

    async def _refuse(self, send: Any) -> None:
        error = TooLarge(f"a request has at most {self.most_bytes} bytes")
        response = HttpResponse(json.dumps(document(error)), content_type=CONTENT_TYPE, status=error.status)
        headers = [(name.lower().encode(), value.encode()) for name, value in response.items()]
        headers += [(b"content-length", str(len(response.content)).encode()), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": response.content})


def _declared(scope: Any) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
