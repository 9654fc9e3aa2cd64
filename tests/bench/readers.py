"""Many viewers in one cheap process: sockets are read and their bytes counted; of a live view pings are answered, and of
each fragment the time it was captured is read, which stands open in its head (`sealing.live`): how late it came.

Commands come as JSON lines: {"live": ticket, "host", "port", "origin"} opens a live view of the hub, "deaf" instead of "live" one
that is never read, {"plain": port} a TCP connection, {} only asks; each is answered by {"live": [open, bytes], "plain": [open,
bytes], "late_ms": [median, 99th percentile]}, the last of the fragments since the answer before ([] when there were under 100).
"""

from __future__ import annotations

import base64
import json
import os
import select
import socket
import statistics
import sys
import time
from typing import Any

PATIENCE_S = 30
KINDS = ("live", "plain")
PING, PONG = 9, 10
SHORT = 125
"""Payload bytes up to which a frame's second byte is its length; a ping has no more."""
MOST_HEAD = 2 + SHORT
FRAGMENT_HEAD = 40
"""Bytes of a fragment's message that surely hold its capture time."""


def websocket(host: str, port: int, origin: str, ticket: str) -> socket.socket:
    """A live view at the hub, its ticket given in (RFC 6455 sections 4.1 and 5.2). Raises RuntimeError when refused."""
    sock = socket.create_connection((host, port), timeout=PATIENCE_S)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET /live HTTP/1.1",
        f"Host: {host}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        f"Origin: {origin}",
    ]
    sock.sendall("\r\n".join([*lines, "", ""]).encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = sock.recv(4096)
        if not piece:
            break
        answer += piece
    if not answer.startswith(b"HTTP/1.1 101"):
        raise RuntimeError(f"the hub refused a viewer: {answer[:300]!r}")
    text, mask = json.dumps({"ticket": ticket}).encode(), os.urandom(4)
    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(text))
    sock.sendall(bytes([0x81, 0xFE]) + len(text).to_bytes(2, "big") + mask + masked)
    return sock


def captured(message: bytes) -> int | None:
    """The capture time (UTC microseconds) in the head of a fragment's message; None for every other message.

    A fragment is the CBOR array [kind, publish id (16 bytes), rendition, counter, capture time, flags, sealed].
    """
    if len(message) < FRAGMENT_HEAD or message[0] != 0x87 or message[2] != 0x50:
        return None
    at = 19
    for _ in range(2):  # rendition, counter
        at += {0x18: 2, 0x19: 3, 0x1A: 5, 0x1B: 9}.get(message[at], 1)
    return int.from_bytes(message[at + 1 : at + 9], "big") if message[at] == 0x1B else None


class Frames:
    """The frames of one live view (RFC 6455 section 5.2): payloads are skipped, pings answered."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.skip = 0
        self.head = b""
        self.begin = b""
        self.late_us: list[int] = []

    def take(self, data: memoryview) -> None:
        """The next bytes received."""
        while len(data) > 0:
            if self.skip > 0:
                step = min(self.skip, len(data))
                self.skip -= step
                if len(self.begin) < FRAGMENT_HEAD:
                    self.begin += bytes(data[: min(step, FRAGMENT_HEAD - len(self.begin))])
                if self.skip == 0:
                    self._whole()
                data = data[step:]
                continue
            had = len(self.head)
            self.head += bytes(data[: MOST_HEAD - had])
            used = self._begin()
            if used == 0:
                return
            data = data[used - had :]
            self.head = b""

    def _whole(self) -> None:
        """A message is here to its last byte."""
        captured_us = captured(self.begin)
        if captured_us is not None:
            self.late_us.append(time.time_ns() // 1000 - captured_us)
        self.begin = b""

    def _begin(self) -> int:
        """Bytes of the frame's head, with a ping its payload as well; 0 while they are not all there."""
        head, length, used = self.head, 0, 2
        if len(head) < used:
            return 0
        length = head[1]
        if length > SHORT:
            used += 2 if length == SHORT + 1 else 8
            length = int.from_bytes(head[2:used], "big")
        if head[0] & 0x0F == PING:
            used += length
            if len(head) >= used:
                self.sock.send(bytes([0x80 | PONG, 0x80 | length]) + bytes(4) + head[used - length : used])
        else:
            self.skip = length if len(head) >= used else 0
        return used if len(head) >= used else 0


class Readers:
    """All sockets, by file number, and what each kind has received."""

    def __init__(self) -> None:
        self.poll = select.epoll()
        self.sockets: dict[int, tuple[str, socket.socket]] = {}
        self.frames: dict[int, Frames] = {}
        self.deaf: list[socket.socket] = []
        self.received = dict.fromkeys(KINDS, 0)
        self.buffer = memoryview(bytearray(1 << 20))

    def command(self, line: str) -> None:
        order: dict[str, Any] = json.loads(line)
        if "live" in order:
            self._add("live", websocket(order["host"], order["port"], order["origin"], order["live"]))
        if "deaf" in order:
            self.deaf.append(websocket(order["host"], order["port"], order["origin"], order["deaf"]))
        if "plain" in order:
            self._add("plain", socket.create_connection(("127.0.0.1", order["plain"]), timeout=PATIENCE_S))
        opened = [kind for kind, _ in self.sockets.values()]
        answer: dict[str, list[float]] = {kind: [opened.count(kind), self.received[kind]] for kind in KINDS}
        print(json.dumps({**answer, "late_ms": self._late_ms()}), flush=True)

    def _late_ms(self) -> list[float]:
        late = [us / 1000 for frames in self.frames.values() for us in frames.late_us]
        for frames in self.frames.values():
            frames.late_us.clear()
        return [statistics.median(late), statistics.quantiles(late, n=100)[-1]] if len(late) >= 100 else []

    def _add(self, kind: str, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sockets[sock.fileno()] = (kind, sock)
        if kind == "live":
            self.frames[sock.fileno()] = Frames(sock)
        self.poll.register(sock, select.EPOLLIN)

    def run(self) -> None:
        """Until there are no more commands."""
        commands = sys.stdin.fileno()
        self.poll.register(commands, select.EPOLLIN)
        while True:
            for number, _ in self.poll.poll():
                if number != commands:
                    self._read(number)
                elif line := sys.stdin.readline():  # one command at a time: each is answered before the next
                    self.command(line)
                else:
                    return

    def _read(self, number: int) -> None:
        kind, sock = self.sockets[number]
        count = sock.recv_into(self.buffer)
        self.received[kind] += count
        if kind == "live":
            self.frames[number].take(self.buffer[:count])
        if count == 0:
            self.poll.unregister(number)
            del self.sockets[number]


if __name__ == "__main__":
    Readers().run()
