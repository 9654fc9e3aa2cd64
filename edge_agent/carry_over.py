"""From a chain the portal does not accept into a new one: what was not accepted is signed anew, what is lost is declared."""

from __future__ import annotations

import secrets
import sqlite3
import uuid
from collections.abc import Container, Sequence
from dataclasses import replace
from typing import Final

from edge_agent import spool as spool_index
from edge_agent.clock import Clock, stamp
from edge_agent.seal import Identity as Sealing
from edge_agent.seal import fitting, head_for
from edge_agent.spool import RecordState, StoredSegment
from protocol.states import SegmentState
from sealing.chain import ChainHead
from sealing.ids import GapReason, GenesisReason
from sealing.record import Clock as ClockRecord
from sealing.record import Event, Follows, Gap, Record, Segment, parse_record, sign_record

WAITING: Final = (SegmentState.SEALED, SegmentState.DECLARED, SegmentState.UPLOADED)
NOT_TAKEN: Final = "not taken: "
JOINED_US: Final = 100_000


def declare_lost(
    connection: sqlite3.Connection,
    item: StoredSegment,
    encoded: bytes,
    reason: GapReason,
    detail: str,
    sealing: Sealing,
    clock: Clock,
) -> None:
    """Sign the time of a segment, whose record is `encoded`, as a gap into the newest chain of its stream."""
    record = parse_record(encoded).record
    signer = sealing.signer
    head = head_for(connection, sealing, signer, clock, record.camera, record.stream)
    gap = head.gap(
        signer,
        stamp(clock),
        start_us=item.start_us,
        end_us=item.end_us,
        reason=reason,
        detail=detail,
    )
    spool_index.append(connection, head, gap)


def carry_over(
    connection: sqlite3.Connection,
    old_chain: bytes,
    sealing: Sealing,
    clock: Clock,
    *,
    refused: Sequence[tuple[bytes, str]],
    lost_keys: Container[bytes],
    portal_tip: tuple[int, bytes] | None,
) -> None:
    """Open a new chain in place of one the portal does not accept, and sign into it what was not accepted.

    The sealed objects do not know their chain, so nothing is lost. What no portal can take any more stays behind as
    refused, and the new chain declares its time as a gap: `refused` records with the portal's reason, and segments whose
    index part or the envelope of whose key (`lost_keys`) was given away long ago. `portal_tip`: seq and hash of the
    newest record of the old chain the portal names, if it names any.
    """
    camera, stream = connection.execute(
        "SELECT camera, stream FROM chains WHERE chain = ?", (old_chain,)
    ).fetchone()
    current = connection.execute(
        "SELECT chain FROM streams WHERE camera = ? AND stream = ?", (camera, stream)
    ).fetchone()
    unsent = connection.execute(
        "SELECT id, record, index_part, segment FROM records WHERE chain = ? AND state = 0 ORDER BY seq",
        (old_chain,),
    ).fetchall()
    sign = _Signing(sealing, clock)
    head = sign.open_in_place_of(connection, old_chain, portal_tip)
    for encoded, error in refused:
        head = sign.declare_refused(connection, head, encoded, error)
    lost: list[Segment] = []
    for record_id, encoded, index_part, segment in unsent:
        before = parse_record(encoded).record
        if isinstance(before, Segment) and (
            index_part is None or any(part.key_id in lost_keys for part in before.parts)
        ):
            refuse(connection, record_id, before.segment, "incomplete")
            lost.append(before)
            continue
        if isinstance(before, Segment | Gap | ClockRecord | Event):
            record: Record = replace(
                before, chain=head.chain, seq=head.next_seq, prev=head.prev, stamp=stamp(clock)
            )
            head = spool_index.append(
                connection,
                head,
                sign_record(record, sealing.signer),
                index_part=index_part,
                segment=uuid.UUID(bytes=segment) if segment else None,
            )
        connection.execute(
            "UPDATE records SET state = ?, segment = NULL WHERE id = ?",
            (RecordState.SUPERSEDED, record_id),
        )
    for start_us, end_us, count in _joined(lost):
        text = f"{count} segments: their index parts or keys are not here any more"
        head = sign.gap(connection, head, start_us, end_us, GapReason.SEALED_DATA_DAMAGED, text)
    if current is not None and current[0] != old_chain:
        # The stream has moved on to another chain since; that one stays the current one.
        connection.execute(
            "UPDATE streams SET chain = ? WHERE camera = ? AND stream = ?", (current[0], camera, stream)
        )


class _Signing:
    """Whose records these are, and when."""

    def __init__(self, sealing: Sealing, clock: Clock) -> None:
        self._sealing, self._clock = sealing, clock

    def open_in_place_of(
        self, connection: sqlite3.Connection, old_chain: bytes, portal_tip: tuple[int, bytes] | None
    ) -> ChainHead:
        """Open a chain that goes on from the last record of `old_chain` the portal has, or from none where it has none.

        What the portal never took is no part of any history: a chain that named it would be found lacking for ever.
        """
        first = parse_record(
            connection.execute(
                "SELECT record FROM records WHERE chain = ? ORDER BY seq DESC LIMIT 1", (old_chain,)
            ).fetchone()[0]
        ).record
        accepted = connection.execute(
            "SELECT seq, hash FROM records WHERE chain = ? AND state = ? ORDER BY seq DESC LIMIT 1",
            (old_chain, RecordState.ACKNOWLEDGED),
        ).fetchone()
        if accepted is None:
            # Accepted so long ago that it is not kept here any more: the portal names it, unless it knows of none.
            accepted = portal_tip
        head = ChainHead(first.tenant, first.camera, first.stream, secrets.token_bytes(16))
        genesis = head.genesis(
            self._sealing.signer,
            stamp(self._clock),
            agent=self._sealing.agent,
            reason=GenesisReason.TIP_MISMATCH,
            software=self._sealing.software,
            follows=None if accepted is None else Follows(old_chain, accepted[0], accepted[1]),
        )
        return spool_index.open_chain(connection, head, genesis, self._clock.wall_us())

    def declare_refused(
        self, connection: sqlite3.Connection, head: ChainHead, encoded: bytes, why: str
    ) -> ChainHead:
        """Sign a gap for the time of a record that no portal takes; returns the head after it.

        A gap that was made so and is refused as well is not declared again: that would never end.
        """
        lost = parse_record(encoded).record
        if isinstance(lost, Segment):
            reason, what = int(GapReason.SEALED_DATA_DAMAGED), f"segment {lost.segment}"
        elif isinstance(lost, Gap) and not (lost.detail or "").startswith(NOT_TAKEN):
            reason, what = lost.reason, "a gap"
        else:
            return head
        return self.gap(connection, head, lost.start_us, lost.end_us, reason, f"{what}: {why}")

    def gap(
        self,
        connection: sqlite3.Connection,
        head: ChainHead,
        start_us: int,
        end_us: int,
        reason: int,
        why: str,
    ) -> ChainHead:
        """Sign that this time is not to be had any more; returns the head after it."""
        gap = head.gap(
            self._sealing.signer,
            stamp(self._clock),
            start_us=start_us,
            end_us=end_us,
            reason=reason,
            detail=fitting(f"{NOT_TAKEN}{why}"),
        )
        return spool_index.append(connection, head, gap)


def _joined(segments: Sequence[Segment]) -> list[tuple[int, int, int]]:
    """Return start, end (UTC µs) and number of segments of each stretch of these without another's time between."""
    stretches: list[tuple[int, int, int]] = []
    for segment in sorted(segments, key=lambda item: item.start_us):
        if stretches and segment.start_us - stretches[-1][1] <= JOINED_US:
            start_us, end_us, count = stretches.pop()
            stretches.append((start_us, max(end_us, segment.end_us), count + 1))
        else:
            stretches.append((segment.start_us, segment.end_us, 1))
    return stretches


def unsend(connection: sqlite3.Connection, chain: bytes, after_seq: int) -> None:
    """Have the accepted records of a chain above `after_seq` sent again."""
    connection.execute(
        "UPDATE records SET state = ? WHERE chain = ? AND seq > ? AND state = ?",
        (RecordState.UNSENT, chain, after_seq, RecordState.ACKNOWLEDGED),
    )


def is_unsent(connection: sqlite3.Connection, chain: bytes, seq: int) -> bool:
    found = connection.execute(
        "SELECT 1 FROM records WHERE chain = ? AND seq = ? AND state = ?", (chain, seq, RecordState.UNSENT)
    ).fetchone()
    return found is not None


def refuse(connection: sqlite3.Connection, record_id: int, segment: uuid.UUID | None, error: str) -> None:
    """No portal takes this record: keep it and its segment for a person to look at, and count on neither."""
    connection.execute(
        "UPDATE records SET state = ?, error = ? WHERE id = ?", (RecordState.REFUSED, error, record_id)
    )
    if segment is not None:
        spool_index.set_state(connection, [segment], SegmentState.REFUSED, WAITING)
