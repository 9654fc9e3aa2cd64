"""Bodies are bounded before Django writes them to disk, and JSON that is nested without end is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from asgiref.sync import async_to_sync
from django.core.asgi import get_asgi_application

from vsaas.common.body_limit import BodyLimit


@async_to_sync
async def posted(content: object, **headers: str) -> httpx.Response:
    application = BodyLimit(get_asgi_application(), 100_000)
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8400") as client:
        return await client.post("/agent/v1/enrol", content=content, headers=headers)


async def endless() -> AsyncIterator[bytes]:
    for _ in range(1000):
        yield b" " * 10_000


@pytest.mark.parametrize("content", [b" " * 100_001, endless()])
def test_a_body_beyond_every_route_s_limit_is_refused(database: None, content: object) -> None:
    reply = posted(content)
    assert reply.status_code == 413
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["type"] == "urn:vsaas:problem:too-large"


def test_a_body_within_it_reaches_its_route(database: None) -> None:
    assert posted(b"{}").status_code in (400, 401)


def test_json_nested_without_end_is_refused(cast, client_for) -> None:
    reply = client_for(cast.alice).post(
        "/api/v1/playback",
        "[" * 200_000,
        content_type="application/json",
        headers={"VSaaS-Tenant": cast.tenant_a.slug, "Accept": "application/json"},
    )
    assert reply.status_code == 400
    assert "nested" in reply.json()["detail"]
