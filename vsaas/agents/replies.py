"""What the API tells of agents."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from protocol.health import CAMERA_STATES
from vsaas.agents.models import RolloverState
from vsaas.agents.states import FOR_HOLDER
from vsaas.common.shapes import Fingerprint, Id, Micros, Next


class AgentStream(BaseModel):
    """One stream an agent records, as the agent says."""

    camera: Id
    stream: int = Field(description="1 main, 2 sub.")
    state: Literal[CAMERA_STATES]
    since_us: Micros
    detail: str
    bits_per_s: int
    frames_per_s: float
    codec: str
    certificate: str = Field(
        "", description="SHA-256 in hex of the one the camera showed last; empty without TLS."
    )
    width: int = Field(0, description="Of its pictures, in pixels; 0 while none was seen.")
    height: int = 0
    packets_lost: int = Field(0, description="On the way from the camera, since the agent started.")
    restarts: int = Field(0, description="Connections to the camera made anew since the agent started.")
    last_frame_us: Micros | None = Field(None, description="When its last picture came.")
    clock_offset_us: int | None = Field(
        None, description="How far the camera's clock is ahead of the agent's, where it tells."
    )
    clock_drift_ppm: float | None = Field(
        None, description="How many microseconds a second the camera's clock gains on the agent's."
    )
    oldest_unsent_us: Micros | None = Field(None, description="Where what waits to be uploaded of it begins.")


class AgentBox(BaseModel):
    """The box the agent runs on. null: it does not tell."""

    cpu_percent: float
    memory_used_bytes: int
    memory_total_bytes: int
    disk_total_bytes: int
    disk_wear_percent: int | None = Field(description="How much of the spool's disk's expected life is used.")
    temperature_c: float | None = Field(description="The hottest place measured.")
    link: str = Field(description="The interface of the route to everywhere; empty without one.")
    link_up: bool
    link_mbit_per_s: int | None


class AgentHealthReply(BaseModel):
    """The agent's last heartbeat."""

    started_us: Micros
    clock_offset_us: int = Field(description="How far the agent's clock is ahead of the portal's.")
    clock_synchronised: bool
    spool_bytes: int = Field(description="What it holds on its disk.")
    spool_budget_bytes: int
    disk_free_bytes: int
    days_left: float | None = Field(description="Days it can go on recording without a connection.")
    oldest_unsent_us: Micros | None
    streams: list[AgentStream]
    alarms: list[str]
    box: AgentBox | None


class AgentRolloverReply(BaseModel):
    """New keys the agent was asked for last."""

    state: Literal[(*RolloverState.values, FOR_HOLDER)] = Field(  # type: ignore[valid-type]
        description="asked: the agent makes them; offered: they are about to be stated; waits-for-holder: a holder of your "
        "organisation's keys has to sign; stated: in use, the former ones are being put away; done; refused; no-answer."
    )
    asked_us: Micros
    reason: str = Field(description="Why they were refused; else empty.")


class AgentKeysReply(BaseModel):
    """The keys of an agent."""

    since_us: Micros = Field(description="When those in force were made.")
    rollover: AgentRolloverReply | None = Field(description="null: it was never asked for others.")


class AgentMay(BaseModel):
    """What the caller may do with this agent."""

    edit: bool
    revoke: bool


class AgentReply(BaseModel):
    """An agent with its state."""

    id: Id
    name: str
    site: str = Field(description="Name of its site.")
    site_id: Id
    time_zone: str = Field(description="Of its site, a name of the IANA data base.")
    state: Literal["online", "offline", "cloned", "revoked"]
    software: str
    enrolled_us: Micros
    last_contact_us: Micros | None
    revoked_us: Micros | None
    replaces: Id | None = Field(description="The agent whose place it took.")
    replaced_by: Id | None = Field(description="The agent that took its place.")
    adopted_us: Micros | None = Field(
        description="When it had brought all that the disk of the agent before still held; null: not yet."
    )
    keys: AgentKeysReply
    health: AgentHealthReply | None
    may: AgentMay


class AgentPage(BaseModel):
    """Agents by name."""

    items: list[AgentReply]
    next: Next


class RevocationReply(BaseModel):
    """The agent that is let in no more, and the number of the signed statement that says so."""

    agent: Id
    statement: int | None = Field(
        description="null: your organisation holds its keys, and a holder has to sign it."
    )


class NewEnrolmentCode(BaseModel):
    """Where the new agent will stand."""

    site: Id = Field(description="Id of the site.")


class EnrolmentCodeReply(BaseModel):
    """A code that enrols one agent, once, until `expires_us`. It is told in this reply and never again."""

    id: Id
    code: str
    root_fingerprint: Fingerprint
    expires_us: Micros


class EnrolledAgent(BaseModel):
    """The agent that used a code."""

    id: Id
    name: str


class EnrolmentCodeState(BaseModel):
    """What became of a code."""

    id: Id
    site_id: Id
    state: Literal["waiting", "waits-for-holder", "enrolled", "run-out"]
    expires_us: Micros
    agent: EnrolledAgent | None


AGENT: dict[str, Any] = {
    "id": "019ac0f1-0b52-7e40-8f0a-6d1c3b5a9e77",
    "name": "Basement",
    "site": "Berlin office",
    "site_id": "019ac0f0-77aa-7b21-8c3d-4e5f60718293",
    "time_zone": "Europe/Berlin",
    "state": "online",
    "software": "0.1.0",
    "enrolled_us": 1763900000000000,
    "last_contact_us": 1764064990000000,
    "revoked_us": None,
    "replaces": None,
    "replaced_by": None,
    "adopted_us": None,
    "keys": {"since_us": 1763900000000000, "rollover": None},
    "health": {
        "started_us": 1764000000000000,
        "clock_offset_us": 1200,
        "clock_synchronised": True,
        "spool_bytes": 734003200,
        "spool_budget_bytes": 200000000000,
        "disk_free_bytes": 412316860416,
        "days_left": 12.5,
        "oldest_unsent_us": None,
        "streams": [
            {
                "camera": "019ac0f2-5a3e-7c11-9d8e-2f6b7a0c4d11",
                "stream": 1,
                "state": "recording",
                "since_us": 1764050400000000,
                "detail": "",
                "bits_per_s": 3980000,
                "frames_per_s": 25.0,
                "codec": "avc1.640028",
                "width": 1920,
                "height": 1080,
                "packets_lost": 0,
                "restarts": 1,
                "last_frame_us": 1764064989960000,
                "clock_offset_us": 21000,
                "clock_drift_ppm": 12.5,
                "oldest_unsent_us": 1764064980000000,
            }
        ],
        "alarms": [],
        "box": {
            "cpu_percent": 12.5,
            "memory_used_bytes": 734003200,
            "memory_total_bytes": 4139286528,
            "disk_total_bytes": 511101108224,
            "disk_wear_percent": 10,
            "temperature_c": 51.2,
            "link": "eth0",
            "link_up": True,
            "link_mbit_per_s": 1000,
        },
    },
    "may": {"edit": True, "revoke": True},
}
KEYS_ASKED: dict[str, Any] = {
    "since_us": 1763900000000000,
    "rollover": {"state": "asked", "asked_us": 1764064995000000, "reason": ""},
}
CODE: dict[str, Any] = {
    "id": "019ac104-2c3d-7e4f-8051-6b7c8d9e0f1a",
    "code": "K7QW-2MZP-AAAA-BBBB-CCCC-DDDD-EEEE-FFFF-GGGG-HHHH-JJJJ-KKKK-LLLL-MMMM-NNNN-PPPP-QQQQ",
    "root_fingerprint": "7d4f1c0e5a8b9263d1e4f7a0b3c6d9e2f5a8b1c4d7e0f3a6b9c2d5e8f1a4b7c0",
    "expires_us": 1764066790000000,
}
CODE_STATE: dict[str, Any] = {
    "id": CODE["id"],
    "site_id": AGENT["site_id"],
    "state": "enrolled",
    "expires_us": CODE["expires_us"],
    "agent": {"id": AGENT["id"], "name": AGENT["name"]},
}
