"""Vectors of records, chains, statements, tombstones, index parts, whole segments and live."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from sealing.canonical import CBOR, Encodable, decode_canonical, encode_canonical
from sealing.chain import ChainHead
from sealing.cose import Ed25519Signer, Purpose, parse1, sign1
from sealing.errors import SealingError
from sealing.ids import (
    CameraKeyKind,
    ClockSource,
    EventType,
    GapReason,
    GenesisReason,
    RecipientKind,
    Rendition,
    Stream,
    fingerprint,
)
from sealing.index import Index, encode_index, open_index
from sealing.keys import PeriodKey
from sealing.live import LivePlayer, LivePublisher, Proof, Publish, chained
from sealing.motion import MotionMap, Moved, encode_motion
from sealing.part import seal_part, sealed_length
from sealing.record import ZERO_HASH, Follows, Segment, SignedRecord, Stamp, parse_record, verify_record
from sealing.segment import FinishedSegment, SegmentPlace, SegmentWriter
from sealing.show import plain
from sealing.statement import (
    AgentKeys,
    AgentRevoked,
    Body,
    CameraKey,
    CameraKeys,
    CommandKey,
    DeletionKey,
    MemberKeys,
    Recipient,
    Recipients,
    RootBody,
    RootHandover,
    Statement,
    Trust,
    TrustedUpTo,
    countersign_handover,
    sign_statement,
    verify_statements,
)
from sealing.tombstone import SeqRange, Tombstone, sign_tombstone
from sealing.vectors.basics import (
    AGENT,
    AUDIO_KEY,
    CAMERA,
    OTHER_CAMERA,
    OTHER_RECORDER,
    OTHER_ROOT,
    OTHER_TENANT,
    RECORDER,
    ROOT,
    SEGMENT,
    START_US,
    TENANT,
    VIDEO_KEY,
    Vector,
    fixed_uuid,
)
from sealing.vectors.encoder import described, fixed, resolve, stream

CHAIN: Final = stream("chain", 16)
RUN: Final = stream("run", 16)
PUBLIC: Final = RECORDER.public_key.hex()


def stamp(second: float) -> Stamp:
    """The agent's clocks `second` seconds after the start of these vectors."""
    after_us = int(second * 1_000_000)
    return Stamp(
        START_US + after_us,
        stream("boot", 16),
        5_000_000_000 + 1000 * after_us,
        ClockSource.SYSTEM_SYNCHRONISED,
        1500,
    )


@dataclass(frozen=True)
class Sample:
    """A finished segment, the description of its object, and its plaintexts by rendition."""

    finished: FinishedSegment
    object: dict[str, Any]
    plaintexts: dict[Rendition, bytes]


def sample(label: str, segment: uuid.UUID, sizes: list[int], *, audio: bool, salts: str = "") -> Sample:
    """A segment of main with fragments of `sizes` bytes of a second each; `salts` changes nothing but the salts."""
    place = SegmentPlace(TENANT, CAMERA, Stream.MAIN, segment)
    tracks = {Rendition.MAIN: (VIDEO_KEY, "avc1.64001f", 90000)}
    if audio:
        tracks[Rendition.AUDIO] = (AUDIO_KEY, "mp4a.40.2", 48000)
    salt_label = f"{label}{salts}"
    writer, descriptions, plaintexts = SegmentWriter(place), [], {}
    with fixed(salt_label):
        for number, (rendition, (key, codec, timescale)) in enumerate(tracks.items(), start=1):
            pieces = _pieces(
                f"{label} {rendition.name}", sizes if rendition is Rendition.MAIN else [900] * len(sizes)
            )
            plaintexts[rendition] = b"".join(resolve(piece) for piece in pieces)
            part = writer.open_part(
                rendition, key, lambda _: None, codec=codec, init=resolve(pieces[0]), timescale=timescale
            )
            for at, piece in enumerate(pieces[1:]):
                part.append(resolve(piece), timescale * (at + 1), timescale, sync=at % 2 == 0, samples=25)
            plaintext = described(concat=pieces)
            descriptions.append(_sealed(place, rendition, key, f"salt {salt_label} {number}", plaintext))
        finished = writer.finish(lambda _: None)
    index = finished.index.hex()
    return Sample(finished, described(concat=[*descriptions, index]), plaintexts)


def _pieces(label: str, sizes: list[int]) -> list[dict[str, Any]]:
    init = described(stream=f"{label} init", length=700)
    return [init] + [described(stream=f"{label} {at}", length=size) for at, size in enumerate(sizes)]


def _sealed(
    place: SegmentPlace, rendition: Rendition, key: PeriodKey, salt: str, plaintext: Any
) -> dict[str, Any]:
    how = {
        "key": key.segment_key(place.segment, rendition).hex(),
        "context": place.context(rendition).hex(),
        "salt": stream(salt, 24).hex(),
        "plaintext": plaintext,
    }
    return described(seal=how)


SAMPLE: Final = sample("segment", SEGMENT, [70_000] * 10, audio=True)
SMALL: Final = sample("small", fixed_uuid("small segment"), [5000], audio=False)
START: Final = ChainHead(TENANT, CAMERA, Stream.MAIN, CHAIN)


def genesis(
    head: ChainHead = START, signer: Ed25519Signer = RECORDER, follows: Follows | None = None
) -> SignedRecord:
    reason = GenesisReason.RESTART if follows else GenesisReason.FIRST_START
    return head.genesis(signer, stamp(0), agent=AGENT, reason=reason, software="vectors 1.0", follows=follows)


def segment(head: ChainHead, of: Sample, second: float, **changes: Any) -> SignedRecord:
    """The record of a sample that begins at `second` and lasts 10 s."""
    start_us = START_US + int(second * 1_000_000)
    fields: dict[str, Any] = {
        "segment": of.finished.segment,
        "start_us": start_us,
        "end_us": start_us + 10_000_000,
        "run": RUN,
        "size": of.finished.size,
        "crc32c": of.finished.crc32c,
        "parts": of.finished.parts,
    }
    return head.segment(RECORDER, stamp(second + 10.2), **(fields | changes))


GENESIS: Final = genesis()
FIRST: Final = START.after(GENESIS)


def remade(
    record: SignedRecord, change: Callable[[dict[int, Any]], object], signer: Ed25519Signer = RECORDER
) -> bytes:
    """`record` with its payload changed by `change` and signed again: validly signed nonsense."""
    payload = decode_canonical(record.signed.payload)
    assert isinstance(payload, dict)
    change(cast("dict[int, Any]", payload))
    return sign1(encode_canonical(_encodable(payload)), Purpose.RECORD, signer)


def _encodable(value: dict[int, CBOR]) -> dict[int, Encodable]:
    return cast("dict[int, Encodable]", value)


def _put(key: int, value: Any) -> Callable[[dict[int, Any]], object]:
    return lambda payload: payload.__setitem__(key, value)


def _drop(key: int) -> Callable[[dict[int, Any]], object]:
    return lambda payload: payload.pop(key)


def _put_part(number: int, key: int, value: Any) -> Callable[[dict[int, Any]], object]:
    return lambda payload: payload[27][number].__setitem__(key, value)


def _drop_part(number: int, key: int) -> Callable[[dict[int, Any]], object]:
    return lambda payload: payload[27][number].pop(key)


def records() -> list[Vector]:
    head = FIRST
    seg = segment(head, SAMPLE, 0)
    end_us = START_US + 5_000_000
    event = _event(head)
    good = {
        "genesis": GENESIS,
        "genesis that follows": genesis(follows=Follows(stream("older chain", 16), 41, bytes(range(32)))),
        "segment with audio": seg,
        "segment without audio": segment(head, SMALL, 0),
        "continuation": segment(head, SMALL, 0, continuation_of=SEGMENT, policy=3),
        "gap": head.gap(
            RECORDER, stamp(5), start_us=START_US, end_us=end_us, reason=GapReason.CAMERA_UNREACHABLE
        ),
        "gap with detail": head.gap(
            RECORDER,
            stamp(5),
            start_us=START_US,
            end_us=end_us,
            reason=GapReason.DISK_FULL,
            detail="Spule voll · 門",
        ),
        "gap for a reason of a later release": head.gap(
            RECORDER, stamp(5), start_us=START_US, end_us=end_us, reason=200, detail="ä" * 100
        ),
        "beat": head.beat(RECORDER, stamp(60)),
        "beat after 200 days without a restart": head.beat(
            RECORDER, Stamp(START_US, stream("boot", 16), 200 * 86_400 * 10**9, ClockSource.UNKNOWN, 0)
        ),
        "clock, back by an hour": head.clock(
            RECORDER, stamp(70), step_us=-3_600_000_000, detail="time server"
        ),
        "event": event,
        "event that goes on, with detail": head.event(
            RECORDER,
            stamp(60),
            start_us=START_US,
            end_us=START_US + 60_000_000,
            type=EventType.TAMPER,
            source="onvif:Kamera 門",
            goes_on=True,
            detail="GlobalSceneChange",
        ),
        "event of a picture that stands still": head.event(
            RECORDER,
            stamp(60),
            start_us=START_US,
            end_us=START_US + 60_000_000,
            type=EventType.FROZEN_PICTURE,
            source="own",
            goes_on=True,
        ),
        "event of a wrong clock, an instant": head.event(
            RECORDER,
            stamp(5),
            start_us=START_US,
            end_us=START_US,
            type=EventType.CAMERA_CLOCK,
            source="own",
            detail="3600 s ahead",
        ),
        "event of a type of a later release": head.event(
            RECORDER, stamp(5), start_us=START_US, end_us=end_us, type=200, source="own"
        ),
        "segment that ends before it starts": segment(head, SMALL, 5, end_us=START_US),
    }
    vectors = [_record(name, item.encoded) | _recorded(item) for name, item in good.items()]
    for name, change in {
        "ignorable extension": _put(-1, {1: b"later"}),
        "lens mark": _put(28, {1: bytes(range(32))}),
        "part with an ignorable extension": _put_part(0, -5, b"later"),
        "a sealing suite of a later release": _put_part(0, 2, 9),
    }.items():
        vectors.append(_shown(name, remade(seg, change)))
    altered = bytearray(seg.encoded)
    altered[seg.encoded.index(RUN)] ^= 1
    vectors += [
        _record("segment altered", bytes(altered)) | {"error": "bad-signature"},
        _record("signed by another agent", remade(seg, lambda _: None, OTHER_RECORDER))
        | {"error": "bad-signature"},
        _record("signed as a command", sign1(seg.signed.payload, Purpose.COMMAND, RECORDER))
        | {"error": "wrong-purpose"},
        _record("payload not canonical", sign1(b"\xa1\x01\x18\x01", Purpose.RECORD, RECORDER))
        | {"error": "not-canonical"},
        _record("payload not a map", sign1(b"\x80", Purpose.RECORD, RECORDER)) | {"error": "bad-field"},
        _record("too long", remade(GENESIS, _put(-1, bytes(16384)))) | {"error": "bad-length"},
        _record("empty", b"") | {"error": "not-canonical"},
    ]
    vectors += [
        _record(name, remade(GENESIS, change)) | {"error": error}
        for name, (change, error) in _bad_heads().items()
    ]
    vectors += [
        _record(name, remade(event, change)) | {"error": error}
        for name, (change, error) in _bad_events().items()
    ]
    return vectors + [
        _record(name, remade(seg, change)) | {"error": error}
        for name, (change, error) in _bad_segments().items()
    ]


def _record(name: str, data: bytes) -> Vector:
    return {"name": name, "op": "verify-record", "data": data.hex(), "public_key": PUBLIC}


def _recorded(record: SignedRecord) -> Vector:
    return {"expect": {"record": plain(record.record), "hash": record.hash.hex()}}


def _shown(name: str, data: bytes) -> Vector:
    return _record(name, data) | _recorded(verify_record(data, RECORDER.public_key))


Changes = dict[str, tuple[Callable[[dict[int, Any]], object], str]]


def _bad_heads() -> Changes:
    return {
        "version 2": (_put(1, 2), "unknown-critical"),
        "kind of a later release": (_put(2, 200), "unknown-critical"),
        "reserved kind": (_put(2, 6), "unknown-critical"),
        "unknown field": (_put(99, 0), "unknown-critical"),
        "field of another kind": (_put(20, bytes(16)), "unknown-critical"),
        "no tenant": (_drop(3), "bad-field"),
        "tenant of 15 bytes": (_put(3, bytes(15)), "bad-field"),
        "tenant as text": (_put(3, str(TENANT)), "bad-field"),
        "stream 3": (_put(5, 3), "bad-field"),
        "negative seq": (_put(7, -1), "bad-field"),
        "seq 2^63": (_put(7, 1 << 63), "bad-field"),
        "seq true": (_put(7, True), "bad-field"),
        "prev of 31 bytes": (_put(8, bytes(31)), "bad-field"),
        "time beyond the year 9999": (_put(9, 253_402_300_800_000_000), "bad-field"),
        "clock of one item": (_put(12, [1]), "bad-field"),
        "clock source 256": (_put(12, [256, 0]), "bad-field"),
        "record key of 31 bytes": (_put(41, bytes(31)), "bad-field"),
        "follows of two items": (_put(42, [bytes(16), 1]), "bad-field"),
        "no follows": (_drop(42), "bad-field"),
        "software of 101 bytes": (_put(44, "x" * 101), "bad-field"),
        "software as bytes": (_put(44, b"x"), "bad-field"),
    }


def _event(head: ChainHead, seq_s: int = 5, **changed: Any) -> SignedRecord:
    told: dict[str, Any] = {"start_us": START_US, "end_us": START_US + seq_s * 1_000_000} | changed
    return head.event(RECORDER, stamp(seq_s), type=EventType.MOTION, source="own", **told)


def _bad_events() -> Changes:
    return {
        "event without a type": (_drop(70), "bad-field"),
        "event of type 256": (_put(70, 256), "bad-field"),
        "event without a source": (_drop(71), "bad-field"),
        "event with a source of 241 bytes": (_put(71, "x" * 241), "bad-field"),
        "event that goes on by a number": (_put(72, 1), "bad-field"),
        "event that does not say whether it goes on": (_drop(72), "bad-field"),
        "event with a gap reason": (_put(30, 1), "unknown-critical"),
    }


def _bad_segments() -> Changes:
    size, last = SAMPLE.finished.size, SAMPLE.finished.parts[-1]
    return {
        "no parts": (_put(27, []), "bad-parts"),
        "parts not an array": (_put(27, {}), "bad-field"),
        "eight parts": (lambda p: p.__setitem__(27, p[27] * 3), "bad-field"),
        "index alone": (lambda p: p.__setitem__(27, p[27][2:]), "bad-parts"),
        "no index": (lambda p: p.__setitem__(27, p[27][:2]), "bad-parts"),
        "audio before video": (lambda p: p[27].insert(0, p[27].pop(1)), "bad-parts"),
        "video of the other stream": (_put_part(0, 1, 2), "bad-parts"),
        "audio twice": (lambda p: p[27].insert(1, dict(p[27][1])), "bad-parts"),
        "rendition 8": (_put_part(1, 1, 8), "bad-parts"),
        "rendition 0": (_put_part(1, 1, 0), "bad-parts"),
        "first part not at 0": (_put_part(0, 3, 1), "bad-parts"),
        "a hole between parts": (_put_part(1, 3, SAMPLE.finished.parts[1].offset + 1), "bad-parts"),
        "parts overlap": (_put_part(1, 3, SAMPLE.finished.parts[1].offset - 1), "bad-parts"),
        "object longer than its parts": (_put(24, size + 1), "bad-parts"),
        "object shorter than its parts": (_put(24, size - 1), "bad-parts"),
        "object of 2 GiB": (_put(24, 1 << 31), "bad-field"),
        "index under another key": (_put_part(2, 6, bytes(16)), "bad-parts"),
        "index with another commitment": (_put_part(2, 7, bytes(32)), "bad-parts"),
        "part of 71 bytes": (_short_last(71, size - last.sealed_length + 71), "bad-parts"),
        "index of more than 262144 bytes": (
            _short_last(262145, size - last.sealed_length + 262145),
            "bad-parts",
        ),
        "root of 31 bytes": (_put_part(0, 5, bytes(31)), "bad-field"),
        "video without its timescale": (_drop_part(0, 11), "bad-field"),
        "timescale 0": (_put_part(0, 11, 0), "bad-field"),
        "codec string of 65 bytes": (_put_part(0, 8, "x" * 65), "bad-field"),
        "init length 0": (_put_part(0, 10, 0), "bad-field"),
        "index with a codec string": (_put_part(2, 8, "x"), "unknown-critical"),
        "part with an unknown field": (_put_part(0, 14, 0), "unknown-critical"),
        "sum of 5 bytes": (_put(25, bytes(5)), "bad-field"),
        "no run": (_drop(23), "bad-field"),
        "lens mark with an unknown field": (_put(28, {1: bytes(32), 2: 0}), "unknown-critical"),
        "gap reason on a segment": (_put(30, 1), "unknown-critical"),
    }


def _short_last(length: int, size: int) -> Callable[[dict[int, Any]], object]:
    def change(payload: dict[int, Any]) -> None:
        payload[27][2][4] = length
        payload[24] = size

    return change


def chain_of(count: int) -> list[SignedRecord]:
    """A genesis and `count` beats, a minute apart."""
    items, head = [GENESIS], FIRST
    for number in range(count):
        items.append(head.beat(RECORDER, stamp(60 * (number + 1))))
        head = head.after(items[-1])
    return items


def chains() -> list[Vector]:
    good = chain_of(5)
    data = [item.encoded for item in good]
    fork = FIRST.beat(RECORDER, stamp(61)).encoded
    elsewhere = remade(good[2], _put(4, OTHER_CAMERA.bytes))
    strange = remade(good[2], _put(8, bytes(32)))
    second = remade(GENESIS, lambda p: p.update({7: 1, 8: GENESIS.hash}))
    late = remade(GENESIS, _put(8, bytes(range(32))))
    named = remade(GENESIS, _put(41, OTHER_RECORDER.public_key))
    foreign = remade(good[1], lambda _: None, OTHER_RECORDER)
    vectors = [
        _accept("in order", [(item, "accepted") for item in data]),
        _accept(
            "sent again after a lost reply",
            [*[(item, "accepted") for item in data[:3]], *[(item, "known") for item in data[:3]]],
        ),
        _accept(
            "fork at the tip",
            [(data[0], "accepted"), (data[1], "accepted"), (fork, "fork"), (data[2], "accepted")],
        ),
        _accept(
            "fork below the tip",
            [*[(item, "accepted") for item in data[:4]], (fork, "fork"), (data[4], "accepted")],
        ),
        _accept(
            "one left out",
            [(data[0], "accepted"), (data[2], "out-of-order"), (data[1], "accepted"), (data[2], "accepted")],
        ),
        _accept(
            "prev is not the tip",
            [(data[0], "accepted"), (data[1], "accepted"), (strange, "broken-chain"), (data[2], "accepted")],
        ),
        _accept("no genesis", [(data[1], "no-genesis")]),
        _accept("a second genesis", [(data[0], "accepted"), (second, "broken-chain")]),
        _accept("a genesis after something", [(late, "broken-chain")]),
        _accept("a genesis that names another key", [(named, "wrong-scope")]),
        _accept(
            "another camera's record",
            [*[(item, "accepted") for item in data[:2]], (elsewhere, "wrong-scope")],
        ),
        _accept("another agent's signature", [(data[0], "accepted"), (foreign, "bad-signature")]),
        _accept("cut off", [(data[0], "accepted"), (data[1][:-1], "not-canonical"), (data[1], "accepted")]),
    ]
    flipped = bytearray(data[3])
    flipped[-1] ^= 1
    sequences: dict[str, tuple[list[bytes], bool, Any]] = {
        "whole": (data, False, good[5]),
        "from the middle": (data[2:], True, good[5]),
        "from the middle, not allowed": (data[2:], False, ("no-genesis", 0)),
        "one removed": ([*data[:2], *data[3:]], False, ("out-of-order", 2)),
        "two swapped": ([*data[:2], data[3], data[2], *data[4:]], False, ("out-of-order", 2)),
        "one twice": ([*data[:3], *data[2:]], False, ("out-of-order", 3)),
        "one altered": ([*data[:3], bytes(flipped), *data[4:]], False, ("bad-signature", 3)),
        "a fork instead": ([data[0], fork, *data[2:]], False, ("broken-chain", 2)),
        "first removed": (data[1:], False, ("no-genesis", 0)),
        "last removed, which a chain alone cannot show": (data[:-1], False, good[4]),
    }
    for name, (items, partial, outcome) in sequences.items():
        vector: Vector = {
            "name": f"chain: {name}",
            "op": "verify-chain",
            "records": [item.hex() for item in items],
            "public_key": PUBLIC,
            "partial": partial,
        }
        if isinstance(outcome, SignedRecord):
            vectors.append(
                vector | {"expect": {"tip": {"seq": outcome.record.seq, "hash": outcome.hash.hex()}}}
            )
        else:
            vectors.append(vector | {"error": outcome[0], "good": outcome[1]})
    return vectors + _flags()


def _accept(name: str, steps: list[tuple[bytes, str]]) -> Vector:
    shown = [{"record": record.hex(), "outcome": outcome} for record, outcome in steps]
    return {"name": name, "op": "accept", "public_key": PUBLIC, "steps": shown}


def _flags() -> list[Vector]:
    at_us = START_US + 100_000_000
    start_us = START_US
    items: dict[str, tuple[SignedRecord, int, list[str]]] = {
        "ordinary": (segment(FIRST, SMALL, 0), at_us, []),
        "claimed 300 s ahead": (FIRST.beat(RECORDER, stamp(400)), at_us, []),
        "claimed more than 300 s ahead": (FIRST.beat(RECORDER, stamp(400.000001)), at_us, ["unplaced"]),
        "segment of 15 min": (segment(FIRST, SMALL, 0, end_us=start_us + 900_000_000), at_us + 10**9, []),
        "segment of more than 15 min": (
            segment(FIRST, SMALL, 0, end_us=start_us + 900_000_001),
            at_us + 10**9,
            ["unplaced"],
        ),
        "segment that ends before it starts, flagged": (
            segment(FIRST, SMALL, 0, end_us=start_us - 1),
            at_us,
            ["unplaced"],
        ),
        "segment that ends in the future": (segment(FIRST, SMALL, 391), at_us, ["unplaced"]),
        "event": (_event(FIRST), at_us, []),
        "event of more than 15 min": (_event(FIRST, 901), at_us + 10**9, ["unplaced"]),
        "event that ends before it starts": (_event(FIRST, end_us=start_us - 1), at_us, ["unplaced"]),
        "event that ends in the future": (_event(FIRST, 1, end_us=at_us + 300_000_001), at_us, ["unplaced"]),
        "years old": (segment(FIRST, SMALL, 0), at_us + 10**14, []),
    }
    return [
        {
            "name": name,
            "op": "flags",
            "record": item.encoded.hex(),
            "received_us": received_us,
            "expect": {"flags": flags},
        }
        for name, (item, received_us, flags) in items.items()
    ]


DELETER: Final = Ed25519Signer(stream("deletion", 32))
COMMANDER: Final = Ed25519Signer(stream("command", 32))
OTHER_AGENT: Final = fixed_uuid("other agent")
BODIES: Final[list[Body]] = [
    RootBody(ROOT.public_key),
    Recipients((Recipient(RecipientKind.TENANT, stream("tenant box", 32), 1),)),
    CommandKey(COMMANDER.public_key),
    DeletionKey(DELETER.public_key),
    AgentKeys(AGENT, RECORDER.public_key, stream("transport", 32), stream("agent box", 32)),
    AgentKeys(
        OTHER_AGENT, OTHER_RECORDER.public_key, stream("other transport", 32), stream("other agent box", 32)
    ),
]


def statements_of(
    bodies: list[Body], signer: Ed25519Signer = ROOT, tenant: uuid.UUID = TENANT
) -> list[bytes]:
    """A chain of statements over `bodies`."""
    result: list[bytes] = []
    prev = ZERO_HASH
    for number, body in enumerate(bodies):
        data = sign_statement(Statement(tenant, number, prev, START_US + number, body), signer)
        prev = parse1(data).hash
        result.append(data)
    return result


def statements() -> list[Vector]:
    good = statements_of(BODIES)
    rolled = statements_of(
        [*BODIES, AgentKeys(AGENT, stream("newer record", 32), stream("t2", 32), stream("b2", 32))]
    )
    revoked = statements_of([*BODIES, AgentRevoked(AGENT, ()), Recipients(())])
    vectors = [
        _verified("six statements", good),
        _verified("root alone", good[:1]),
        _verified("an agent's keys replaced", rolled),
        _verified("an agent revoked, no recipients left", revoked),
        _verified("as many as seen before", good, seen=(5, good[5])),
        _verified("more than seen before", rolled, seen=(5, good[5])),
        *_handed_over(good),
    ]
    other_tenant = statements_of(BODIES[:1], tenant=OTHER_TENANT)
    flipped = bytearray(good[3])
    flipped[-1] ^= 1
    refused: dict[str, tuple[list[bytes], str]] = {
        "none": ([], "broken-statements"),
        "another root": (statements_of([RootBody(OTHER_ROOT.public_key)], OTHER_ROOT), "wrong-root-key"),
        "another root that names the trusted key": (statements_of(BODIES, OTHER_ROOT), "broken-statements"),
        "one removed": ([*good[:2], *good[3:]], "broken-statements"),
        "two swapped": ([*good[:2], good[3], good[2], *good[4:]], "broken-statements"),
        "one twice": ([*good[:3], *good[2:]], "broken-statements"),
        "first removed": (good[1:], "broken-statements"),
        "one altered": ([*good[:3], bytes(flipped), *good[4:]], "broken-statements"),
        "one signed by another key": (
            [*good[:3], _resigned(good[3], OTHER_ROOT), *good[4:]],
            "broken-statements",
        ),
        "one signed as a record": (
            [*good[:3], _resigned(good[3], ROOT, Purpose.RECORD), *good[4:]],
            "broken-statements",
        ),
        "one of another tenant": (
            [*good[:1], _changed(good[1], {3: OTHER_TENANT.bytes})],
            "broken-statements",
        ),
        "prev is not the one before": (
            [*good[:1], _changed(good[1], {5: parse1(other_tenant[0]).hash})],
            "broken-statements",
        ),
        "statement 0 after something": ([_changed(good[0], {5: bytes(range(32))})], "broken-statements"),
        "a second root": (
            [*good[:1], _changed(good[1], {2: 1, 7: {1: ROOT.public_key}})],
            "broken-statements",
        ),
        "one record key for two agents": (
            statements_of(
                [*BODIES, AgentKeys(fixed_uuid("third"), RECORDER.public_key, bytes(32), bytes(32))]
            ),
            "broken-statements",
        ),
        "a kind of a later release": ([*good[:1], _changed(good[1], {2: 12, 7: {}})], "unknown-critical"),
        "a reserved kind": ([*good[:1], _changed(good[1], {2: 6, 7: {}})], "unknown-critical"),
        "version 2": ([_changed(good[0], {1: 2})], "unknown-critical"),
        "a key of 31 bytes": ([*good[:1], _changed(good[1], {2: 4, 7: {1: bytes(31)}})], "broken-statements"),
        "cut off": ([*good[:3], good[3][:-1]], "broken-statements"),
    }
    vectors += [_statements(name, items) | {"error": error} for name, (items, error) in refused.items()]
    vectors += [
        _statements("rolled back by one", good[:-1], seen=(5, good[5])) | {"error": "rolled-back"},
        _statements("rolled back to the root", good[:1], seen=(5, good[5])) | {"error": "rolled-back"},
        _statements(
            "another history of the same root",
            statements_of([*BODIES[:5], CommandKey(DELETER.public_key)]),
            seen=(5, good[5]),
        )
        | {"error": "rolled-back"},
    ]
    return vectors + _trust(good) + tombstones(good)


SECOND_ROOT: Final = Ed25519Signer(stream("second root", 32))
THIRD_ROOT: Final = Ed25519Signer(stream("third root", 32))
MEMBER: Final = fixed_uuid("account")


def following(before: list[bytes], body: Body, signer: Ed25519Signer) -> list[bytes]:
    """The statements with one more."""
    statement = Statement(TENANT, len(before), parse1(before[-1]).hash, START_US + len(before), body)
    return [*before, sign_statement(statement, signer)]


def handed_over(before: list[bytes], old: Ed25519Signer, new: Ed25519Signer) -> list[bytes]:
    """The statements with one more, by which `new` takes over from `old`."""
    number, prev = len(before), parse1(before[-1]).hash
    return following(before, countersign_handover(TENANT, number, prev, START_US + number, new), old)


def camera_key(camera: uuid.UUID, what: CameraKeyKind, epoch: int) -> CameraKey:
    return CameraKey(camera, what, stream(f"{camera} {what} {epoch}", 32), epoch)


def _handed_over(good: list[bytes]) -> list[Vector]:
    picture, sound = camera_key(CAMERA, CameraKeyKind.PICTURE, 1), camera_key(CAMERA, CameraKeyKind.SOUND, 1)
    held = handed_over(good, ROOT, SECOND_ROOT)
    keys = following(held, CameraKeys((picture, sound)), SECOND_ROOT)
    rolled = following(keys, CameraKeys((camera_key(CAMERA, CameraKeyKind.PICTURE, 2),)), SECOND_ROOT)
    people = following(
        rolled,
        MemberKeys(((MEMBER, stream("own key", 32)), (AGENT, stream("other own key", 32)))),
        SECOND_ROOT,
    )
    ended = following(people, MemberKeys((), (AGENT,)), SECOND_ROOT)
    again = handed_over(held, SECOND_ROOT, THIRD_ROOT)
    elsewhere = countersign_handover(TENANT, len(good), bytes(range(32)), START_US + len(good), SECOND_ROOT)
    second, third = fingerprint(SECOND_ROOT.public_key), fingerprint(THIRD_ROOT.public_key)
    refused: dict[str, tuple[list[bytes], bytes]] = {
        "handed over without the new root's countersignature": (
            following(good, RootHandover(SECOND_ROOT.public_key, bytes(64)), ROOT),
            fingerprint(ROOT.public_key),
        ),
        "handed over, countersigned behind other statements": (following(good, elsewhere, ROOT), second),
        "handed over by the new root": (handed_over(good, SECOND_ROOT, SECOND_ROOT), second),
        "the old root signs after the handover": (
            following(held, CameraKeys((picture,)), ROOT),
            fingerprint(ROOT.public_key),
        ),
        "handed back to a root of before": (handed_over(held, SECOND_ROOT, ROOT), second),
        "a camera's key of an epoch of before": (
            following(rolled, CameraKeys((camera_key(CAMERA, CameraKeyKind.PICTURE, 2),)), SECOND_ROOT),
            second,
        ),
        "no camera's key in a statement of camera keys": (
            [*held, _changed(keys[-1], {7: {1: []}}, signer=SECOND_ROOT)],
            second,
        ),
    }
    return [
        _verified("handed over to another root", held),
        _verified("handed over, verified from the new root", held, trusted=second),
        _verified("handed over twice, verified from the root between", again, trusted=second),
        _verified("handed over twice, verified from the last root", again, trusted=third),
        _verified("keys of cameras", keys),
        _verified("a camera's key replaced", rolled),
        _verified("own keys of people", people),
        _verified("one person's own key ended", ended),
        _verified("handed over since seen", held, seen=(5, good[5])),
        *(
            _statements(name, items, trusted=trusted) | {"error": "broken-statements"}
            for name, (items, trusted) in refused.items()
        ),
        _statements("a root that is only announced by later ones", good, trusted=second)
        | {"error": "wrong-root-key"},
    ]


def _resigned(data: bytes, signer: Ed25519Signer, purpose: Purpose = Purpose.STATEMENT) -> bytes:
    return sign1(parse1(data).payload, purpose, signer)


def _changed(
    data: bytes,
    changes: dict[int, Encodable],
    purpose: Purpose = Purpose.STATEMENT,
    signer: Ed25519Signer = ROOT,
) -> bytes:
    payload = decode_canonical(parse1(data).payload)
    assert isinstance(payload, dict)
    return sign1(encode_canonical(_encodable(payload) | changes), purpose, signer)


def _statements(
    name: str,
    items: list[bytes],
    seen: tuple[int, bytes] | None = None,
    trusted: bytes = fingerprint(ROOT.public_key),
) -> Vector:
    before = seen and {"number": seen[0], "hash": parse1(seen[1]).hash.hex()}
    return {
        "name": name,
        "op": "verify-statements",
        "statements": [item.hex() for item in items],
        "fingerprint": trusted.hex(),
        "seen": before,
    }


def shown_trust(trust: Trust) -> Vector:
    """What the vectors say about verified statements."""
    deletion = trust.newest_deletion_key
    return {
        "tenant": str(trust.tenant),
        "number": trust.seen.number,
        "hash": trust.seen.hash.hex(),
        "agents": [plain(agent) for agent in sorted(trust.agents, key=lambda agent: str(agent.agent))],
        "revoked": sorted(str(agent.agent) for agent in trust.agents if trust.is_revoked(agent.agent)),
        "recipients": [plain(item) for item in trust.recipients],
        "command_key": plain(trust.command_key),
        "deletion_key": deletion and {"number": deletion[0], "key": deletion[1].hex()},
        "roots": [root.hex() for root in trust.fingerprints],
        "camera_keys": [plain(trust.camera_keys[key]) for key in sorted(trust.camera_keys)],
        "member_keys": [
            {"account": str(account), "public_key": key.hex()}
            for account, key in sorted(trust.member_keys.items())
        ],
    }


def _verified(
    name: str,
    items: list[bytes],
    seen: tuple[int, bytes] | None = None,
    trusted: bytes = fingerprint(ROOT.public_key),
) -> Vector:
    trust = verify_statements(items, trusted)
    return _statements(name, items, seen, trusted) | {"expect": shown_trust(trust)}


def _trust(good: list[bytes]) -> list[Vector]:
    chain = chain_of(4)
    upto = TrustedUpTo(CHAIN, 2, chain[2].hash)
    revoked = statements_of([*BODIES, AgentRevoked(AGENT, (upto,))])
    wholly = statements_of([*BODIES, AgentRevoked(AGENT, ())])
    rolled = statements_of(
        [*BODIES, AgentKeys(AGENT, stream("newer record", 32), stream("t2", 32), stream("b2", 32))]
    )
    fork = START.after(GENESIS).after(chain[1]).beat(RECORDER, stamp(121))
    other = replace(START, tenant=OTHER_TENANT)
    stranger = Ed25519Signer(stream("stranger", 32))
    named = START.genesis(
        RECORDER, stamp(0), agent=OTHER_AGENT, reason=GenesisReason.FIRST_START, software="x"
    )
    cases: dict[str, tuple[list[bytes], SignedRecord, str | None]] = {
        "stated agent": (good, chain[1], None),
        "record under an earlier key of the agent": (rolled, chain[1], None),
        "agent not stated yet": (good[:4], chain[1], "unknown-signer"),
        "stranger": (good, genesis(signer=stranger), "unknown-signer"),
        "another tenant's record": (good, genesis(other), "wrong-scope"),
        "genesis in another agent's name": (good, named, "wrong-scope"),
        "revoked, before the last trusted": (revoked, chain[1], None),
        "revoked, the last trusted": (revoked, chain[2], None),
        "revoked, after the last trusted": (revoked, chain[3], "revoked-signer"),
        "revoked, another record at the last trusted seq": (revoked, fork, "revoked-signer"),
        "revoked wholly": (wholly, chain[1], "revoked-signer"),
        "revoked, another chain": (
            revoked,
            genesis(replace(START, chain=stream("new chain", 16))),
            "revoked-signer",
        ),
    }
    vectors = []
    for name, (items, record, error) in cases.items():
        vector = _statements(f"trust: {name}", items) | {"op": "trust-record", "record": record.encoded.hex()}
        del vector["seen"]
        vectors.append(vector | ({"error": error} if error else {"expect": {"agent": str(AGENT)}}))
    return vectors


def tombstones(good: list[bytes]) -> list[Vector]:
    stone = Tombstone(
        TENANT,
        CAMERA,
        Stream.MAIN,
        (SeqRange(CHAIN, 1, 3), SeqRange(stream("older chain", 16), 0, 0)),
        START_US,
        START_US + 30_000_000,
        "retention 30 days",
        START_US + 30 * 86_400_000_000,
        3,
        (SEGMENT, fixed_uuid("small segment")),
    )
    data = sign_tombstone(stone, DELETER)

    def vector(name: str, item: bytes) -> Vector:
        made = _statements(f"tombstone: {name}", good) | {"op": "verify-tombstone", "data": item.hex()}
        del made["seen"]
        return made

    def changed(changes: dict[int, Encodable]) -> bytes:
        return _changed(data, changes, Purpose.TOMBSTONE, DELETER)

    refused = {
        "signed by another key": (sign_tombstone(stone, COMMANDER), "bad-signature"),
        "signed as a statement": (_resigned(data, DELETER), "wrong-purpose"),
        "names a statement of another kind": (changed({10: 2}), "unknown-signer"),
        "names a statement that does not exist": (changed({10: 60}), "unknown-signer"),
        "another tenant": (changed({2: OTHER_TENANT.bytes}), "wrong-scope"),
        "range that ends before it begins": (changed({5: [[CHAIN, 3, 2]]}), "bad-field"),
        "unknown field": (changed({12: 0}), "unknown-critical"),
        "policy of 201 bytes": (changed({8: "x" * 201}), "bad-field"),
        "segment id of 15 bytes": (changed({11: [bytes(15)]}), "bad-field"),
    }
    return [vector("good", data) | {"expect": {"tombstone": plain(stone)}}] + [
        vector(name, item) | {"error": error} for name, (item, error) in refused.items()
    ]


def indexes() -> list[Vector]:
    record = segment(FIRST, SAMPLE, 0)
    seg = record.record
    assert isinstance(seg, Segment)
    sealed = SAMPLE.finished.index
    key = VIDEO_KEY.segment_key(SEGMENT, Rendition.INDEX)
    index = open_index(seg, key, sealed)

    def vector(name: str, data: bytes, by: bytes = key, of: SignedRecord = record) -> Vector:
        return {
            "name": name,
            "op": "open-index",
            "record": of.encoded.hex(),
            "public_key": PUBLIC,
            "key": by.hex(),
            "sealed": data.hex(),
        }

    flipped = bytearray(sealed)
    flipped[60] ^= 1
    vectors = [
        vector("good", sealed) | {"expect": {"entries": plain(index.entries)}},
        vector("another key", sealed, stream("no key", 32)) | {"error": "wrong-key"},
        vector("the video's key", sealed, VIDEO_KEY.segment_key(SEGMENT, Rendition.MAIN))
        | {"error": "wrong-key"},
        vector("altered", bytes(flipped)) | {"error": "wrong-root"},
        vector("cut off", sealed[:-1]) | {"error": "bad-length"},
        vector("empty", b"") | {"error": "bad-length"},
        vector("sealed again with another salt", _again(index)) | {"error": "wrong-root"},
        vector(
            "sealing suite of a later release", sealed, key, parse_record(remade(record, _put_part(2, 2, 9)))
        )
        | {"error": "unknown-suite"},
    ]
    for name, (plaintext, error) in _bad_indexes(index).items():
        data, of = _with_index(record, plaintext, name)
        vectors.append(vector(name, data, of=of) | {"error": error})
    return vectors


def motion() -> list[Vector]:
    still = MotionMap(64, 36, ())
    walks = MotionMap(64, 36, (Moved(0, stream("map 0", 288)), Moved(1500, stream("map 1", 288))))
    odd = MotionMap(3, 3, (Moved(3_600_000, b"\x80\x80"),))

    def vector(name: str, plaintext: bytes) -> Vector:
        return {"name": name, "op": "motion", "plaintext": plaintext.hex()}

    good = {"nothing moved": still, "two seconds": walks, "nine places": odd}
    bad: dict[str, tuple[dict[int, Encodable], str]] = {
        "a version of a later release": ({1: 2, 2: [3, 3], 3: []}, "unknown-critical"),
        "a field of a later release": ({1: 1, 2: [3, 3], 3: [], 4: 0}, "unknown-critical"),
        "no columns": ({1: 1, 2: [0, 3], 3: []}, "bad-field"),
        "256 rows": ({1: 1, 2: [3, 256], 3: []}, "bad-field"),
        "no size": ({1: 1, 3: []}, "bad-field"),
        "too few places": ({1: 1, 2: [3, 3], 3: [[0, b"\x80"]]}, "bad-field"),
        "too many places": ({1: 1, 2: [3, 3], 3: [[0, bytes(3)]]}, "bad-field"),
        "a second twice": ({1: 1, 2: [3, 3], 3: [[9, bytes(2)], [9, bytes(2)]]}, "bad-field"),
        "seconds out of order": ({1: 1, 2: [3, 3], 3: [[9, bytes(2)], [8, bytes(2)]]}, "bad-field"),
        "an offset below zero": ({1: 1, 2: [3, 3], 3: [[-1, bytes(2)]]}, "bad-field"),
        "an offset of more than an hour": ({1: 1, 2: [3, 3], 3: [[3_600_001, bytes(2)]]}, "bad-field"),
        "a second of three values": ({1: 1, 2: [3, 3], 3: [[9, bytes(2), 0]]}, "bad-field"),
        "3601 seconds": ({1: 1, 2: [1, 1], 3: [[at, b"\x80"] for at in range(3601)]}, "bad-field"),
    }
    return [
        *(
            vector(name, encode_motion(item)) | {"expect": {"map": plain(item)}}
            for name, item in good.items()
        ),
        *(vector(name, encode_canonical(item)) | {"error": error} for name, (item, error) in bad.items()),
        vector("cut off", encode_motion(walks)[:-1]) | {"error": "not-canonical"},
        vector("an extension is kept", encode_canonical({1: 1, 2: [64, 36], 3: [], -1: "later"}))
        | {"expect": {"map": plain(still)}},
    ]


def _again(index: Index) -> bytes:
    place = SegmentPlace(TENANT, CAMERA, Stream.MAIN, SEGMENT)
    with fixed("index again"):
        key = VIDEO_KEY.segment_key(SEGMENT, Rendition.INDEX)
        return seal_part(key, place.context(Rendition.INDEX), encode_index(index.entries))[0]


def _with_index(record: SignedRecord, plaintext: bytes, label: str) -> tuple[bytes, SignedRecord]:
    """An index part over `plaintext` and a record that vouches for it."""
    place = SegmentPlace(TENANT, CAMERA, Stream.MAIN, SEGMENT)
    with fixed(f"index {label}"):
        data, digest = seal_part(
            VIDEO_KEY.segment_key(SEGMENT, Rendition.INDEX), place.context(Rendition.INDEX), plaintext
        )

    def change(payload: dict[int, Any]) -> None:
        payload[24] += len(data) - payload[27][2][4]
        payload[27][2] |= {4: len(data), 5: digest.root}

    return data, parse_record(remade(record, change))


def _bad_indexes(index: Index) -> dict[str, tuple[bytes, str]]:
    """Plaintexts an agent must not write, though it sealed and signed them."""
    video, audio = index.entries
    first, second = video.fragments[:2]

    def tampered(change: Callable[[Any], object]) -> bytes:
        value = cast("Any", decode_canonical(encode_index(index.entries)))
        change(value)
        return encode_canonical(value)

    def entries(*items: Any) -> bytes:
        return encode_index(items)

    longer = replace(second, length=second.length + 1)
    later = replace(second, offset=second.offset + 1)
    leaves = video.leaf_hashes
    return {
        "entries swapped": (entries(audio, video), "bad-index"),
        "audio left out": (entries(video), "bad-index"),
        "one leaf hash too few": (entries(replace(video, leaf_hashes=leaves[:-1]), audio), "wrong-root"),
        "two leaf hashes swapped": (
            entries(replace(video, leaf_hashes=(leaves[1], leaves[0], *leaves[2:])), audio),
            "wrong-root",
        ),
        "another init length": (entries(replace(video, init_length=701), audio), "bad-index"),
        "fragments with a hole": (
            entries(replace(video, fragments=(first, later, *video.fragments[2:])), audio),
            "bad-index",
        ),
        "fragments overlap": (
            entries(replace(video, fragments=(first, longer, *video.fragments[2:])), audio),
            "bad-index",
        ),
        "last fragment left out": (
            entries(replace(video, fragments=video.fragments[:-1]), audio),
            "bad-index",
        ),
        "version 2 of the index": (tampered(lambda v: v.__setitem__(1, 2)), "unknown-critical"),
        "unknown field in an entry": (tampered(lambda v: v[2][0].__setitem__(6, 0)), "unknown-critical"),
        "no header": (tampered(lambda v: v[2][0].pop(5)), "bad-field"),
        "header of 55 bytes": (tampered(lambda v: v[2][0].__setitem__(5, bytes(55))), "bad-field"),
        "leaf hashes of 33 bytes": (tampered(lambda v: v[2][0].__setitem__(2, bytes(33))), "bad-field"),
        "fragment of five items": (tampered(lambda v: v[2][0][4][0].pop()), "bad-field"),
        "fragment of no bytes": (tampered(lambda v: v[2][0][4][0].__setitem__(1, 0)), "bad-field"),
        "not canonical": (encode_index(index.entries) + b"\x00", "not-canonical"),
        "not CBOR": (b"\xff" * 40, "not-canonical"),
        "nothing in it": (b"", "not-canonical"),
    }


def segments() -> list[Vector]:
    record = segment(FIRST, SAMPLE, 0)
    keys = {
        str(int(rendition)): (AUDIO_KEY if rendition is Rendition.AUDIO else VIDEO_KEY)
        .segment_key(SEGMENT, rendition)
        .hex()
        for rendition in (Rendition.MAIN, Rendition.AUDIO, Rendition.INDEX)
    }
    video, audio, index = SAMPLE.finished.parts
    whole = SAMPLE.object

    def vector(name: str, data: Any, rendition: Rendition, offset: int, length: int) -> Vector:
        return {
            "name": name,
            "op": "read-segment",
            "record": record.encoded.hex(),
            "public_key": PUBLIC,
            "object": data,
            "keys": keys,
            "rendition": int(rendition),
            "offset": offset,
            "length": length,
        }

    def good(name: str, data: Any, rendition: Rendition, offset: int, length: int) -> Vector:
        plaintext = SAMPLE.plaintexts[rendition][offset : offset + length]
        return vector(name, data, rendition, offset, length) | {
            "expect": {"sha256": hashlib.sha256(plaintext).hexdigest()}
        }

    def edited(*edits: Any) -> dict[str, Any]:
        return described(concat=whole["concat"], edits=list(edits))

    again = sample("segment", SEGMENT, [70_000] * 10, audio=True, salts=" again").object
    other = described(concat=[*again["concat"][:2], whole["concat"][2]])
    leaf = 56 + 262400
    second_leaf = 262144 + 100
    vectors = [
        good("init of the video", whole, Rendition.MAIN, 0, 700),
        good("a fragment across leaves", whole, Rendition.MAIN, 700 + 3 * 70_000, 70_000),
        good("the last fragment", whole, Rendition.MAIN, 700 + 9 * 70_000, 70_000),
        good("audio", whole, Rendition.AUDIO, 700, 9000),
        good(
            "first leaf of a video whose second leaf is altered",
            edited({"flip": [leaf + 5000, 1]}),
            Rendition.MAIN,
            0,
            1000,
        ),
        vector("altered second leaf", edited({"flip": [leaf + 5000, 1]}), Rendition.MAIN, second_leaf, 10)
        | {"error": "leaf-tampered"},
        vector("altered audio", edited({"flip": [audio.offset + 99, 1]}), Rendition.AUDIO, 0, 10)
        | {"error": "leaf-tampered"},
        good("video beside altered audio", edited({"flip": [audio.offset + 99, 1]}), Rendition.MAIN, 0, 10),
        vector("altered index", edited({"flip": [index.offset + 99, 1]}), Rendition.MAIN, 0, 10)
        | {"error": "wrong-root"},
        vector("leaves swapped", edited({"swap": [56, leaf, 262400]}), Rendition.MAIN, 0, 10)
        | {"error": "leaf-tampered"},
        vector("index cut off", edited({"cut": index.end - 1}), Rendition.MAIN, 0, 10)
        | {"error": "bad-length"},
        vector("validly sealed again, wrong root", other, Rendition.MAIN, 0, 10) | {"error": "leaf-tampered"},
        vector("validly sealed again with its own index", again, Rendition.MAIN, 0, 10)
        | {"error": "wrong-root"},
        vector("part that is not there", whole, Rendition.THUMB, 0, 10) | {"error": "bad-parts"},
    ]
    wrong = vector("video key for the audio", whole, Rendition.AUDIO, 0, 10)
    wrong["keys"] = keys | {"3": VIDEO_KEY.segment_key(SEGMENT, Rendition.AUDIO).hex()}
    assert sealed_length(len(SAMPLE.plaintexts[Rendition.MAIN])) == video.sealed_length
    return [*vectors, wrong | {"error": "wrong-key"}]


LIVE_KEY: Final = PeriodKey(stream("live key id", 16), stream("live key", 32))
PUBLISH: Final = Publish(TENANT, CAMERA, Stream.MAIN, stream("publish", 16))


def live() -> list[Vector]:
    with fixed("live"):
        made = _session(LivePublisher(PUBLISH, RECORDER))
        other = _session(LivePublisher(replace(PUBLISH, publish_id=stream("other publish", 16)), RECORDER))
        forged = _session(LivePublisher(PUBLISH, OTHER_RECORDER))
    names = list(made)
    everything = [made[name] for name in names]
    altered = bytearray(made["v1"])
    altered[-1] ^= 1
    relabelled = _with_item(made["v1"], 4, START_US + 5)
    flags = _with_item(made["v1"], 5, 1)
    codec = _with_item(made["video init"], 3, "avc1.42001e")
    late = ["video init", "audio init", "proof 1", "v2", "a2", "proof 2"]
    proof = made["proof 1"]
    sequences: dict[str, list[bytes]] = {
        "from the beginning": everything,
        "joined late, after a proof": [made[name] for name in late],
        "fragments skipped": [made[name] for name in names if name not in ("v1", "a1")],
        "joined without a proof": [made[name] for name in ("video init", "v1", "a1")],
        "fragment again": [made["video init"], made["v0"], made["v0"]],
        "older fragment": [made["video init"], made["v1"], made["v0"]],
        "fragment altered": [made["video init"], made["v0"], bytes(altered), made["v1"]],
        "capture time altered": [made["video init"], relabelled],
        "counter altered": [made["video init"], _with_item(made["v1"], 3, 9)],
        "fragment before its init": [made["v0"]],
        "flags altered, which only the proof shows": [*everything[:4], flags, *everything[5:7]],
        "codec string altered, which only the proof shows": [codec, *everything[1:7]],
        "a message of another publish": [made["video init"], other["v0"]],
        "a proof of another publish": [*everything[:6], _with_item(proof, 3, _item(other["proof 1"], 3))],
        "a proof by another agent": [*everything[:6], forged["proof 1"]],
        "a proof altered": [*everything[:6], proof[:-1] + bytes([proof[-1] ^ 1])],
        "a proof for another counter": [*everything[:6], _with_item(proof, 2, 2)],
        "an older proof": [*everything[:10], proof],
        "a proof over another init": [*everything[:6], _proof_over_another_init(everything[:6])],
        "another key with the same id": [_with_item(made["video init"], 5, bytes(32))],
        "unknown kind": [encode_canonical([9, PUBLISH.publish_id])],
        "unknown rendition": [_with_item(made["video init"], 2, 4)],
        "init of six items": [encode_canonical(_items(made["video init"])[:6])],
        "not canonical": [made["video init"] + b"\x00"],
        "not an array": [b"\xa0"],
        "empty": [b""],
    }
    vectors = [
        _live(name, messages, [VIDEO_KEY, AUDIO_KEY, LIVE_KEY]) for name, messages in sequences.items()
    ]
    vectors.append(_live("without the audio's key", everything, [VIDEO_KEY, LIVE_KEY]))
    vectors.append(_live("without the newer key of the video", everything, [VIDEO_KEY, AUDIO_KEY]))
    return [*vectors, _context()]


def _session(publisher: LivePublisher) -> dict[str, bytes]:
    """What a publish of two tracks says, in order; the video gets a new key half way."""
    messages = {
        "video init": publisher.init(Rendition.MAIN, VIDEO_KEY, "avc1.64001f", stream("live init", 60)),
        "audio init": publisher.init(Rendition.AUDIO, AUDIO_KEY, "mp4a.40.2", stream("live audio init", 40)),
    }
    for number in range(2):
        messages |= _pair(publisher, number)
    messages["proof 1"] = publisher.proof(START_US + 1_000_000)
    messages |= _pair(publisher, 2)
    messages["proof 2"] = publisher.proof(START_US + 2_000_000)
    messages["video init again"] = publisher.init(
        Rendition.MAIN, LIVE_KEY, "avc1.64001f", stream("live init", 60)
    )
    messages |= _pair(publisher, 3)
    messages["proof 3"] = publisher.proof(START_US + 3_000_000)
    messages["end"] = publisher.end("nobody watches")
    return messages


def _pair(publisher: LivePublisher, number: int) -> dict[str, bytes]:
    at_us = START_US + 250_000 * number
    return {
        f"v{number}": publisher.fragment(
            Rendition.MAIN, at_us, number % 2 == 0, stream(f"live v{number}", 300)
        ),
        f"a{number}": publisher.fragment(Rendition.AUDIO, at_us, True, stream(f"live a{number}", 50)),
    }


def _items(message: bytes) -> list[Any]:
    return cast("list[Any]", decode_canonical(message))


def _item(message: bytes, number: int) -> Any:
    return _items(message)[number]


def _with_item(message: bytes, number: int, value: Any) -> bytes:
    items = _items(message)
    items[number] = value
    return encode_canonical(items)


def _proof_over_another_init(messages: list[bytes]) -> bytes:
    """A proof whose chain holds but that names another init of the video."""
    value = PUBLISH.first_hash()
    for message in messages:
        value = chained(value, message)
    inits = {Rendition.MAIN: bytes(32), Rendition.AUDIO: hashlib.sha256(messages[1]).digest()}
    payload = Proof(PUBLISH, 3, value, START_US, inits).encode()
    return encode_canonical([3, PUBLISH.publish_id, 3, sign1(payload, Purpose.LIVE, RECORDER)])


def play(player: LivePlayer, message: bytes) -> Vector:
    """One step of a live vector: what the player made of `message`, or the error's name."""
    try:
        event = player.receive(message)
    except SealingError as error:
        return {"error": error.name}
    kind = {"OpenedInit": "init", "OpenedFragment": "fragment", "Proven": "proof", "Ended": "end"}[
        type(event).__name__
    ]
    return {"outcome": {kind: plain(event) | {"proven_through": player.proven_through}}}  # type: ignore[operator]  # a map


def _live(name: str, messages: list[bytes], keys: list[PeriodKey]) -> Vector:
    player = LivePlayer(PUBLISH, RECORDER.public_key)
    for key in keys:
        player.add_key(key)
    return {
        "name": name,
        "op": "live",
        "publish": plain(PUBLISH),
        "public_key": PUBLIC,
        "keys": [{"key_id": key.key_id.hex(), "key": key.key.hex()} for key in keys],
        "steps": [{"message": message.hex()} | play(player, message) for message in messages],
    }


def _context() -> Vector:
    return {
        "name": "context of a fragment",
        "op": "live-context",
        "publish": plain(PUBLISH),
        "rendition": 1,
        "counter": 7,
        "capture_us": START_US,
        "expect": {
            "context": PUBLISH.context(Rendition.MAIN, 7, START_US).hex(),
            "first_hash": PUBLISH.first_hash().hex(),
        },
    }
