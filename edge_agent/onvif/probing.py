"""Asking addresses whether a camera speaks RTSP there: bounded in number and in connections a second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.capture.rtsp import Reply, parse_head
from edge_agent.errors import SourceFailed
from edge_agent.networks import towards_cameras

A_SECOND: Final = 50
AT_ONCE: Final = 64
CONNECT_S: Final = 1.5
ANSWER_S: Final = 3.0
HEAD_BYTES_MAX: Final = 8192


@dataclass(frozen=True)
class Speaks:
    """An RTSP server. `server`: what it calls itself. `open`: it described a stream to somebody without a password."""

    address: str
    port: int
    server: str
    open: bool


async def probe(
    addresses: Sequence[str], ports: Sequence[int], on_step: Callable[[int, Speaks | None], Awaitable[None]]
) -> None:
    """Try each address at each port, no more than A_SECOND connections begun a second. `on_step` hears how many are done."""
    gate = asyncio.Semaphore(AT_ONCE)
    done = 0

    async def one(address: str, port: int) -> None:
        nonlocal done
        async with gate:
            found = await speaks(address, port)
        done += 1
        await on_step(done, found)

    async with asyncio.TaskGroup() as group:
        for port in ports:
            for address in addresses:
                group.create_task(one(address, port))
                await asyncio.sleep(1 / A_SECOND)


async def speaks(address: str, port: int, path: str = "/") -> Speaks | None:
    """Whether an RTSP server answers there; None: nothing does, or something else."""
    host = f"[{address}]" if ":" in address else address
    url = f"rtsp://{host}:{port}{path}"
    try:
        with towards_cameras():
            async with asyncio.timeout(CONNECT_S):
                reader, writer = await asyncio.open_connection(address, port, limit=HEAD_BYTES_MAX)
    except (OSError, TimeoutError):
        return None
    try:
        async with asyncio.timeout(ANSWER_S):
            options = await _ask(reader, writer, "OPTIONS", url, 1)
            described = await _ask(reader, writer, "DESCRIBE", url, 2, "Accept: application/sdp\r\n")
    except SourceFailed:
        return None
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        # Connected, but no word of RTSP came: a camera that hides from strangers looks the same as anything else.
        return None
    finally:
        writer.close()
    server = "".join(char for char in options.header("server") if char.isprintable())[:200]
    return Speaks(address, port, server, described.status == 200)


async def _ask(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    method: str,
    url: str,
    number: int,
    more: str = "",
) -> Reply:
    writer.write(
        f"{method} {url} RTSP/1.0\r\nCSeq: {number}\r\nUser-Agent: vsaas-agent\r\n{more}\r\n".encode()
    )
    await writer.drain()
    return parse_head((await reader.readuntil(b"\r\n\r\n")).removesuffix(b"\r\n\r\n"))
