"""WebSockets to the hub: signed handshakes, no compression, no redirects, limits on what may come in."""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidProxyStatus, InvalidStatus, WebSocketException

from edge_agent.cloud import USER_AGENT, Cloud, proxy_refusal
from edge_agent.errors import PortalRefused, PortalUnreachable
from edge_agent.identity import is_loopback
from edge_agent.networks import NO_PROXY

log = logging.getLogger(__name__)

_OPEN_S: Final = 15
_PING_S: Final = 15
_CLOSE_S: Final = 3
_WRITE_BYTES: Final = 64 * 1024
"""What may wait in the socket itself; the rest waits in the uplink's queue, where whole groups can be skipped."""


class _Connect(connect):
    """A redirect would carry the signature to another address: it is an error."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


@asynccontextmanager
async def open_socket(cloud: Cloud, url: str, *, message_bytes_max: int) -> AsyncIterator[ClientConnection]:
    """Open the hub's WebSocket `url` as this agent. Raises PortalUnreachable or PortalRefused while opening.

    Inside the block the library's ConnectionClosed tells that the other side or the way there is gone.
    """
    socket = await _open(cloud, url, message_bytes_max)
    try:
        yield socket
    finally:
        await socket.close()


async def _open(cloud: Cloud, url: str, message_bytes_max: int) -> ClientConnection:
    whom = f"the live hub at {urlsplit(url).netloc}"
    for attempt in (1, 2):
        try:
            return await _connect(cloud, url, await cloud.handshake(url), message_bytes_max)
        except InvalidStatus as error:
            status = error.response.status_code
            fresh = cloud.keep_nonce(error.response.headers)
            if status == 401 and fresh and attempt == 1:
                continue  # the nonce was used up or too old; this reply brought another
            raise PortalRefused(
                f"{whom} refuses this agent (status {status}): if it was revoked, enrol it with a new code",
                status,
                "handshake-refused",
                _retry_after_s(error),
            ) from error
        except InvalidProxyStatus as error:
            status = error.response.status_code
            proxy = cloud.network.proxy_to(urlsplit(url).hostname or "")
            raise PortalUnreachable(
                f"cannot reach {whom}: {proxy_refusal(proxy, status, f'status {status}')}"
            ) from error
        except TimeoutError as error:
            raise PortalUnreachable(f"{whom} does not answer in time: check the network") from error
        except (OSError, ImportError, WebSocketException) as error:
            raise PortalUnreachable(
                f"cannot reach {whom}: {error}; check the network and the firewall"
            ) from error
    raise AssertionError("unreachable")


async def _connect(
    cloud: Cloud, url: str, headers: dict[str, str], message_bytes_max: int
) -> ClientConnection:
    parts = urlsplit(url)
    named = cloud.network.proxy
    direct = is_loopback(parts.hostname or "") or named == NO_PROXY
    return await _Connect(
        url,
        additional_headers=headers,
        user_agent_header=USER_AGENT,
        compression=None,
        # No proxy leads to this machine itself; elsewhere the setting says, or (True) the environment.
        proxy=None if direct else named or True,
        ssl=ssl.create_default_context() if parts.scheme == "wss" else None,
        open_timeout=_OPEN_S,
        ping_interval=_PING_S,
        ping_timeout=_PING_S,
        close_timeout=_CLOSE_S,
        max_size=message_bytes_max,
        write_limit=_WRITE_BYTES,
    )


def _retry_after_s(error: InvalidStatus) -> float | None:
    text = error.response.headers.get("Retry-After", "")
    return min(float(text), 600.0) if text.isascii() and text.isdecimal() else None
