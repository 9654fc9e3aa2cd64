"""What the API asks and tells of the audit log."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from vsaas.audit.models import Event
from vsaas.common.describe import query
from vsaas.common.shapes import Id, Micros, Next

_TEXT = {"type": "string", "maxLength": 200}
_TIME = {
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})$",
}

AUDIT_QUERY = (
    query("person", "Id of an account or agent, or part of a name.", schema=_TEXT),
    query(
        "act",
        "An act's name, the first part of several with its dot, or `watching`: live, recordings, clips, keys.",
        schema=_TEXT,
        example="camera.",
    ),
    query("object", "Id of what it was done to, or part of its name.", schema=_TEXT),
    query("camera", "Id of a camera: what was done to it, and who watched it.", schema=_TEXT),
    query("outcome", "Done or refused.", schema={"type": "string", "enum": list(Event.Outcome.values)}),
    query("text", "Words that all stand in the sentence.", schema=_TEXT),
    query("from", "ISO 8601 with its offset.", schema=_TIME, example="2025-11-25T09:00:00Z"),
    query("to", "As `from`: before this.", schema=_TIME, example="2025-11-25T10:00:00Z"),
)


class Someone(BaseModel):
    """Who did it: a person, an agent, the system."""

    kind: str
    id: str | None
    name: str


class Something(BaseModel):
    """What it was done to."""

    kind: str
    id: str
    name: str


class AuditReply(BaseModel):
    """One entry. `seq` and the hashes are null while it waits to be chained, a second or so."""

    sentence: str = Field(description="What happened, for people.")
    event_id: Id
    at_us: Micros
    act: str
    outcome: Literal["done", "refused"]
    actor: Someone
    object: Something
    network: str
    details: dict[str, Any]
    seq: int | None
    prev_hash: str | None
    hash: str | None = Field(
        description="SHA-256 over the canonical CBOR of the entry and the hash before it."
    )


class AuditPage(BaseModel):
    """Entries, the newest first."""

    items: list[AuditReply]
    next: Next
    looked_back_to_us: Micros | None = Field(
        description="Set where the search stopped because it had looked through much; `next` goes on from there."
    )


class AuditChain(BaseModel):
    """Whether the chain holds around an entry."""

    first_seq: int
    last_seq: int
    holds: bool
    broken_at_seq: int | None
    reason: str


class AuditEventReply(AuditReply):
    """One entry, and whether the chain holds around it (null while it waits)."""

    chain: AuditChain | None


ENTRY: dict[str, Any] = {
    "sentence": "Bob watched Gate 2 (main) from 2025-11-25T09:00:00Z",
    "event_id": "019ac105-3d4e-7f50-8162-7c8d9e0f1a2b",
    "at_us": 1764064990000000,
    "act": "footage.watched",
    "outcome": "done",
    "actor": {"kind": "account", "id": "019ac0f0-2b3c-7d4e-8f90-a1b2c3d4e5f6", "name": "Bob"},
    "object": {"kind": "camera", "id": "019ac0f2-5a3e-7c11-9d8e-2f6b7a0c4d11", "name": "Gate 2"},
    "network": "192.0.2.9",
    "details": {"from_time": "2025-11-25T09:00:00Z", "stream": "main"},
    "seq": 118,
    "prev_hash": "7d4f1c0e5a8b9263d1e4f7a0b3c6d9e2f5a8b1c4d7e0f3a6b9c2d5e8f1a4b7c0",
    "hash": "0b3c6d9e2f5a8b1c4d7e0f3a6b9c2d5e8f1a4b7c07d4f1c0e5a8b9263d1e4f7a",
}
EVENT = ENTRY | {
    "chain": {"first_seq": 1, "last_seq": 130, "holds": True, "broken_at_seq": None, "reason": ""}
}
AUDIT_PAGE = {"items": [ENTRY], "next": None, "looked_back_to_us": None}
AUDIT_CSV = (
    "time_utc,sentence,act,outcome,actor_kind,actor_name,actor_id,object_kind,object_name,object_id,network,details,event_id,seq,hash\r\n"
    "2025-11-25T10:03:10.000000+00:00,Bob watched Gate 2 (main) from 2025-11-25T09:00:00Z,footage.watched,done,account,Bob,"
    "019ac0f0-2b3c-7d4e-8f90-a1b2c3d4e5f6,camera,Gate 2,019ac0f2-5a3e-7c11-9d8e-2f6b7a0c4d11,192.0.2.9,{},"
    f"{ENTRY['event_id']},{ENTRY['seq']},{ENTRY['hash']}\r\n"
)


WATCHED_QUERY = (
    query(
        "camera",
        "Id of the camera.",
        schema=_TEXT,
        required=True,
        example="019ac0f2-5a3e-7c11-9d8e-2f6b7a0c4d11",
    ),
    query("from", "ISO 8601 with its offset.", schema=_TIME, example="2025-11-25T09:00:00Z"),
    query("to", "As `from`: before this.", schema=_TIME, example="2025-11-25T10:00:00Z"),
)


class WatchedSpan(BaseModel):
    """From, to; `to_us` null: the end of a live view is not in the log."""

    from_us: Micros
    to_us: Micros | None


class WatcherReply(BaseModel):
    """One who watched. `clips` and `stills`: how many entries of that kind."""

    actor: Someone
    networks: list[str]
    live: list[WatchedSpan]
    footage: list[WatchedSpan] = Field(description="Recorded time that keys were released for.")
    clips: int
    stills: int


class WatchedReply(BaseModel):
    """Who watched a camera, in the order of beginning. `whole` false: the time holds more than was looked through."""

    camera: Id
    from_us: Micros
    to_us: Micros
    whole: bool
    watchers: list[WatcherReply]


WATCHED: dict[str, Any] = {
    "camera": "019ac0f2-5a3e-7c11-9d8e-2f6b7a0c4d11",
    "from_us": 1764064800000000,
    "to_us": 1764068400000000,
    "whole": True,
    "watchers": [
        {
            "actor": ENTRY["actor"],
            "networks": ["192.0.2.9"],
            "live": [{"from_us": 1764064990000000, "to_us": 1764065090000000}],
            "footage": [{"from_us": 1764061200000000, "to_us": 1764061320000000}],
            "clips": 0,
            "stills": 0,
        }
    ],
}

TIME_QUERY = WATCHED_QUERY[1:]
AUDIT_JSONL = (
    '{"kind": "log", "format": "vsaas-audit-export-v1", "log": "019ac0f0-1a2b-7c3d-8e4f-5a6b7c8d9e0f"}\n'
    '{"kind": "entry", "seq": 118, "event_id": "019ac105-3d4e-7f50-8162-7c8d9e0f1a2b", "at_us": 1764064990000000, '
    '"act": "footage.watched", "outcome": "done", "actor": {"kind": "account", "id": '
    '"019ac0f0-2b3c-7d4e-8f90-a1b2c3d4e5f6", "name": "Bob"}, "object": {"kind": "camera", "id": '
    '"019ac0f2-5a3e-7c11-9d8e-2f6b7a0c4d11", "name": "Gate 2"}, "network": "192.0.2.9", "details": {"stream": "main"}, '
    '"prev_hash": "7d4f…", "hash": "0b3c…"}\n'
    '{"kind": "checkpoint", "size": 119, "head": "0b3c…", "at_us": 1764064991000000, "signature": "…", '
    '"public_key": "…"}\n'
)
