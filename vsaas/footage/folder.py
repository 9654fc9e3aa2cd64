"""Footage as a folder that anybody can verify without us (SPEC 8.1), and the keys that open it."""

import json
import os
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

from protocol.states import SegmentState
from sealing.canonical import encode_canonical
from sealing.ids import Stream
from sealing.names import object_name
from sealing.record import Genesis, parse_record
from tenants.scope import current_tenant_id, tenant_scope
from vsaas.cameras.models import Camera
from vsaas.common.object_store import ObjectNotFound, ObjectStore
from vsaas.footage.models import Tombstone
from vsaas.footage.times import DAY_US, LONGEST_SEGMENT_US, day_of
from vsaas.keys.services import statements_since

FORMAT = "vsaas-footage-v1"
RECORDS_AT_ONCE = 5000


@dataclass(frozen=True)
class Fetched:
    """What a fetch wrote.

    `missing`: objects the store no longer has, which `verify` reports too. `upto_us`: per stream whose newest segments
    are still on the agent, until when it was fetched; the rest was left out. `pending`: segments not uploaded yet in the
    middle of what was fetched, which `verify` reports as missing.
    """

    records: int
    objects: int
    size_bytes: int
    missing: list[str]
    upto_us: dict[Stream, int]
    pending: int


@dataclass(frozen=True)
class _Object:
    name: str
    version_id: str


def write_folder(
    camera: Camera, streams: Sequence[Stream], from_us: int, to_us: int, folder: Path, store: ObjectStore
) -> Fetched:
    """Writes statements, records, tombstones and sealed objects of [from_us, to_us) into a new `folder`.

    Opens the tenant's scope itself, and closes it before it reads from the store. Raises FileExistsError.
    """
    folder.mkdir(mode=0o700, parents=True)
    tenant = camera.tenant_id
    records = pending = 0
    objects: list[_Object] = []
    upto_us: dict[Stream, int] = {}
    partial = False
    with tenant_scope(tenant):
        _write_array(folder / "statements.cbor", statements_since(tenant))
        for stream in streams:
            tail_us, waiting = _not_uploaded(camera.id, stream, from_us, to_us)
            pending += waiting
            if tail_us is not None:
                upto_us[stream] = tail_us
            until_us = to_us if tail_us is None else tail_us
            for number, (chain, rows) in enumerate(_chains(camera.id, stream, from_us, until_us).items()):
                place = folder / "records" / f"{camera.id.hex}-{stream.name.lower()}" / f"{chain.hex}.cbor"
                bodies = _bodies(chain, rows[0][0], rows[-1][0])
                partial = partial or rows[0][0] > 0 or (number == 0 and _follows_another(bodies[0]))
                records += len(bodies)
                _write_array(place, bodies)
            objects += _objects(camera.id, stream, from_us, until_us)
        tombstones = Tombstone.objects.filter(camera_id=camera.id, from_us__lt=to_us, to_us__gt=from_us)
        _write_array(
            folder / "tombstones.cbor", [bytes(row.signed) for row in tombstones.order_by("from_us", "id")]
        )
    manifest = {
        "format": FORMAT,
        "tenant": tenant.hex,
        "from_us": from_us,
        "to_us": to_us,
        "partial": partial,
        "cameras": [{"id": camera.id.hex, "name": camera.name}],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    size, missing = _fetch(objects, folder / "objects", store)
    return Fetched(records, len(objects) - len(missing), size, missing, upto_us, pending)


def _write_array(path: Path, items: Sequence[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # An array can be larger than one canonical object may be: the head is written by hand.
    path.write_bytes(_array_head(len(items)) + b"".join(encode_canonical(item) for item in items))


def _array_head(count: int) -> bytes:
    if count < 24:
        return bytes([0x80 | count])
    for code, size in ((0x98, 1), (0x99, 2), (0x9A, 4)):
        if count < 1 << (8 * size):
            return bytes([code]) + count.to_bytes(size, "big")
    raise ValueError(f"{count} items do not fit one array")


def _chains(
    camera: uuid.UUID, stream: Stream, from_us: int, to_us: int
) -> dict[uuid.UUID, list[tuple[int, int]]]:
    """(seq, start) of the records in range, by chain; chains in the order they began."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT chain, seq, start_us FROM footage_record
            WHERE tenant_id = %s AND camera_id = %s AND stream = %s AND start_us < %s AND end_us >= %s
              AND day BETWEEN %s AND %s
            ORDER BY chain, seq
            """,
            [
                current_tenant_id(),
                camera,
                int(stream),
                to_us,
                from_us,
                day_of(max(0, from_us - DAY_US)),
                day_of(to_us),
            ],
        )
        chains: dict[uuid.UUID, list[tuple[int, int]]] = defaultdict(list)
        for chain, seq, start_us in cursor.fetchall():
            chains[chain].append((seq, start_us))
    return dict(sorted(chains.items(), key=lambda item: item[1][0][1]))


def _not_uploaded(camera: uuid.UUID, stream: Stream, from_us: int, to_us: int) -> tuple[int | None, int]:
    """(start of the newest segments in range that are all still on the agent, or None; how many lie before it)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH s AS (
                SELECT start_us, state FROM footage_record
                WHERE tenant_id = %s AND camera_id = %s AND stream = %s AND kind IN (2, 3) AND kind = 2 AND placed
                  AND start_us >= %s AND start_us < %s AND end_us > %s AND day BETWEEN %s AND %s
            ), last AS (SELECT coalesce(max(start_us), -1) AS us FROM s WHERE state <> %s)
            SELECT min(start_us) FILTER (WHERE start_us > last.us), count(*) FILTER (WHERE start_us <= last.us)
            FROM s, last WHERE state = %s
            """,
            [
                current_tenant_id(),
                camera,
                int(stream),
                from_us - LONGEST_SEGMENT_US,
                to_us,
                from_us,
                day_of(max(0, from_us - LONGEST_SEGMENT_US)),
                day_of(to_us),
                int(SegmentState.DECLARED),
                int(SegmentState.DECLARED),
            ],
        )
        tail_us, before = cursor.fetchone()
    return tail_us, before


def _follows_another(signed: bytes) -> bool:
    """Whether a chain begins after one that lies before the range, as after every restart of the agent."""
    record = parse_record(signed).record
    return isinstance(record, Genesis) and record.follows is not None


def _bodies(chain: uuid.UUID, first: int, last: int) -> list[bytes]:
    """Every record of the chain from `first` to `last`, without holes: the chain is what proves them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT signed FROM footage_record_body
            WHERE tenant_id = %s AND chain = %s AND seq BETWEEN %s AND %s ORDER BY seq
            """,
            [current_tenant_id(), chain, first, last],
        )
        return [bytes(row[0]) for row in cursor.fetchall()]


def _objects(camera: uuid.UUID, stream: Stream, from_us: int, to_us: int) -> list[_Object]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT segment, start_us, version_id FROM footage_record
            WHERE tenant_id = %s AND camera_id = %s AND stream = %s AND kind IN (2, 3) AND kind = 2 AND state = %s
              AND start_us >= %s AND start_us < %s AND end_us > %s AND day BETWEEN %s AND %s
            ORDER BY start_us
            """,
            [
                current_tenant_id(),
                camera,
                int(stream),
                int(SegmentState.STORED),
                from_us - LONGEST_SEGMENT_US,
                to_us,
                from_us,
                day_of(max(0, from_us - LONGEST_SEGMENT_US)),
                day_of(to_us),
            ],
        )
        tenant = current_tenant_id()
        return [
            _Object(object_name(tenant, camera, stream, segment, start_us), version_id)
            for segment, start_us, version_id in cursor.fetchall()
        ]


def _fetch(objects: Sequence[_Object], folder: Path, store: ObjectStore) -> tuple[int, list[str]]:
    size, missing = 0, []
    for item in objects:
        try:
            data = store.get_range(item.name, version_id=item.version_id)
        except ObjectNotFound:
            missing.append(item.name)
            continue
        path = folder / item.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        size += len(data)
    return size, missing


def write_private(path: Path, text: str) -> None:
    """A new file only its owner reads (0600). Raises FileExistsError."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)


def stored_segments(
    camera: uuid.UUID, streams: Sequence[Stream], from_us: int, to_us: int
) -> Iterator[tuple[bytes, int]]:
    """Signed records of the stored segments in range, and when they came (UTC µs)."""
    for stream in streams:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT b.signed, r.received_us FROM footage_record r JOIN footage_record_body b
                    ON b.tenant_id = r.tenant_id AND b.chain = r.chain AND b.seq = r.seq AND b.day = r.day
                WHERE r.tenant_id = %s AND r.camera_id = %s AND r.stream = %s AND r.kind IN (2, 3) AND r.kind = 2
                  AND r.state = %s AND r.start_us >= %s AND r.start_us < %s AND r.end_us > %s
                  AND r.day BETWEEN %s AND %s
                ORDER BY r.start_us
                """,
                [
                    current_tenant_id(),
                    camera,
                    int(stream),
                    int(SegmentState.STORED),
                    from_us - LONGEST_SEGMENT_US,
                    to_us,
                    from_us,
                    day_of(max(0, from_us - LONGEST_SEGMENT_US)),
                    day_of(to_us),
                ],
            )
            for row in cursor.fetchall():
                yield bytes(row[0]), row[1]
