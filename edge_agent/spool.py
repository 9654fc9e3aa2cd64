"""The spool: sealed segments in a folder, and an SQLite index with their records, chains, keys and states.

All writes go through one thread that commits whatever is waiting together, so many cameras share one fsync; what a
caller was told is done is on disk. A segment is OPEN while its file grows; what a kill left open `salvage` closes. An
index that is damaged is made anew from what each sealed file carries behind its object (`rebuild`). States are those
of `protocol.states`.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, TypeVar

from edge_agent.errors import DiskFailed, SpoolDamaged, StateUnusable
from edge_agent.rebuild import Rebuilt, append_trailer, is_damage, refill, set_aside, trailer_of
from edge_agent.record_rows import insert_record
from edge_agent.room import Room, disk_trouble
from protocol.states import SegmentState
from sealing.chain import ChainHead
from sealing.cose import parse1
from sealing.ids import RecordKind, Stream
from sealing.record import SignedRecord

T = TypeVar("T")

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 2
KEEP_ACKNOWLEDGED_DAYS = 30
KEEP_INDEX_PARTS_DAYS = 3
KEEP_SENT_ENVELOPES_HOURS = 24
_DAY_US = 86_400_000_000
_BATCH = 128

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE streams (
  camera BLOB NOT NULL, stream INTEGER NOT NULL, chain BLOB, covered_until_us INTEGER,
  PRIMARY KEY (camera, stream)) WITHOUT ROWID;
CREATE TABLE chains (
  chain BLOB PRIMARY KEY, camera BLOB NOT NULL, stream INTEGER NOT NULL,
  next_seq INTEGER NOT NULL, tip BLOB NOT NULL, opened_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE records (
  id INTEGER PRIMARY KEY AUTOINCREMENT, chain BLOB NOT NULL, seq INTEGER NOT NULL, hash BLOB NOT NULL,
  kind INTEGER NOT NULL, record BLOB NOT NULL, index_part BLOB, segment BLOB,
  state INTEGER NOT NULL DEFAULT 0, signed_us INTEGER NOT NULL, error TEXT, UNIQUE (chain, seq));
CREATE INDEX records_unsent ON records (chain, seq) WHERE state = 0;
CREATE INDEX records_segment ON records (segment) WHERE segment IS NOT NULL;
CREATE TABLE segments (
  segment BLOB PRIMARY KEY, camera BLOB NOT NULL, stream INTEGER NOT NULL, state INTEGER NOT NULL,
  start_us INTEGER, end_us INTEGER, size INTEGER NOT NULL DEFAULT 0, changed_us INTEGER NOT NULL,
  key_id BLOB, audio_key_id BLOB, opened BLOB) WITHOUT ROWID;
CREATE INDEX segments_here ON segments (state, start_us) WHERE state NOT IN (4, 5);
CREATE TABLE period_keys (
  key_id BLOB PRIMARY KEY, camera BLOB NOT NULL, class INTEGER NOT NULL, period_start_us INTEGER NOT NULL,
  wrapped BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE envelopes (
  id INTEGER PRIMARY KEY, key_id BLOB NOT NULL, envelope BLOB NOT NULL, sent_us INTEGER);
CREATE INDEX envelopes_unsent ON envelopes (id) WHERE sent_us IS NULL;
CREATE INDEX envelopes_key ON envelopes (key_id);
"""

_UNSENT_INDEX = "CREATE INDEX segments_unsent ON segments (camera, stream, start_us) WHERE state IN (1, 2);"
_FROM_VERSION_1 = f"ALTER TABLE segments ADD COLUMN opened BLOB;{_UNSENT_INDEX}"

INDEX = "index.sqlite3"

_CARRYING = (SegmentState.SEALED, SegmentState.DECLARED, SegmentState.UPLOADED)

_NAMES_AT_ONCE = 10_000  # SQLite takes 32,766 values in one statement, or 250,000 where Debian built it


class RecordState(IntEnum):
    """Where a record stands: to be sent, accepted by the portal, or refused for good (kept for a person to look at)."""

    UNSENT = 0
    ACKNOWLEDGED = 1
    REFUSED = 2
    SUPERSEDED = 3


@dataclass(frozen=True, slots=True)
class UnsentRecord:
    """A record the portal has not accepted yet."""

    id: int
    chain: bytes
    seq: int
    kind: int
    record: bytes
    index_part: bytes | None
    segment: uuid.UUID | None
    asked: bool = False
    """Accepted once already, and sent alone, without its index part, for a new grant."""


@dataclass(frozen=True, slots=True)
class StoredSegment:
    """A sealed segment that is still here. Times in UTC µs, size in bytes."""

    segment: uuid.UUID
    camera: uuid.UUID
    stream: int
    state: SegmentState
    start_us: int
    end_us: int
    size: int
    changed_us: int


@dataclass(frozen=True, slots=True)
class OpenSegment:
    """A segment whose file was growing when the agent was killed. `opened`: what `put_open_segment` was given."""

    segment: uuid.UUID
    camera: uuid.UUID
    stream: Stream
    start_us: int
    opened: bytes


@dataclass(frozen=True, slots=True)
class SpoolSummary:
    """Figures for health and status."""

    bytes_used: int
    budget_bytes: int
    disk_free_bytes: int
    segments_waiting: int
    records_waiting: int
    oldest_unsent_us: int | None


def _now_us() -> int:
    return time.time_ns() // 1000


class _Writer(threading.Thread):
    """Runs functions on the database, everything that waits in one transaction with one fsync."""

    def __init__(
        self, connect: Callable[[], sqlite3.Connection], told: Callable[[BaseException], BaseException]
    ) -> None:
        """`told`: makes of an error what the caller is told."""
        super().__init__(name="spool", daemon=True)
        self._connect, self._told = connect, told
        self._connection: sqlite3.Connection | None = None
        self._queue: queue.SimpleQueue[tuple[Callable[[sqlite3.Connection], Any], Future[Any]] | None] = (
            queue.SimpleQueue()
        )

    def submit(self, function: Callable[[sqlite3.Connection], T]) -> Future[T]:
        future: Future[T] = Future()
        self._queue.put((function, future))
        return future

    def stop(self) -> None:
        self._queue.put(None)
        self.join()

    def run(self) -> None:
        try:
            running = True
            while running:
                item = self._queue.get()
                batch = []
                while item is not None:
                    batch.append(item)
                    if len(batch) >= _BATCH or self._queue.empty():
                        break
                    item = self._queue.get()
                running = item is not None
                if batch:
                    self._commit(batch)
        finally:
            self._hang_up()

    def _commit(self, batch: list[tuple[Callable[[sqlite3.Connection], Any], Future[Any]]]) -> None:
        # Whoever waited may have been cancelled (the agent stops): nobody could be told, so nothing is done. From here on
        # a future can be cancelled no more, and telling it cannot fail and end this thread.
        batch = [(function, future) for function, future in batch if future.set_running_or_notify_cancel()]
        done: list[tuple[Future[Any], Any]] = []
        try:
            connection = self._connection = self._connection or self._connect()
            connection.execute("BEGIN IMMEDIATE")
            for function, future in batch:
                connection.execute("SAVEPOINT one")
                try:
                    done.append((future, function(connection)))
                except BaseException as error:
                    future.set_exception(self._told(error))
                    if not connection.in_transaction:
                        # A full disk rolls all of it back at once; the others must hear of that, not of a lost savepoint.
                        raise sqlite3.OperationalError(str(error)) from error
                    connection.execute("ROLLBACK TO one")
                connection.execute("RELEASE one")
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._hang_up()
            for _, future in batch:
                if not future.done():
                    future.set_exception(self._told(error))
            return
        for future, result in done:
            future.set_result(result)

    def _hang_up(self) -> None:
        """Close the connection, which rolls back: after an error of the disk not even ROLLBACK may succeed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class _Connection(sqlite3.Connection):
    """SQLite's own cannot be referred to weakly."""


class Spool:
    """One agent's spool. Methods may be called from any thread."""

    def __init__(self, folder: Path, *, budget_bytes: int, floor_bytes: int) -> None:
        """Open or make the spool. `floor_bytes`: disk space always left free. Raises StateUnusable."""
        self.folder = folder
        self.objects = folder / "objects"
        self.sound = folder / "sound"
        self.room = Room(folder, budget_bytes=budget_bytes, floor_bytes=floor_bytes)
        self.rebuilt: Rebuilt | None = None
        """What was made anew at this start, where the index was damaged."""
        self.damaged = ""
        """Why the index must be made anew; it is once the spool is opened again."""
        self.on_record: Callable[[], None] | None = None
        self.on_damage: Callable[[], None] | None = None
        self._reader = threading.local()
        self._readers: weakref.WeakSet[sqlite3.Connection] = weakref.WeakSet()  # one goes with its thread
        self._readers_lock = threading.Lock()
        try:
            for path in (folder, self.objects, self.sound):
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._open()
        except (OSError, sqlite3.Error) as error:
            raise StateUnusable(
                f"cannot use the spool {folder}: {error}; check that the disk is there and writable"
            ) from error
        self._writer = _Writer(self._connect, self._told)
        self._writer.start()

    def _open(self) -> None:
        """Open the index, or make it anew where it is damaged; count what lies here."""
        try:
            if self._prepare():
                self._refill()
            used_bytes = self._drop_orphans()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            logger.error("the spool's index is damaged (%s): it is made anew from the segments", error)
            set_aside(self.folder / INDEX)
            self._prepare()
            self._refill()
            used_bytes = self._drop_orphans()
        self.room.start(used_bytes)

    def _refill(self) -> None:
        """The index is new: whatever files there are come from one that is gone."""
        if next(self.objects.glob("*/*"), None) is None:
            return
        with closing(self._connect()) as connection:
            self.rebuilt = refill(connection, self.objects)
        logger.warning("the spool's index was made anew: %s", self.rebuilt)

    def close(self) -> None:
        """Finish all writes, and let go of the index."""
        self._writer.stop()
        with self._readers_lock:
            for connection in list(self._readers):
                connection.close()

    # Database

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.folder / INDEX,
            isolation_level=None,
            timeout=30,
            check_same_thread=False,
            factory=_Connection,
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA cache_size=-1024")
        return connection

    def _prepare(self) -> bool:
        """Make the index where there is none; returns whether it was made."""
        connection = self._connect()
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == 0:
                connection.executescript(
                    f"BEGIN;{_SCHEMA}{_UNSENT_INDEX}PRAGMA user_version={SCHEMA_VERSION};COMMIT;"
                )
            elif version == 1:
                connection.executescript(
                    f"BEGIN;{_FROM_VERSION_1}PRAGMA user_version={SCHEMA_VERSION};COMMIT;"
                )
            elif version != SCHEMA_VERSION:
                raise StateUnusable(
                    f"the spool {self.folder} was written by another release (version {version}): update the agent"
                )
        finally:
            connection.close()
        (self.folder / INDEX).chmod(0o600)
        return bool(version == 0)

    def _told(self, error: BaseException) -> BaseException:
        """What an error means for whoever wrote or read."""
        if is_damage(error):
            self.damaged = self.damaged or str(error)
            if self.on_damage is not None:
                self.on_damage()
            return SpoolDamaged(f"the spool's index is damaged ({error}): it is made anew from the segments")
        trouble = disk_trouble(error)
        if isinstance(trouble, DiskFailed) and trouble.lasting:
            self.room.failed(trouble)
        return trouble or error

    def write(self, function: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Run a function in the next transaction; its result comes once that is on disk. Raises DiskFull through it."""
        return self._writer.submit(function)

    def announce(self) -> None:
        """A record was signed: tell whoever sends them."""
        if self.on_record is not None:
            self.on_record()

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Run a query on a connection of this thread."""
        connection: sqlite3.Connection | None = getattr(self._reader, "connection", None)
        if connection is None:
            connection = self._reader.connection = self._connect()
            connection.execute("PRAGMA query_only=1")
            with self._readers_lock:
                self._readers.add(connection)
        try:
            return connection.execute(sql, parameters).fetchall()
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                raise self._told(error) from error
            raise

    def meta(self, name: str) -> str | None:
        """Return a noted value."""
        rows = self.read("SELECT value FROM meta WHERE name = ?", (name,))
        return rows[0][0] if rows else None

    def note(self, name: str, value: str) -> Future[None]:
        """Note a value under a name."""

        def put(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

        return self.write(put)

    # Files

    def object_path(self, camera: uuid.UUID, stream: int, segment: uuid.UUID) -> Path:
        """Return where a segment's sealed bytes lie."""
        return self.objects / f"{camera.hex}-{stream}" / segment.hex

    def sound_path(self, segment: uuid.UUID) -> Path:
        """Return where the sound of an open segment lies until that is closed."""
        return self.sound / segment.hex

    def _drop_orphans(self) -> int:
        """Delete files no row speaks of; return the bytes that remain."""
        with closing(self._connect()) as connection:
            known = {
                bytes(row[0]).hex(): (row[1], row[2])
                for row in connection.execute(
                    "SELECT segment, state, size FROM segments WHERE state NOT IN (4, 5) AND state <> ?",
                    (SegmentState.MISSING,),
                )
            }
            used = 0
            for folder in self.objects.iterdir():
                for path in folder.iterdir():
                    try:
                        if path.name not in known:
                            path.unlink()
                            continue
                        used += path.stat().st_size
                        state, size = known[path.name]
                        if state in _CARRYING and path.stat().st_size == size:
                            # A kill, or an earlier release, left nothing behind the object to make an index from.
                            used += append_trailer(path, trailer_of(connection, bytes.fromhex(path.name)))
                    except OSError as error:  # one bad file must not keep the box from recording
                        logger.warning("%s cannot be read, completed or deleted: %s", path, error)
            # A kill came between deleting the copies here and saying so.
            connection.execute(
                "UPDATE segments SET state = ? WHERE state = ?", (SegmentState.RELEASED, SegmentState.STORED)
            )
        return used

    def open_segments(self) -> list[OpenSegment]:
        """Return what was open when the agent was killed, the oldest first."""
        rows = self.read(
            "SELECT segment, camera, stream, start_us, opened FROM segments WHERE state = ? ORDER BY start_us",
            (SegmentState.OPEN,),
        )
        return [
            OpenSegment(
                uuid.UUID(bytes=row[0]), uuid.UUID(bytes=row[1]), Stream(row[2]), row[3], row[4] or b""
            )
            for row in rows
        ]

    def summary(self) -> SpoolSummary:
        """Return the figures of this moment."""
        used, free = self.room.figures()
        waiting = self.read("SELECT count(*), min(start_us) FROM segments WHERE state IN (1, 2)")[0]
        records = self.read("SELECT count(*) FROM records WHERE state = 0")[0][0]
        return SpoolSummary(used, self.room.budget_bytes, free, waiting[0], records, waiting[1])

    # Streams and chains

    def unsent(self) -> list[tuple[uuid.UUID, int, int]]:
        """Return camera, stream and where what waits of it begins, UTC µs, of each stream of which anything waits."""
        # One look into the index per stream: after days without a portal a million segments may wait.
        rows = self.read(
            "SELECT camera, stream, (SELECT min(start_us) FROM segments g WHERE g.camera = s.camera"
            " AND g.stream = s.stream AND g.state IN (1, 2)) FROM streams s"
        )
        return [(uuid.UUID(bytes=row[0]), row[1], max(0, row[2])) for row in rows if row[2] is not None]

    def covered_until(self, camera: uuid.UUID, stream: Stream) -> int | None:
        """Return up to when records speak of a stream, in UTC µs; None if they never did."""
        rows = self.read(
            "SELECT covered_until_us FROM streams WHERE camera = ? AND stream = ?", (camera.bytes, stream)
        )
        return rows[0][0] if rows else None


def open_chain(
    connection: sqlite3.Connection, head: ChainHead, genesis: SignedRecord, now_us: int
) -> ChainHead:
    """Store a new chain with its genesis and make it the stream's current one."""
    after = head.after(genesis)
    connection.execute(
        "INSERT INTO chains VALUES (?, ?, ?, ?, ?, ?)",
        (head.chain, head.camera.bytes, head.stream, after.next_seq, after.prev, now_us),
    )
    connection.execute(
        "INSERT INTO streams (camera, stream, chain) VALUES (?, ?, ?)"
        " ON CONFLICT (camera, stream) DO UPDATE SET chain = excluded.chain",
        (head.camera.bytes, head.stream, head.chain),
    )
    insert_record(connection, genesis, None, None)
    return after


def load_head(
    connection: sqlite3.Connection, tenant: uuid.UUID, camera: uuid.UUID, stream: Stream
) -> ChainHead | None:
    """Return where the stream's current chain stands; None before the first."""
    row = connection.execute(
        "SELECT c.chain, c.next_seq, c.tip FROM streams s JOIN chains c ON c.chain = s.chain"
        " WHERE s.camera = ? AND s.stream = ?",
        (camera.bytes, stream),
    ).fetchone()
    return None if row is None else ChainHead(tenant, camera, stream, row[0], row[1], row[2])


def signer_of(connection: sqlite3.Connection, chain: bytes) -> bytes | None:
    """Key id of the record key that signs a chain; None where none of its records is kept here any more."""
    row = connection.execute(
        "SELECT record FROM records WHERE chain = ? ORDER BY seq DESC LIMIT 1", (chain,)
    ).fetchone()
    return None if row is None else parse1(row[0]).kid


def append(
    connection: sqlite3.Connection,
    head: ChainHead,
    record: SignedRecord,
    *,
    covered_until_us: int | None = None,
    index_part: bytes | None = None,
    segment: uuid.UUID | None = None,
) -> ChainHead:
    """Store a record and the new tip of its chain together."""
    after = head.after(record)
    changed = connection.execute(
        "UPDATE chains SET next_seq = ?, tip = ? WHERE chain = ? AND next_seq = ?",
        (after.next_seq, after.prev, head.chain, head.next_seq),
    ).rowcount
    if changed != 1:
        raise StateUnusable(
            "a chain moved on behind this process: is a second agent using this state folder?"
        )
    insert_record(connection, record, index_part, segment)
    if covered_until_us is not None:
        connection.execute(
            "UPDATE streams SET covered_until_us = ? WHERE camera = ? AND stream = ?",
            (covered_until_us, head.camera.bytes, head.stream),
        )
    return after


def put_open_segment(
    connection: sqlite3.Connection,
    segment: uuid.UUID,
    camera: uuid.UUID,
    stream: int,
    start_us: int,
    opened: bytes,
) -> None:
    """Note a segment that begins to grow. `opened`: what it takes to close it after a kill."""
    connection.execute(
        "INSERT INTO segments (segment, camera, stream, state, start_us, changed_us, opened)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (segment.bytes, camera.bytes, stream, SegmentState.OPEN, start_us, _now_us(), opened),
    )


def put_sealed_segment(
    connection: sqlite3.Connection, segment: uuid.UUID, start_us: int, end_us: int, size: int
) -> None:
    """The segment is complete; call in the transaction that stores its record."""
    changed = connection.execute(
        "UPDATE segments SET state = ?, start_us = ?, end_us = ?, size = ?, changed_us = ?, opened = NULL"
        " WHERE segment = ? AND state = ?",
        (SegmentState.SEALED, start_us, end_us, size, _now_us(), segment.bytes, SegmentState.OPEN),
    ).rowcount
    if changed != 1:
        raise StateUnusable(f"segment {segment} is not open in the spool")


def drop_open_segment(connection: sqlite3.Connection, segment: uuid.UUID) -> None:
    """Forget a segment that could not be completed."""
    connection.execute(
        "DELETE FROM segments WHERE segment = ? AND state = ?", (segment.bytes, SegmentState.OPEN)
    )


def set_state(
    connection: sqlite3.Connection,
    segments: Iterable[uuid.UUID],
    state: SegmentState,
    only_from: Sequence[SegmentState],
) -> None:
    """Move segments on to `state`, those in one of the states given."""
    marks = ",".join(str(int(item)) for item in only_from)
    connection.executemany(
        f"UPDATE segments SET state = ?, changed_us = ? WHERE segment = ? AND state IN ({marks})",  # noqa: S608 (numbers of an enum)
        [(state, _now_us(), segment.bytes) for segment in segments],
    )


def prune(connection: sqlite3.Connection, now_us: int) -> int:
    """Delete acknowledged records older than 30 days, envelopes long sent, and rows of segments that are gone.

    A record whose object still waits here is spared, with its index part: without it no grant can be asked for. Returns how
    many records went.
    """
    before = now_us - KEEP_ACKNOWLEDGED_DAYS * _DAY_US
    waits = "EXISTS (SELECT 1 FROM segments s WHERE s.segment = records.segment AND s.state IN (1, 2, 3))"
    count = connection.execute(
        "DELETE FROM records WHERE id IN"  # noqa: S608 (a constant)
        f" (SELECT id FROM records WHERE state IN (1, 3) AND signed_us < ? AND NOT {waits} LIMIT 5000)",
        (before,),
    ).rowcount
    connection.execute(
        "UPDATE records SET index_part = NULL"  # noqa: S608 (a constant)
        f" WHERE index_part IS NOT NULL AND state IN (1, 3) AND signed_us < ? AND NOT {waits}",
        (now_us - KEEP_INDEX_PARTS_DAYS * _DAY_US,),
    )
    connection.execute(
        "DELETE FROM envelopes WHERE sent_us < ?", (now_us - KEEP_SENT_ENVELOPES_HOURS * 3_600_000_000,)
    )
    connection.execute(
        "DELETE FROM segments WHERE state IN (?, ?) AND changed_us < ?",
        (SegmentState.RELEASED, SegmentState.MISSING, before),
    )
    return count


def unsent_records(spool: Spool, limit: int, skip_chains: Iterable[bytes] = ()) -> list[UnsentRecord]:
    """Return records to send: in order within each chain, the newest chains first; before all of them the beginnings of
    chains, the oldest first, for each names the chain it goes on from.

    Chains to skip count nothing towards the limit: many records nobody takes now must not keep all others waiting.
    """
    skipped = list(skip_chains)
    marks = ",".join("?" * len(skipped))
    rows = spool.read(
        "SELECT r.id, r.chain, r.seq, r.kind, r.record, r.index_part, r.segment FROM records r"  # noqa: S608 (question marks)
        f" JOIN chains c ON c.chain = r.chain WHERE r.state = 0 AND r.chain NOT IN ({marks})"
        " ORDER BY r.seq <> 0, CASE r.seq WHEN 0 THEN r.id END, c.opened_us DESC, r.chain, r.seq LIMIT ?",
        (*skipped, limit),
    )
    return [
        UnsentRecord(
            row[0], row[1], row[2], row[3], row[4], row[5], uuid.UUID(bytes=row[6]) if row[6] else None
        )
        for row in rows
    ]


def segments_in(
    spool: Spool, states: Sequence[SegmentState], limit: int, *, newest_first: bool = True
) -> list[StoredSegment]:
    """Return segments in the given states, by their start."""
    return _segments(spool, _one_of(states), (), limit, newest_first=newest_first)


def segments_of(
    spool: Spool, camera: uuid.UUID, from_us: int, to_us: int, states: Sequence[SegmentState], limit: int
) -> list[StoredSegment]:
    """Return segments of a camera in the given states that overlap a stretch, earliest first."""
    where = f"camera = ? AND start_us < ? AND end_us > ? AND {_one_of(states)}"
    return _segments(spool, where, (camera.bytes, to_us, from_us), limit)


def segments_named(
    spool: Spool, segments: Iterable[uuid.UUID], state: SegmentState, limit: int = 200
) -> list[StoredSegment]:
    """Return those of the named segments that are in the given state, earliest first."""
    names = [segment.bytes for segment in segments]
    found: list[StoredSegment] = []
    for at in range(0, len(names), _NAMES_AT_ONCE):
        piece = names[at : at + _NAMES_AT_ONCE]
        where = f"segment IN ({','.join('?' * len(piece))}) AND {_one_of([state])}"
        found += _segments(spool, where, piece, limit)
    return sorted(found, key=lambda item: item.start_us)[:limit]


def _one_of(states: Sequence[SegmentState]) -> str:
    return f"state IN ({','.join(str(int(state)) for state in states)})"


def _segments(
    spool: Spool, where: str, values: Sequence[Any], limit: int, *, newest_first: bool = False
) -> list[StoredSegment]:
    """`where`: text of ours with question marks for `values`."""
    rows = spool.read(
        "SELECT segment, camera, stream, state, start_us, end_us, size, changed_us FROM segments"  # noqa: S608
        f" WHERE {where} ORDER BY start_us {'DESC' if newest_first else 'ASC'} LIMIT ?",
        (*values, limit),
    )
    return [
        StoredSegment(
            uuid.UUID(bytes=row[0]),
            uuid.UUID(bytes=row[1]),
            row[2],
            SegmentState(row[3]),
            row[4],
            row[5],
            row[6],
            row[7],
        )
        for row in rows
    ]


SEGMENT_KIND = int(RecordKind.SEGMENT)
