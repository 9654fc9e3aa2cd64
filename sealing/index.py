"""The index part: leaf hashes and fragment table of the other parts (SPEC.md section 2.3)."""

from __future__ import annotations

import hmac
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .canonical import CBOR, decode_canonical, encode_canonical
from .errors import BadField, BadIndex, BadLength, UnknownCritical, UnknownSuite, WrongRoot
from .fields import Fields, array, integer
from .ids import KeyPurpose, Rendition, SealSuite
from .keys import part_context
from .merkle import HEADER_BYTES, leaf_count, leaf_hashes, merkle_root
from .part import plaintext_length
from .reader import open_part
from .record import MAX_INDEX_BYTES, MAX_INIT_BYTES, MAX_OBJECT_BYTES, MAX_PARTS, Segment

VERSION: Final = 1
MAX_FRAGMENTS: Final = 4096
SYNC: Final = 1
_MAX_LEAVES: Final = MAX_OBJECT_BYTES // 262400 + 1


@dataclass(frozen=True)
class Fragment:
    """One moof+mdat: `offset` and `length` in plaintext bytes, times in the track's timescale."""

    offset: int
    length: int
    decode_time: int
    duration: int
    flags: int
    samples: int

    @property
    def sync(self) -> bool:
        """Whether the first sample is a sync sample."""
        return bool(self.flags & SYNC)


@dataclass(frozen=True)
class IndexEntry:
    """One part: its first 56 sealed bytes, leaf hashes (32 bytes each), init length and fragments."""

    rendition: Rendition
    leaf_hashes: tuple[bytes, ...]
    init_length: int
    fragments: tuple[Fragment, ...]
    header: bytes

    def fragment_at(self, time: int) -> int:
        """Number of the fragment that holds decode time `time`; the first one for times before it."""
        return max(0, bisect_right([item.decode_time for item in self.fragments], time) - 1)


@dataclass(frozen=True)
class Index:
    """The opened index of one segment, one entry per other part."""

    entries: tuple[IndexEntry, ...]

    def entry(self, rendition: Rendition) -> IndexEntry | None:
        """The entry of this rendition, if the segment has the part."""
        return next((item for item in self.entries if item.rendition is rendition), None)


def encode_index(entries: Sequence[IndexEntry]) -> bytes:
    """Plaintext of the index part. Raises BadField for what no reader would accept."""
    plaintext = encode_canonical(
        {
            1: VERSION,
            2: [
                {
                    1: entry.rendition,
                    2: b"".join(entry.leaf_hashes),
                    3: entry.init_length,
                    4: [
                        [f.offset, f.length, f.decode_time, f.duration, f.flags, f.samples]
                        for f in entry.fragments
                    ],
                    5: entry.header,
                }
                for entry in entries
            ],
        }
    )
    parse_index(plaintext)
    return plaintext


def parse_index(plaintext: bytes) -> Index:
    """An index as opened, not yet compared with its record. Raises NotCanonical, BadField or UnknownCritical."""
    fields = Fields(decode_canonical(plaintext, MAX_INDEX_BYTES), "index")
    if fields.integer(1) != VERSION:
        raise UnknownCritical("index: unknown version")
    entries = tuple(_entry(item) for item in fields.array(2, 1, MAX_PARTS))
    fields.done()
    return Index(entries)


def _entry(value: CBOR) -> IndexEntry:
    fields = Fields(value, "index entry")
    rendition = Rendition(fields.integer(1, 1, 6))
    hashes = fields.blob(2, 32, 32 * _MAX_LEAVES)
    if len(hashes) % 32:
        raise BadField("index entry: leaf hashes are 32 bytes each")
    init_length = fields.integer(3, 0, MAX_INIT_BYTES)
    fragments = tuple(_fragment(item) for item in fields.array(4, 0, MAX_FRAGMENTS))
    header = fields.octets(5, HEADER_BYTES)
    fields.done()
    leaves = tuple(hashes[at : at + 32] for at in range(0, len(hashes), 32))
    return IndexEntry(rendition, leaves, init_length, fragments, header)


def _fragment(value: CBOR) -> Fragment:
    row = array(value, "fragment", 6, 6)
    return Fragment(
        integer(row[0], "fragment: offset", 0, MAX_OBJECT_BYTES),
        integer(row[1], "fragment: length", 1, MAX_OBJECT_BYTES),
        integer(row[2], "fragment: decode time"),
        integer(row[3], "fragment: duration"),
        integer(row[4], "fragment: flags", 0, 255),
        integer(row[5], "fragment: sample count", 0, 1 << 20),
    )


def check_index(index: Index, segment: Segment) -> None:
    """Compare an index with its verified record.

    Raises BadIndex for other parts, another init length or a table that does not tile the plaintext, WrongRoot for leaf hashes
    that do not give a part's root.
    """
    parts = segment.parts[:-1]
    if [entry.rendition for entry in index.entries] != [part.rendition for part in parts]:
        raise BadIndex("the index describes other parts than the record")
    for entry, part in zip(index.entries, parts, strict=True):
        name = part.rendition.name
        if len(entry.leaf_hashes) != leaf_count(part.sealed_length):
            raise WrongRoot(f"the index states {len(entry.leaf_hashes)} leaves for part {name}")
        if not hmac.compare_digest(merkle_root(entry.leaf_hashes), part.root):
            raise WrongRoot(f"the leaf hashes of part {name} do not give the root in the record")
        if part.media is not None:
            if entry.init_length != part.media.init_length:
                raise BadIndex(f"part {name}: the init segment's length is not the record's")
            _check_tiling(entry, plaintext_length(part.sealed_length))


def _check_tiling(entry: IndexEntry, length: int) -> None:
    at = entry.init_length
    for fragment in entry.fragments:
        if fragment.offset != at:
            raise BadIndex(
                f"part {entry.rendition.name}: a fragment begins at {fragment.offset}, not at {at}"
            )
        at += fragment.length
    if at != length:
        raise BadIndex(f"part {entry.rendition.name}: the fragments end at {at}, the plaintext at {length}")


def open_index(segment: Segment, key: bytes, sealed: bytes) -> Index:
    """Open and check the index part of a verified record.

    `key`: the segment key for rendition 7; `sealed`: the index part's bytes. Length and root are compared with the record before
    anything is opened. Raises BadLength, WrongRoot, UnknownSuite, WrongKey, ChunkTampered, and what `parse_index` and
    `check_index` raise.
    """
    part = segment.index
    if part.suite != SealSuite.COBBLESTONE_256:
        raise UnknownSuite(f"sealing suite {part.suite} is not known")
    if len(sealed) != part.sealed_length:
        raise BadLength(f"the index part has {len(sealed)} bytes, the record says {part.sealed_length}")
    if not hmac.compare_digest(merkle_root(leaf_hashes(sealed)), part.root):
        raise WrongRoot("the index part does not have the root in the record")
    context = part_context(
        segment.tenant, segment.camera, segment.stream, segment.segment, Rendition.INDEX, KeyPurpose.REC
    )
    index = parse_index(open_part(key, context, sealed))
    check_index(index, segment)
    return index
