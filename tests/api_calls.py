"""How a program calls the API in tests: with a token, no cookie, and Django's CSRF checks switched on."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client


def call(
    token: str | None,
    method: str,
    path: str,
    body: Any = None,
    /,
    client: Client | None = None,
    **headers: str,
) -> HttpResponse:
    """One request; `headers` with underscores for dashes. `body` is sent as JSON."""
    sent = {"accept": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        sent["authorization"] = f"Bearer {token}"
    data = b"" if body is None else json.dumps(body).encode()
    client = client or Client(enforce_csrf_checks=True)
    return client.generic(method, path, data, content_type="application/json", headers=sent)


def problem(reply: HttpResponse) -> str:
    """The last part of a problem's type."""
    return str(json.loads(reply.content)["type"]).rpartition(":")[2]
