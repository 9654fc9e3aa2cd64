"""Tombstones: signed deletion by policy (SPEC.md section 5)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

from .canonical import decode_canonical, encode_canonical
from .cose import MAX_SIGNED_BYTES, Purpose, Signed, Signer, check1, parse1, sign1
from .errors import UnknownCritical, WrongScope
from .fields import Fields, array, integer, octets
from .ids import Stream
from .statement import Trust

VERSION: Final = 1
MAX_POLICY_BYTES: Final = 200


@dataclass(frozen=True)
class SeqRange:
    """Records `first` to `last` (inclusive) of a chain."""

    chain: bytes
    first: int
    last: int


@dataclass(frozen=True)
class Tombstone:
    """The segments named were deleted at `deleted_us` under `policy`, by the deletion key of statement `statement_number`."""

    tenant: uuid.UUID
    camera: uuid.UUID
    stream: Stream
    ranges: tuple[SeqRange, ...]
    from_us: int
    to_us: int
    policy: str
    deleted_us: int
    statement_number: int
    segments: tuple[uuid.UUID, ...]


def sign_tombstone(tombstone: Tombstone, signer: Signer) -> bytes:
    """The signed object. Raises BadField for what no reader would accept, BadLength for too many segments."""
    payload = encode_canonical(
        {
            1: VERSION,
            2: tombstone.tenant.bytes,
            3: tombstone.camera.bytes,
            4: tombstone.stream,
            5: [[item.chain, item.first, item.last] for item in tombstone.ranges],
            6: tombstone.from_us,
            7: tombstone.to_us,
            8: tombstone.policy,
            9: tombstone.deleted_us,
            10: tombstone.statement_number,
            11: [segment.bytes for segment in tombstone.segments],
        }
    )
    _parse_payload(payload)
    return sign1(payload, Purpose.TOMBSTONE, signer)


def parse_tombstone(data: bytes) -> tuple[Tombstone, Signed]:
    """A tombstone as it came; its signature is not checked. Raises what `parse1` raises, BadField or UnknownCritical."""
    signed = parse1(data, MAX_SIGNED_BYTES)
    return _parse_payload(signed.payload), signed


def _parse_payload(payload: bytes) -> Tombstone:
    fields = Fields(decode_canonical(payload), "tombstone")
    if fields.integer(1) != VERSION:
        raise UnknownCritical("tombstone: unknown version")
    ranges = []
    for item in fields.array(5):
        chain, first, last = array(item, "tombstone: range", 3, 3)
        begin = integer(first, "tombstone: first seq")
        end = integer(last, "tombstone: last seq", begin)
        ranges.append(SeqRange(octets(chain, "tombstone: chain", 16), begin, end))
    segments = tuple(uuid.UUID(bytes=octets(item, "tombstone: segment", 16)) for item in fields.array(11))
    tombstone = Tombstone(
        fields.uuid(2),
        fields.uuid(3),
        Stream(fields.integer(4, 1, 2)),
        tuple(ranges),
        fields.time_us(6),
        fields.time_us(7),
        fields.text(8, MAX_POLICY_BYTES),
        fields.time_us(9),
        fields.integer(10),
        segments,
    )
    fields.done()
    return tombstone


def verify_tombstone(data: bytes, trust: Trust) -> Tombstone:
    """A tombstone whose deletion key the tenant's root states. Raises UnknownSigner, BadSignature, WrongPurpose or WrongScope."""
    tombstone, signed = parse_tombstone(data)
    if tombstone.tenant != trust.tenant:
        raise WrongScope("the tombstone belongs to another tenant")
    check1(signed, Purpose.TOMBSTONE, trust.deletion_key(tombstone.statement_number))
    return tombstone
