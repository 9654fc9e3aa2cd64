"""Leaves and Merkle root of a sealed part (SPEC.md section 2.2; tree shape of RFC 6962 section 2.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from .errors import BadLength

HEADER_BYTES: Final = 56
CHUNK_BYTES: Final = 16384
TAG_BYTES: Final = 16
SEALED_CHUNK_BYTES: Final = CHUNK_BYTES + TAG_BYTES
LEAF_CHUNKS: Final = 16
LEAF_BYTES: Final = LEAF_CHUNKS * SEALED_CHUNK_BYTES
"""Sealed bytes of a leaf; leaf 0 holds the 56 header bytes besides."""


def leaf_count(sealed_length: int) -> int:
    """How many leaves a part of `sealed_length` bytes has. Raises BadLength when no part is that short."""
    if sealed_length < HEADER_BYTES + TAG_BYTES:
        raise BadLength(
            f"a sealed part has at least {HEADER_BYTES + TAG_BYTES} bytes, this has {sealed_length}"
        )
    return (sealed_length - HEADER_BYTES - 1) // LEAF_BYTES + 1


def leaf_range(leaf: int, sealed_length: int) -> tuple[int, int]:
    """Begin and end (exclusive) of leaf number `leaf` within the sealed part, in bytes."""
    if not 0 <= leaf < leaf_count(sealed_length):
        raise IndexError(f"no leaf {leaf} in {sealed_length} bytes")
    begin = 0 if leaf == 0 else HEADER_BYTES + leaf * LEAF_BYTES
    return begin, min(HEADER_BYTES + (leaf + 1) * LEAF_BYTES, sealed_length)


def leaf_hash(sealed: bytes | memoryview) -> bytes:
    """Hash of one leaf's sealed bytes."""
    digest = hashlib.sha256(b"\x00")
    digest.update(sealed)
    return digest.digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Root over at least one leaf hash (32 bytes each)."""
    if not leaves:
        raise ValueError("a Merkle tree has at least one leaf")
    if len(leaves) == 1:
        return leaves[0]
    left = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node_hash(merkle_root(leaves[:left]), merkle_root(leaves[left:]))


class LeafHasher:
    """Leaf hashes of a part whose sealed bytes come in pieces, each byte hashed once."""

    def __init__(self) -> None:
        self._done: list[bytes] = []
        self._open = hashlib.sha256(b"\x00")
        self._room = HEADER_BYTES + LEAF_BYTES
        self._empty = True

    def update(self, sealed: bytes | memoryview) -> None:
        """Take the next sealed bytes."""
        rest = memoryview(sealed)
        while len(rest) > 0:
            if self._room == 0:
                self._done.append(self._open.digest())
                self._open = hashlib.sha256(b"\x00")
                self._room = LEAF_BYTES
            piece = rest[: self._room]
            self._open.update(piece)
            self._room -= len(piece)
            self._empty = False
            rest = rest[len(piece) :]

    def finish(self) -> tuple[bytes, ...]:
        """All leaf hashes, in order. Nothing may follow. Raises BadLength when no byte came."""
        if self._empty:
            raise BadLength("a sealed part cannot be empty")
        return (*self._done, self._open.digest())


def leaf_hashes(sealed: bytes | memoryview) -> tuple[bytes, ...]:
    """Leaf hashes of a whole sealed part in memory."""
    hasher = LeafHasher()
    hasher.update(sealed)
    return hasher.finish()
