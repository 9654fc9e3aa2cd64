"""What the API tells of cameras, sites and saved views."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from vsaas.agents.replies import AGENT, AgentStream
from vsaas.cameras.models import WallLayout
from vsaas.common.shapes import B64, Id, Micros, Next, StreamName


class CameraMay(BaseModel):
    """What the caller may do with this camera."""

    live: bool
    playback: bool
    audio: bool
    clip: bool = Field(description="Save clips, which takes the right to play as well.")
    edit: bool


class CameraProtection(BaseModel):
    """How its pictures are protected on each stretch from the lens to the screen."""

    link: Literal["plain", "encrypted", "pinned", "unknown"] = Field(
        description="From the camera to the agent: rtsp, rtsps, rtsps with a certificate a person accepted; unknown where the "
        "address was set before this was noted."
    )
    storage: Literal["sealed"] = Field(description="Recordings in spool and store.")
    signature: Literal["signed"] = Field(description="Records of what was recorded.")
    transport: Literal["encrypted", "this-machine"] = Field(
        description="Agents and browsers to the portal; this-machine: not encrypted, on loopback."
    )


class CameraCertificate(BaseModel):
    """Certificates by which a camera is known over rtsps, each as its SHA-256 in hex."""

    accepted: str | None = Field(
        description="The only one the agent takes; null: whichever the camera shows."
    )
    shown: str | None = Field(description="The one the camera showed last, as the agent says.")


class RecordingRule(BaseModel):
    """When something is recorded, and what of it is kept."""

    mode: Literal["continuous", "event", "off"]
    quality: Literal["full", "key-frames", "sub"] = Field(
        description="Both streams, of the main stream key frames alone, or the sub stream alone."
    )


class RecordingWindow(RecordingRule):
    """Hours in which another rule holds."""

    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]]
    begin: str = Field(alias="from", description="Such as 08:00.")
    to: str = Field(
        description="Not after `from`: on the day after. 24:00 is midnight at the end of the day."
    )


class CameraRecording(RecordingRule):
    """A recording plan. Mode and quality hold where no window does; of windows that overlap, the first."""

    windows: list[RecordingWindow]
    pre_roll_s: int = Field(description="So much before an event is recorded, 0 to 30.")
    post_roll_s: int = Field(description="So much after it, 0 to 300.")
    triggers: list[Literal["motion", "tamper", "input", "line", "sound"]] = Field(
        description="What counts as an event."
    )


class CameraHardware(BaseModel):
    """What a camera said it is."""

    make: str
    model: str
    firmware: str
    serial: str


class DetectionZone(BaseModel):
    """A part of the picture with a name."""

    name: str
    cells: str = Field(description="144 hexadecimal digits: a bit for each cell of a grid of 32 by 18.")


class CameraDetection(BaseModel):
    """What the agent itself looks for in the picture. Without zones motion counts anywhere; inside of the mask nowhere."""

    motion: bool
    sensitivity: int = Field(description="1, coarse, to 5.")
    smallest: float = Field(description="So many percent of the picture must move at least.")
    zones: list[DetectionZone]
    mask: str | None = Field(description="As a zone's cells; null: nothing is left out.")
    tamper: bool = Field(description="Whether it tells of a covered, blurred or turned camera.")


class CameraReply(BaseModel):
    """A camera with its state."""

    id: Id
    name: str
    site: str = Field(description="Name of its site.")
    site_id: Id
    agent: str = Field(description="Name of the agent that records it.")
    agent_id: Id
    groups: list[str] = Field(description="Names of the groups it is in.")
    enabled: bool = Field(description="Whether it is to be recorded.")
    retention_days: int | None = Field(description="null: the organisation's.")
    version: int = Field(description="Grows with every change.")
    time_zone: str = Field(description="Of its site, a name of the IANA data base.")
    state: Literal[
        "recording",
        "offline",
        "disabled",
        "agent-offline",
        "waiting",
        "deleted",
        "by-plan",
        "waiting-for-event",
    ]
    since_us: Micros | None = Field(description="Since when it is in this state.")
    reason: str | None = Field(
        description="The agent's word for what is wrong (refused: wrong password; stalled: sends nothing; …), else null."
    )
    newest_us: Micros | None = Field(description="End of the newest recorded second the portal knows.")
    streams: list[StreamName]
    audio: bool = Field(description="Whether sound is recorded.")
    recording: CameraRecording | None = Field(
        description="When it is recorded and how much of it, in the time zone of its site; null: everything, always."
    )
    events: bool = Field(description="Whether the camera's own events (ONVIF) are listened to.")
    detection: CameraDetection | None = Field(
        description="What the agent itself looks for in its picture; null: nothing."
    )
    hardware: CameraHardware | None = Field(
        description="What it said it is when it was found; null: it was added by its address."
    )
    steers: list[Literal["move", "step", "home", "presets"]] = Field(
        description="How the caller may steer it; [] where it cannot be steered, or its agent never asked it."
    )
    protection: CameraProtection
    certificate: CameraCertificate
    health: list[AgentStream] = Field(
        description="What the agent says of each stream; empty for who may not see agents."
    )
    may: CameraMay


class CameraPage(BaseModel):
    """Cameras by name."""

    items: list[CameraReply]
    next: Next


class GroupSite(BaseModel):
    """A site some of its cameras are on."""

    id: Id
    name: str


class GroupReply(BaseModel):
    """A group of cameras, known by its name. It is there while a camera is in it."""

    name: str
    cameras: int = Field(description="How many cameras of it you may see.")
    sites: list[GroupSite] = Field(description="Where those are, by name.")


class GroupPage(BaseModel):
    """Groups by name."""

    items: list[GroupReply]
    next: Next


class SiteMay(BaseModel):
    """What the caller may do with this site."""

    edit: bool


class SiteReply(BaseModel):
    """A site."""

    id: Id
    name: str
    timezone: str = Field(description="A name of the IANA data base.")
    created_us: Micros
    may: SiteMay


class SitePage(BaseModel):
    """Sites by name."""

    items: list[SiteReply]
    next: Next


class ViewMay(BaseModel):
    """What the caller may do with this view."""

    change: bool


class ViewReply(BaseModel):
    """A saved view of the wall."""

    id: Id
    name: str
    layout: str = Field(
        description="How the tiles are laid out.", json_schema_extra={"enum": list(WallLayout.values)}
    )
    cameras: list[str] = Field(description="Ids in the order of the wall, only those you may see.")
    not_shown: int = Field(description="How many other cameras it holds.")
    carousel_s: int | None = Field(
        description="Seconds after which the wall turns to the next; null: it stays."
    )
    shared: bool = Field(description="Whether everybody in the organisation is offered it.")
    own: bool
    may: ViewMay


class ViewPage(BaseModel):
    """Your own saved views and the shared ones, by name."""

    items: list[ViewReply]
    next: Next


class CameraTestFacts(BaseModel):
    """What the camera says of its stream."""

    codec: str
    width: int
    height: int
    frames_per_s: float | None
    audio: str | None = Field(description="Codec of the sound.")


class CameraTestReply(BaseModel):
    """A test of a camera's address."""

    id: Id
    agent: Id
    tenant: Id
    state: Literal["waiting", "picture", "no-picture"]
    expires_us: Micros = Field(description="When the agent gives up.")
    cause: str | None = Field(description="Why there is no picture, in one word for programs.")
    reason: str = Field(description="The same in a sentence for people.")
    next_step: str = Field(description="What to do about it.")
    facts: CameraTestFacts | None
    sealed: B64 | None = Field(description="The picture, sealed to `hpke_public`.")


CAMERA: dict[str, Any] = {
    "id": "019ac0f2-5a3e-7c11-9d8e-2f6b7a0c4d11",
    "name": "Gate 2",
    "site": "Berlin office",
    "site_id": "019ac0f0-77aa-7b21-8c3d-4e5f60718293",
    "agent": AGENT["name"],
    "agent_id": AGENT["id"],
    "groups": ["Entrances"],
    "enabled": True,
    "retention_days": None,
    "version": 3,
    "time_zone": "Europe/Berlin",
    "state": "recording",
    "since_us": 1764050400000000,
    "reason": None,
    "newest_us": 1764064990000000,
    "streams": ["main", "sub"],
    "audio": True,
    "recording": None,
    "events": False,
    "detection": None,
    "steers": [],
    "hardware": {"make": "Example", "model": "Dome 5", "firmware": "2.4.1", "serial": "A1B2C3"},
    "protection": {
        "link": "plain",
        "storage": "sealed",
        "signature": "signed",
        "transport": "encrypted",
    },
    "certificate": {"accepted": None, "shown": None},
    "health": AGENT["health"]["streams"],
    "may": {"live": True, "playback": True, "audio": False, "clip": True, "edit": False},
}
SITE: dict[str, Any] = {
    "id": CAMERA["site_id"],
    "name": "Berlin office",
    "timezone": "Europe/Berlin",
    "created_us": 1763900000000000,
    "may": {"edit": True},
}
GROUP: dict[str, Any] = {
    "name": CAMERA["groups"][0],
    "cameras": 4,
    "sites": [{"id": CAMERA["site_id"], "name": CAMERA["site"]}],
}
VIEW: dict[str, Any] = {
    "id": "019ac103-1b2c-7d3e-8f40-5a6b7c8d9e0f",
    "name": "Night",
    "layout": "2x2",
    "cameras": [CAMERA["id"]],
    "not_shown": 0,
    "carousel_s": 20,
    "shared": False,
    "own": True,
    "may": {"change": True},
}
CAMERA_TEST_ASKED: dict[str, Any] = {
    "agent": AGENT["id"],
    "url": "rtsp://user:password@192.0.2.7/main",
    "hpke_public": "CQ" + "A" * 41,
}
CAMERA_TEST_BEGUN: dict[str, Any] = {
    "id": "5f0d8f7e-6f0c-4f0e-9a55-0f4b7d3f2c11",
    "agent": AGENT["id"],
    "tenant": "019ac0ef-0a1b-7c2d-8e3f-405162738495",
    "state": "waiting",
    "expires_us": 1764065045000000,
    "cause": None,
    "reason": "",
    "next_step": "",
    "facts": None,
    "sealed": None,
}
CAMERA_TEST: dict[str, Any] = CAMERA_TEST_BEGUN | {
    "state": "no-picture",
    "cause": "credentials",
    "reason": "The camera refuses the user name or the password.",
    "next_step": "Type them again. Some cameras have a user of their own for RTSP.",
}
