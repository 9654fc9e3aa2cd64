"""Sealing one part: Cobblestone-256 (c2sp.org/chunked-encryption), leaf hashes and CRC in one pass (SPEC.md section 2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.cobblestone import Cobblestone256Encryptor

from .crc import crc32c
from .errors import BadLength, Truncated
from .merkle import (
    CHUNK_BYTES,
    HEADER_BYTES,
    SEALED_CHUNK_BYTES,
    TAG_BYTES,
    LeafHasher,
    merkle_root,
)

Sink = Callable[[bytes], object]
"""Takes the next sealed bytes; whatever it returns is ignored."""

_STEP_BYTES: Final = 4 * CHUNK_BYTES
"""Plaintext per call of the cipher: few calls, yet results small enough that the allocator reuses warm memory."""


def sealed_length(plaintext_length: int) -> int:
    """Bytes of the sealed part for `plaintext_length` bytes."""
    return HEADER_BYTES + plaintext_length + TAG_BYTES * (plaintext_length // CHUNK_BYTES + 1)


def plaintext_length(sealed: int) -> int:
    """Bytes of plaintext in a sealed part of `sealed` bytes.

    Raises Truncated where it ends with a full chunk (the last is never full) and BadLength where no message can have that length.
    """
    full, rest = divmod(sealed - HEADER_BYTES, SEALED_CHUNK_BYTES)
    if sealed < HEADER_BYTES + TAG_BYTES:
        raise BadLength(f"a sealed part has at least {HEADER_BYTES + TAG_BYTES} bytes, this has {sealed}")
    if rest == 0:
        raise Truncated("the part ends with a full chunk: at least one more must follow")
    if rest < TAG_BYTES:
        raise BadLength(f"no sealed part has {sealed} bytes")
    return full * CHUNK_BYTES + rest - TAG_BYTES


@dataclass(frozen=True)
class PartDigest:
    """What a record and an index state about a sealed part."""

    sealed_length: int
    plaintext_length: int
    header: bytes
    leaf_hashes: tuple[bytes, ...]
    root: bytes
    crc32c: int


class PartSealer:
    """Seals one part as its plaintext comes.

    Sealed bytes go to `sink` in order; what has gone out is final, so a half-written part is a valid prefix. Memory stays flat:
    at most one chunk waits inside. Each sealed byte is hashed once.
    """

    def __init__(self, key: bytes, context: bytes, sink: Sink) -> None:
        """`key`: segment or session key (32 bytes); `context`: `part_context` or `live_context`."""
        self._cipher: Cobblestone256Encryptor | None = Cobblestone256Encryptor(key, context)
        self._sink = sink
        self._leaves = LeafHasher()
        self._crc = 0
        self._header = b""
        self.plaintext_length = 0
        self.sealed_length = 0

    def update(self, plaintext: bytes | bytearray | memoryview) -> None:
        """Seal the next plaintext. Raises whatever the sink raises; the part is unusable then."""
        if self._cipher is None:
            raise ValueError("the part is finished")
        rest = memoryview(plaintext)
        if rest.ndim != 1 or rest.itemsize != 1:
            rest = rest.cast("B")
        for at in range(0, len(rest), _STEP_BYTES):
            self._emit(self._cipher.update(rest[at : at + _STEP_BYTES]))
        self.plaintext_length += len(rest)

    def finish(self) -> PartDigest:
        """Seal what waits and close the part."""
        if self._cipher is None:
            raise ValueError("the part is finished")
        if self.sealed_length == 0:
            self._emit(self._cipher.update(b""))
        self._emit(self._cipher.finalize())
        self._cipher = None
        leaves = self._leaves.finish()
        return PartDigest(
            self.sealed_length, self.plaintext_length, self._header, leaves, merkle_root(leaves), self._crc
        )

    def _emit(self, sealed: bytes) -> None:
        if not sealed:
            return
        if not self._header:
            self._header = sealed[:HEADER_BYTES]
        self._leaves.update(sealed)
        self._crc = crc32c(sealed, self._crc)
        self.sealed_length += len(sealed)
        self._sink(sealed)


def seal_part(key: bytes, context: bytes, plaintext: bytes) -> tuple[bytes, PartDigest]:
    """Seal a small part in memory."""
    pieces: list[bytes] = []
    sealer = PartSealer(key, context, pieces.append)
    sealer.update(plaintext)
    digest = sealer.finish()
    return b"".join(pieces), digest
