"""Whether a camera's RTSP server takes a login: on some cameras it has users of its own, beside those of ONVIF."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ssl
from typing import Final

from edge_agent.capture.rtsp import Address, Authorizer, Reply, parse_head, whole
from edge_agent.errors import SourceFailed
from edge_agent.networks import towards_cameras

ANSWER_S: Final = 5.0
HEAD_BYTES_MAX: Final = 16_384


async def stream_takes(url: str, certificate: bytes | None = None) -> bool | None:
    """True: it describes its stream to this login. False: it refuses it. None: it does not say, for it does not answer in
    time, or with something else, or shows another certificate than the accepted one. One try at the most."""
    try:
        address = Address.of(url)
        with towards_cameras():
            async with asyncio.timeout(ANSWER_S):
                return await _asked(address, certificate)
    except (OSError, TimeoutError, SourceFailed, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return None


async def _asked(address: Address, certificate: bytes | None) -> bool | None:
    tls = _any_certificate() if address.secure else None
    reader, writer = await asyncio.open_connection(address.host, address.port, ssl=tls, limit=HEAD_BYTES_MAX)
    try:
        if certificate is not None and not _shows(writer, certificate):
            return None
        authorizer = Authorizer(address)
        reply = await _describe(reader, writer, address, None, 1)
        if reply.status == 401 and authorizer.learn(reply.headers.get("www-authenticate", [])):
            reply = await _describe(reader, writer, address, authorizer.header("DESCRIBE", address.url), 2)
    finally:
        writer.close()
    return {200: True, 401: False, 403: False}.get(reply.status)


async def _describe(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    address: Address,
    authorization: str | None,
    number: int,
) -> Reply:
    login = f"Authorization: {authorization}\r\n" if authorization else ""
    writer.write(
        f"DESCRIBE {address.url} RTSP/1.0\r\nCSeq: {number}\r\nUser-Agent: vsaas-agent\r\n"
        f"Accept: application/sdp\r\n{login}\r\n".encode()
    )
    await writer.drain()
    reply = parse_head((await reader.readuntil(b"\r\n\r\n")).removesuffix(b"\r\n\r\n"))
    length = whole(reply.header("content-length")) or 0
    if 0 < length <= HEAD_BYTES_MAX:
        await reader.readexactly(length)
    return reply


def _shows(writer: asyncio.StreamWriter, certificate: bytes) -> bool:
    spoken = writer.get_extra_info("ssl_object")
    shown = spoken.getpeercert(binary_form=True) if spoken is not None else None
    return shown is not None and hmac.compare_digest(hashlib.sha256(shown).digest(), certificate)


def _any_certificate() -> ssl.SSLContext:
    """Cameras sign their own: who it is, is asked by the accepted certificate alone, as when recording."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
