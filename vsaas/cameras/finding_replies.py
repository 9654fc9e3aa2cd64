"""How searches and looks are told by the API, with examples."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from vsaas.cameras.replies import CAMERA
from vsaas.common.shapes import Id, Micros

State = Literal["waiting", "working", "done", "stopped", "busy"]


class SafetyFindingReply(BaseModel):
    """Something about a camera that is not safe."""

    finding: str = Field(description="In one word for programs.")
    sentence: str = Field(description="The same for people.")


class DeviceReply(BaseModel):
    """Something that answered in the agent's network. Its name and model are its own words."""

    address: str
    service: str | None = Field(description="Its ONVIF device service.")
    rtsp_port: int | None
    name: str
    model: str
    camera: Id | None = Field(description="The camera of this agent that has this address already.")
    findings: list[SafetyFindingReply]


class AskingReply(BaseModel):
    """How far the agent is."""

    id: Id
    agent: Id
    state: State = Field(
        description="`stopped`: it did not finish in time. `busy`: it has another one to finish."
    )
    done_percent: int
    expires_us: Micros = Field(description="When the agent gives up.")
    reason: str = Field(description="Why it stopped, for people.")
    next_step: str


class SearchReply(AskingReply):
    """A search for cameras."""

    devices: list[DeviceReply]


class ProfileReply(BaseModel):
    """A stream the camera offers, as it is set."""

    token: str
    name: str
    codec: str
    width: int
    height: int
    frames_per_s: float | None
    kbit_s: int | None
    gop: int | None = Field(description="Pictures from one key frame to the next.")
    encrypted: bool = Field(description="Whether it is fetched by rtsps.")


class LookedReply(BaseModel):
    """A camera that was looked at."""

    id: Id = Field(description="The id the camera will have when it is added.")
    service: str
    cause: str | None = Field(description="Why it could not be looked at, in one word.")
    reason: str
    next_step: str
    make: str
    model: str
    firmware: str
    serial: str
    time_zone: str
    ptz: bool
    events: bool
    snapshot: bool
    findings: list[SafetyFindingReply]
    profiles: list[ProfileReply]


class LookReply(AskingReply):
    """A look at some cameras; they come one after the other."""

    cameras: list[LookedReply]


class SettingResult(BaseModel):
    """What became of one thing that was to be set."""

    profile: str | None = Field(description="Token of the profile; null: the clock.")
    cause: str | None = Field(description="Why the camera did not take it, in one word.")
    reason: str
    next_step: str


class SettingReply(AskingReply):
    """Settings of a camera."""

    results: list[SettingResult]


class AddedProblem(BaseModel):
    """Why a camera was not added."""

    problem: str
    detail: str


class AddedReply(BaseModel):
    """What became of one camera."""

    name: str
    camera: Id | None
    problem: AddedProblem | None


class AddedAllReply(BaseModel):
    """What became of each, in the order they were named."""

    items: list[AddedReply]


_FINDING = {
    "finding": "plain-http",
    "sentence": "It is spoken to without encryption: switch HTTPS on.",
}
_ASKING: dict[str, Any] = {
    "id": "0b7c6f0e-8f4c-4d52-9a0e-5f1a7d3f2c11",
    "agent": CAMERA["agent_id"],
    "state": "waiting",
    "done_percent": 0,
    "expires_us": 1764065105000000,
    "reason": "",
    "next_step": "",
}
SEARCH_BEGUN: dict[str, Any] = _ASKING | {"devices": []}
SEARCH: dict[str, Any] = _ASKING | {
    "state": "done",
    "done_percent": 100,
    "devices": [
        {
            "address": "192.0.2.7",
            "service": "http://192.0.2.7/onvif/device_service",
            "rtsp_port": 554,
            "name": "ACME Dome 4",
            "model": "Dome 4",
            "camera": None,
            "findings": [],
        }
    ],
}
LOOK_BEGUN: dict[str, Any] = _ASKING | {"cameras": []}
LOOK: dict[str, Any] = _ASKING | {
    "state": "done",
    "done_percent": 100,
    "cameras": [
        {
            "id": "5d8f2a10-4a4c-4f77-9f1e-0c9b8a7d6e55",
            "service": "http://192.0.2.7/onvif/device_service",
            "cause": None,
            "reason": "",
            "next_step": "",
            "make": "Acme",
            "model": "Dome 4",
            "firmware": "5.51.7",
            "serial": "00408CABCDEF",
            "time_zone": "CET-1CEST,M3.5.0,M10.5.0/3",
            "ptz": False,
            "events": True,
            "snapshot": True,
            "findings": [_FINDING],
            "profiles": [
                {
                    "token": "profile_1",
                    "name": "Quality",
                    "codec": "h264",
                    "width": 2560,
                    "height": 1440,
                    "frames_per_s": 25.0,
                    "kbit_s": 4096,
                    "gop": 50,
                    "encrypted": False,
                }
            ],
        }
    ],
}
ADDED: dict[str, Any] = {
    "items": [
        {"name": "Gate 2", "camera": LOOK["cameras"][0]["id"], "problem": None},
        {
            "name": "Gate 3",
            "camera": None,
            "problem": {
                "problem": "camera-name-taken",
                "detail": "this site has a camera called Gate 3 already: choose another name",
            },
        },
    ]
}
SETTING_BEGUN: dict[str, Any] = _ASKING | {"results": []}
SETTING: dict[str, Any] = _ASKING | {
    "state": "done",
    "done_percent": 100,
    "results": [
        {"profile": "profile_1", "cause": None, "reason": "", "next_step": ""},
        {"profile": None, "cause": None, "reason": "", "next_step": ""},
    ],
}
