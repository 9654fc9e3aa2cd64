"""The same requests through the portal's ASGI application, as uvicorn hands them over."""

import json

import httpx
import pytest
from asgiref.sync import async_to_sync
from django.core.asgi import get_asgi_application

from tests.boxes import Box, make_code


@async_to_sync
async def request(
    box: Box, method: str, path: str, body: bytes | None = None, content: object = None
) -> httpx.Response:
    """One signed request; `content` is sent instead of the signed `body`."""
    headers = box.signed_headers(method, path, body) | {"content-type": "application/json"}
    transport = httpx.ASGITransport(app=get_asgi_application())
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8400") as client:
        reply = await client.request(method, path, content=content or body, headers=headers)
    box.nonce = reply.headers["vsaas-nonce"]
    return reply


@pytest.mark.parametrize("query", ["", "?statements=2", "?statements=2&other=a%20b+c%2F"])
def test_an_agent_enrols_and_asks_for_its_state(houses, query):
    box = Box()
    body = json.dumps(box.enrol_request(make_code(houses.tenant_a, houses.site_a).text)).encode()
    assert request(box, "POST", "/agent/v1/enrol", body).status_code == 401
    assert request(box, "POST", "/agent/v1/enrol", body).status_code == 200
    assert request(box, "GET", f"/agent/v1/state{query}").status_code == 200
    assert request(box, "POST", "/agent/v1/health", json.dumps(box.heartbeat()).encode()).status_code == 204


def test_a_body_without_a_declared_length_is_bounded_too(houses):
    async def chunks():
        for _ in range(40):
            yield b" " * 10_000

    reply = request(Box(), "POST", "/agent/v1/health", b"x", content=chunks())
    assert "Content-Length" not in reply.request.headers
    assert reply.status_code == 413
