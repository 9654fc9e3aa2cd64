"""What the API asks and tells of footage: the timeline, and playback."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from protocol.limits import LAST_US
from vsaas.common.describe import query
from vsaas.common.shapes import B64, Fingerprint, HpkePublic, Id, Micros, Next, StreamName
from vsaas.footage.models import FindingKind
from vsaas.footage.playback import STREAMS_MOST
from vsaas.footage.requests import CLIP_MOST_US
from vsaas.footage.stills import STILLS_MOST
from vsaas.footage.timeline import MAX_CAMERAS, MAX_RANGE_US
from vsaas.footage.times import DAY_US, HOUR_US

_ID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_TIME = r"^([0-9]{1,16}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2}))$"

TIMELINE_QUERY = (
    query(
        "cameras",
        f"Ids of cameras with commas between them, at most {MAX_CAMERAS}.",
        schema={"type": "string", "pattern": f"^{_ID}(,{_ID})*$"},
        required=True,
        example="019ac0f2-5a3e-7c11-9d8e-2f6b7a0c4d11",
    ),
    query(
        "from",
        "ISO 8601 with its zone, or microseconds since 1970.",
        schema={"type": "string", "pattern": _TIME},
        required=True,
        example="2025-11-25T09:00:00Z",
    ),
    query(
        "to",
        f"As `from`; after it, at most {MAX_RANGE_US // DAY_US} days later.",
        schema={"type": "string", "pattern": _TIME},
        required=True,
        example="2025-11-25T10:00:00Z",
    ),
    query("stream", "Which video.", schema={"type": "string", "enum": ["main", "sub"], "default": "main"}),
    query(
        "resolution",
        "Seconds: shorter runs are folded into their neighbours.",
        schema={"type": "number", "minimum": 0, "maximum": 86400, "default": 0},
    ),
)

EVENTS_QUERY = (
    *TIMELINE_QUERY[:3],
    query(
        "type",
        "Types with commas between them: `motion`, `tamper`, `input`, `line`, `sound`, `other`. Without: all.",
        example="motion,tamper",
    ),
)

RunState = Literal["recorded", "pending", "gap", "deleted", "missing", "not-permitted"]


EventKind = Literal["motion", "tamper", "input", "line", "sound", "frozen", "swapped", "clock", "other"]


class CameraLine(BaseModel):
    """One camera's part of a timeline."""

    runs: list[tuple[int, int, RunState, int | None]] = Field(
        description="[from_us, to_us, state, number of the gap's reason or null], sorted, never overlapping."
    )
    newest_us: Micros | None
    oldest_unsent_us: Micros | None = Field(description="What the agent still holds, from here on.")
    events: list[tuple[int, int, EventKind]] = Field(
        description="[from_us, to_us, type] in order of time; those of one type too close to be told apart are one."
    )


class EventReply(BaseModel):
    """Something a camera or its agent noticed, or a piece of it."""

    camera: Id
    type: EventKind
    from_us: Micros
    to_us: Micros
    goes_on: bool = Field(description="It lasted at `to_us`; the next piece begins there.")
    source: str = Field(description="Whose word it is: `own`, or `onvif:` and what the camera calls it.")
    detail: str | None


class EventPage(BaseModel):
    """A page of events, by time."""

    items: list[EventReply]
    next: Next


class TimelineReply(BaseModel):
    """What was recorded when."""

    from_us: Micros
    to_us: Micros
    cameras: dict[str, CameraLine] = Field(description="By camera id.")


class StreamAskedFields(BaseModel):
    """One video of a camera."""

    camera: Id
    stream: StreamName


Instant = Annotated[int, Field(ge=0, le=LAST_US, description="Microseconds since 1970, UTC.")]


class PlaybackFields(BaseModel):
    """What to play. About two minutes from `from_us` are answered at once."""

    streams: list[StreamAskedFields] = Field(min_length=1, max_length=STREAMS_MOST)
    from_us: Instant
    to_us: Instant
    audio: bool = False
    hpke_public: HpkePublic


class ClipFields(BaseModel):
    """What to save."""

    camera: Id
    stream: StreamName
    from_us: Instant
    to_us: Annotated[
        int,
        Field(
            ge=0, le=LAST_US, description=f"After `from_us`, at most {CLIP_MOST_US // HOUR_US} hours later."
        ),
    ]
    audio: bool = False
    hpke_public: HpkePublic
    clip: str | None = Field(default=None, description="The ticket of the first reply, for what follows.")


class StillFields(BaseModel):
    """One picture."""

    camera: Id
    at_us: Instant | None = None
    stream: StreamName | None = None


class UploadNowReply(BaseModel):
    """A stretch that is to be uploaded before anything else."""

    id: Id
    segments: int | None = Field(
        description="How many segments the agent moved forward; null: it has not answered."
    )


class StillsFields(BaseModel):
    """Which pictures."""

    stills: list[StillFields] = Field(min_length=1, max_length=STILLS_MOST)
    hpke_public: HpkePublic


class MapsFields(BaseModel):
    """Of which camera, and from when to when."""

    camera: Id
    from_us: Instant
    to_us: Annotated[int, Field(ge=0, le=LAST_US, description="After `from_us`, at most an hour later.")]
    hpke_public: HpkePublic


class SegmentKey(BaseModel):
    """The key of one rendition of a segment, sealed to `hpke_public` (SPEC 6)."""

    rendition: int
    envelope: B64


class HourKey(BaseModel):
    """Where your organisation holds its keys: the key of the hour, sealed to the key of its camera (SPEC 3.2, purpose 1),
    of which your share comes with `GET keys`. The segment's key follows from it (SPEC 2.1)."""

    rendition: int
    period: B64


class SegmentReply(BaseModel):
    """One segment. `url` and `keys` are null unless it is stored."""

    id: Id
    start_us: Micros
    end_us: Micros
    run: str
    state: Literal["stored", "pending", "deleted", "missing"]
    agent: Id
    adopted: bool = Field(
        description="It came off the disk of `agent`, which was replaced, brought by the box that took its place."
    )
    record: B64
    index: B64 | None
    url: str | None = Field(description="GET with Range, straight from the object store, until `expires_us`.")
    keys: list[SegmentKey | HourKey] | None


class GapReply(BaseModel):
    """A declared interruption."""

    from_us: Micros
    to_us: Micros
    reason: int


class Stretch(BaseModel):
    """From one instant to another."""

    from_us: Micros
    to_us: Micros


class AgentTrust(BaseModel):
    """The keys an agent signed these records with: several where they were rolled over in between. Each record names its
    own; check it through the statements."""

    record_keys: list[B64]


class StreamReply(BaseModel):
    """One video's next minutes."""

    camera: Id
    stream: StreamName
    agents: dict[str, AgentTrust]
    segments: list[SegmentReply]
    gaps: list[GapReply]
    not_permitted: list[Stretch] = Field(
        description="Time your hours do not let you see. Nothing is told of it, nor whether there is anything."
    )
    more_from_us: Micros | None = Field(description="Ask again from here; null: this was all.")


class _Released(BaseModel):
    """Until when the reply is good, and what its keys are bound to."""

    expires_us: Micros
    session: B64
    tenant: Id
    account: Id
    root_fingerprint: Fingerprint
    statements_number: int


class PlaybackReply(_Released):
    """Everything a player needs for the next two minutes."""

    streams: list[StreamReply]


class ClipReply(PlaybackReply):
    """As playback, and the ticket that goes on with the clip."""

    clip: str


class StillsReply(_Released):
    """As playback; per picture wished a stream with one segment, or with none."""

    stills: list[StreamReply]


class MapsReply(_Released):
    """As playback, of the segments that hold a motion map."""

    streams: list[StreamReply]


class FindingReply(BaseModel):
    """Something wrong with footage that nobody settled."""

    id: Id
    kind: str = Field(
        description="What it is.", json_schema_extra={"enum": [str(kind.value) for kind in FindingKind]}
    )
    camera: Id | None
    agent: Id | None
    subject: str = Field(description="What it is about: a chain, an object, the name of an error.")
    detail: str
    first_us: Micros
    last_us: Micros
    count: int = Field(description="How often it was seen.")


class FindingPage(BaseModel):
    """Findings, the newest first."""

    items: list[FindingReply]
    next: Next


_CAMERA_ID = "019ac0f2-5a3e-7c11-9d8e-2f6b7a0c4d11"
FINDING: dict[str, Any] = {
    "id": "019ac102-7b1a-7d30-9c4e-5f60718293a4",
    "kind": "object-missing",
    "camera": _CAMERA_ID,
    "agent": None,
    "subject": "019ac0ef/019ac0f2/1/2025112509/019ac0f3",
    "detail": "it was in the store and is gone",
    "first_us": 1764061200000000,
    "last_us": 1764064800000000,
    "count": 2,
}
TIMELINE: dict[str, Any] = {
    "from_us": 1764061200000000,
    "to_us": 1764064800000000,
    "cameras": {
        _CAMERA_ID: {
            "runs": [
                [1764061200000000, 1764063000000000, "recorded", None],
                [1764063000000000, 1764063042000000, "gap", 3],
                [1764063042000000, 1764064800000000, "recorded", None],
            ],
            "newest_us": 1764064800000000,
            "oldest_unsent_us": None,
            "events": [[1764061260000000, 1764061275000000, "motion"]],
        }
    },
}
EVENT: dict[str, Any] = {
    "camera": _CAMERA_ID,
    "type": "motion",
    "from_us": 1764061260000000,
    "to_us": 1764061275000000,
    "goes_on": False,
    "source": "onvif:VideoSource_1",
    "detail": None,
}
PLAYBACK_ASKED: dict[str, Any] = {
    "streams": [{"camera": _CAMERA_ID, "stream": "main"}],
    "from_us": 1764061200000000,
    "to_us": 1764061260000000,
    "audio": False,
    "hpke_public": "CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
}
PLAYBACK: dict[str, Any] = {
    "expires_us": 1764065110000000,
    "session": "pD1aT0Wm8k2xQe4vN7s9Zw",
    "tenant": "019ac0ef-91d2-7a05-b3c4-5d6e7f8091a2",
    "account": "019ac0f0-2b3c-7d4e-8f90-a1b2c3d4e5f6",
    "root_fingerprint": "7d4f1c0e5a8b9263d1e4f7a0b3c6d9e2f5a8b1c4d7e0f3a6b9c2d5e8f1a4b7c0",
    "statements_number": 6,
    "streams": [
        {
            "camera": _CAMERA_ID,
            "stream": "main",
            "agents": {
                "019ac0f1-0b52-7e40-8f0a-6d1c3b5a9e77": {
                    "record_keys": ["gTl3Dqh9F19Wo1Rmw0x-zMuNipG07jeiXfYPW4_Js5Q"]
                }
            },
            "segments": [
                {
                    "id": "019ac0f3-77aa-7b21-8c3d-4e5f60718293",
                    "start_us": 1764061200000000,
                    "end_us": 1764061210000000,
                    "run": "019ac0f3-0000-7b21-8c3d-4e5f60718293",
                    "state": "stored",
                    "agent": "019ac0f1-0b52-7e40-8f0a-6d1c3b5a9e77",
                    "adopted": False,
                    "record": "0oRYKqIBJwRQ",
                    "index": "Q29iYmxlc3Rv",
                    "url": "https://s3.example.com/footage/019ac0ef/…?X-Amz-Expires=120",
                    "keys": [{"rendition": 1, "envelope": "hEWiAScEUA"}],
                }
            ],
            "gaps": [],
            "not_permitted": [],
            "more_from_us": None,
        }
    ],
}
CLIP_ASKED: dict[str, Any] = {
    "camera": _CAMERA_ID,
    "stream": "main",
    "from_us": 1764061200000000,
    "to_us": 1764061260000000,
    "audio": True,
    "hpke_public": PLAYBACK_ASKED["hpke_public"],
}
CLIP: dict[str, Any] = PLAYBACK | {"clip": "WyIwMTlhYzBmMC0yYjNjIl0:1vNx2a:3oS6v0eC5h0"}
STILLS_ASKED: dict[str, Any] = {
    "stills": [{"camera": _CAMERA_ID}, {"camera": _CAMERA_ID, "at_us": 1764061200000000}],
    "hpke_public": PLAYBACK_ASKED["hpke_public"],
}
STILLS: dict[str, Any] = {name: value for name, value in PLAYBACK.items() if name != "streams"} | {
    "stills": PLAYBACK["streams"] * 2
}
MAPS_ASKED: dict[str, Any] = {
    "camera": _CAMERA_ID,
    "from_us": 1764061200000000,
    "to_us": 1764064800000000,
    "hpke_public": PLAYBACK_ASKED["hpke_public"],
}
UPLOAD_ASKED: dict[str, Any] = {"from_us": 1764061200000000, "to_us": 1764061260000000}
UPLOAD_SET_GOING: dict[str, Any] = {"id": "0f4b7d3f-2c11-4a3e-8b5f-6c0d8f7e6f0c", "segments": None}
UPLOAD_NOW: dict[str, Any] = UPLOAD_SET_GOING | {"segments": 8}
