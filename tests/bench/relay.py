"""The least a relay can do, for the hub to be compared with: one TCP source, the same bytes to every TCP reader, epoll.

The source sends each message after its length (4 bytes, big-endian); readers get the messages alone, one send each.
No TLS, framing, rights, keys or bound on what waits. Usage: python -m tests.bench.relay; prints "SOURCE_PORT READER_PORT".
"""

from __future__ import annotations

import select
import socket
from collections import deque

RECEIVE_BYTES = 1 << 20
LENGTH_BYTES = 4


class Reader:
    """One reader and what its socket did not take yet."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.waiting: deque[memoryview] = deque()

    def offer(self, message: bytes) -> bool:
        """Sends at once, or keeps what does not fit; whether the socket became full by it."""
        if self.waiting:
            self.waiting.append(memoryview(message))
            return False
        self.waiting.append(memoryview(message))
        self.flush()
        return bool(self.waiting)

    def flush(self) -> None:
        while self.waiting:
            piece = self.waiting.popleft()
            try:
                sent = self.sock.send(piece)
            except BlockingIOError:
                sent = 0
            if sent < len(piece):
                self.waiting.appendleft(piece[sent:])
                return


class Relay:
    """All sockets of the program."""

    def __init__(self) -> None:
        self.source_door, self.reader_door = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
        self.source: socket.socket | None = None
        self.readers: dict[int, Reader] = {}
        self.received = bytearray()
        self.poll = select.epoll()
        for door in (self.source_door, self.reader_door):
            self.poll.register(door, select.EPOLLIN)

    def run(self) -> None:
        """Until the source has gone."""
        while True:
            for number, events in self.poll.poll():
                if number == self.source_door.fileno():
                    self.source, _ = self.source_door.accept()
                    self.poll.register(self.source, select.EPOLLIN)
                elif number == self.reader_door.fileno():
                    self._new_reader()
                elif self.source is not None and number == self.source.fileno():
                    if not self._receive(self.source):
                        return
                elif events & (select.EPOLLHUP | select.EPOLLERR):
                    self.poll.unregister(number)
                    del self.readers[number]
                else:
                    self._room(self.readers[number])

    def _new_reader(self) -> None:
        sock, _ = self.reader_door.accept()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.readers[sock.fileno()] = Reader(sock)
        self.poll.register(sock, 0)

    def _room(self, reader: Reader) -> None:
        reader.flush()
        if not reader.waiting:
            self.poll.modify(reader.sock, 0)

    def _receive(self, source: socket.socket) -> bool:
        data = source.recv(RECEIVE_BYTES)
        self.received += data
        while len(self.received) >= LENGTH_BYTES:
            end = LENGTH_BYTES + int.from_bytes(self.received[:LENGTH_BYTES], "big")
            if len(self.received) < end:
                break
            message = bytes(memoryview(self.received)[LENGTH_BYTES:end])
            del self.received[:end]
            for reader in self.readers.values():
                if reader.offer(message):
                    self.poll.modify(reader.sock, select.EPOLLOUT)
        return bool(data)


if __name__ == "__main__":
    relay = Relay()
    print(relay.source_door.getsockname()[1], relay.reader_door.getsockname()[1], flush=True)
    relay.run()
