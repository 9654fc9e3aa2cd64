"""Opening any range of a sealed part (SPEC.md sections 2.1, 2.2 and 9.2).

`cryptography` opens Cobblestone messages only from their beginning; this reader opens any chunk. It follows
c2sp.org/chunked-encryption. No byte of a chunk whose tag (and leaf, where leaf hashes are given) did not hold comes out.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512, HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from .errors import BadLength, ChunkTampered, LeafTampered, Truncated, WrongKey, WrongRoot
from .fields import octets
from .merkle import (
    CHUNK_BYTES,
    HEADER_BYTES,
    LEAF_CHUNKS,
    SEALED_CHUNK_BYTES,
    leaf_count,
    leaf_hash,
    leaf_range,
    merkle_root,
)
from .part import plaintext_length

Read = Callable[[int, int], bytes]
"""`read(offset, length)`: exactly these sealed bytes of the part, or fewer where the object ends early."""

_LABEL: Final = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"
_SALT_BYTES: Final = 24


def derive(
    key: bytes, salt: bytes, context: bytes, algorithm: HashAlgorithm | None = None
) -> tuple[bytes, bytes, bytes]:
    """Cipher key (32), base nonce (12) and commitment (32) of a message. Another `algorithm` serves the published vectors only."""
    info = _LABEL + salt + context
    material = HKDFExpand(algorithm=algorithm or SHA512(), length=76, info=info).derive(key)
    return material[:32], material[32:44], material[44:]


class PartReader:
    """Opens ranges of one sealed part.

    With `leaf_hashes` (from an index part that was checked against its record) every leaf is fetched whole and checked before
    its chunks are opened; without, only the chunks' own tags are checked, which does not notice a part that another holder of the
    key sealed again.
    """

    def __init__(
        self,
        key: bytes,
        context: bytes,
        source: bytes | Read,
        sealed_length: int,
        *,
        leaf_hashes: Sequence[bytes] | None = None,
        root: bytes | None = None,
        header: bytes | None = None,
        algorithm: HashAlgorithm | None = None,
    ) -> None:
        """`source`: the sealed part, or a way to read from it. `header`: its first 56 bytes where known (the index part has them).

        Raises BadLength or Truncated for an impossible length, WrongRoot when `leaf_hashes` do not give `root`, WrongKey when the
        commitment does not fit key and context.
        """
        octets(key, "segment key", 32)
        self._length = sealed_length
        self.plaintext_length = plaintext_length(sealed_length)
        self._read = _reader(source, sealed_length)
        self._leaf_hashes = None if leaf_hashes is None else tuple(leaf_hashes)
        self._leaf: tuple[int, bytes] | None = None
        if self._leaf_hashes is not None:
            _check_root(self._leaf_hashes, root, sealed_length)
        head = octets(header, "part header", HEADER_BYTES) if header is not None else self._header()
        cipher_key, nonce, commitment = derive(key, head[:_SALT_BYTES], context, algorithm)
        if not hmac.compare_digest(commitment, head[_SALT_BYTES:]):
            raise WrongKey("this part was sealed with another key or for another place")
        self._cipher = AESGCM(cipher_key)
        self._nonce = int.from_bytes(nonce, "big")

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these plaintext bytes. Raises BadLength outside the part, ChunkTampered, LeafTampered or Truncated."""
        if offset < 0 or length < 0 or offset + length > self.plaintext_length:
            raise BadLength(f"bytes {offset}+{length} lie outside the {self.plaintext_length} of the part")
        if length == 0:
            return b""
        first, last = offset // CHUNK_BYTES, (offset + length - 1) // CHUNK_BYTES
        plain = b"".join(self.chunks(first, last + 1))
        begin = offset - first * CHUNK_BYTES
        return plain[begin : begin + length]

    def chunks(self, first: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Plaintext of the chunks [first, end), each handed out only once it is authentic; by default all of them."""
        total = self.plaintext_length // CHUNK_BYTES + 1
        stop = total if end is None else end
        if not 0 <= first <= stop <= total:
            raise BadLength(f"chunks {first} to {stop} lie outside the {total} of the part")
        for number in range(first, stop):
            yield self._open(number, self._sealed_chunk(number))

    def _header(self) -> bytes:
        if self._leaf_hashes is not None:
            return self._checked_leaf(0)[:HEADER_BYTES]
        return self._fetch(0, HEADER_BYTES)

    def _sealed_chunk(self, number: int) -> bytes:
        """One chunk's sealed bytes, out of its checked leaf where leaf hashes are known."""
        leaf = number // LEAF_CHUNKS
        begin = HEADER_BYTES + number * SEALED_CHUNK_BYTES
        if self._leaf_hashes is not None:
            data, base = self._checked_leaf(leaf), leaf_range(leaf, self._length)[0]
            return data[begin - base : begin - base + SEALED_CHUNK_BYTES]
        return self._fetch(begin, min(SEALED_CHUNK_BYTES, self._length - begin))

    def _checked_leaf(self, leaf: int) -> bytes:
        assert self._leaf_hashes is not None
        if self._leaf is None or self._leaf[0] != leaf:
            begin, end = leaf_range(leaf, self._length)
            data = self._fetch(begin, end - begin)
            if not hmac.compare_digest(leaf_hash(data), self._leaf_hashes[leaf]):
                raise LeafTampered(f"leaf {leaf} (sealed bytes {begin} to {end}) was altered")
            self._leaf = (leaf, data)
        return self._leaf[1]

    def _fetch(self, offset: int, length: int) -> bytes:
        data = self._read(offset, length)
        if len(data) != length:
            raise Truncated(f"asked for {length} sealed bytes at {offset}, got {len(data)}")
        return data

    def _open(self, number: int, sealed: bytes) -> bytes:
        nonce = (self._nonce ^ number).to_bytes(12, "big")
        try:
            return self._cipher.decrypt(nonce, sealed, None)
        except InvalidTag as error:
            raise ChunkTampered(f"chunk {number} was altered or belongs elsewhere") from error


def _reader(source: bytes | Read, sealed_length: int) -> Read:
    if not isinstance(source, bytes | bytearray | memoryview):
        return source
    whole = bytes(source)
    if len(whole) < sealed_length:
        raise Truncated(f"the part has {len(whole)} of its {sealed_length} sealed bytes")
    return lambda offset, length: whole[offset : offset + length]


def _check_root(leaf_hashes: tuple[bytes, ...], root: bytes | None, sealed_length: int) -> None:
    if root is None:
        raise ValueError("leaf hashes prove nothing without the root of the record")
    if len(leaf_hashes) != leaf_count(sealed_length):
        raise WrongRoot(f"{len(leaf_hashes)} leaf hashes for a part of {leaf_count(sealed_length)} leaves")
    if not hmac.compare_digest(merkle_root(leaf_hashes), root):
        raise WrongRoot("the leaf hashes do not give the root in the record")


def open_part(key: bytes, context: bytes, sealed: bytes) -> bytes:
    """The whole plaintext of a small part in memory, checked by its chunks' tags alone."""
    return b"".join(PartReader(key, context, sealed, len(sealed)).chunks())
