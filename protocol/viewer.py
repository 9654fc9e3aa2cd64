"""What the hub itself says to a viewer, between the agent's sealed messages (SPEC 7): canonical CBOR arrays.

`[10, publish, camera, stream, agent, record public key, [[rendition, key id, release envelope], …]]` whenever keys change;
`[11, word, detail]` status: `starting`, `agent-offline`, `camera-offline`, `withdrawn`, `skipped`, `ended`, `refused`,
`outside-hours` (detail: when live view opens again, ISO 8601, or empty).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sealing.canonical import Encodable, encode_canonical

STATUSES = (
    "starting",
    "agent-offline",
    "camera-offline",
    "withdrawn",
    "skipped",
    "ended",
    "refused",
    "outside-hours",
)


def keys_frame(
    publish: uuid.UUID,
    camera: uuid.UUID,
    stream: int,
    agent: uuid.UUID,
    record_public: bytes,
    keys: Sequence[tuple[int, bytes, bytes]],
) -> bytes:
    """`keys` are (rendition, key id, release envelope)."""
    rows: list[Encodable] = [[rendition, key_id, envelope] for rendition, key_id, envelope in keys]
    return encode_canonical([10, publish.bytes, camera.bytes, stream, agent.bytes, record_public, rows])


def status_frame(status: str, detail: str = "") -> bytes:
    if status not in STATUSES:
        raise ValueError(f"no such status of a live view: {status}")
    return encode_canonical([11, status, detail])
