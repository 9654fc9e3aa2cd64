"""Replies about alarms."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from vsaas.alarms.models import AlarmKind
from vsaas.common.shapes import Id, Micros, Next


class Named(BaseModel):
    """Something by id and name."""

    id: Id
    name: str


class AlarmReply(BaseModel):
    """One stretch in which an agent was not heard, or a camera not recorded."""

    id: Id
    kind: str = Field(json_schema_extra={"enum": [kind.value for kind in AlarmKind]})
    agent: Named
    camera: Named | None = Field(description="Null when it is the agent itself that is silent.")
    site: Named
    cause: str | None = Field(description="The agent's word for the camera's stream.")
    sentence: str
    began_us: Micros = Field(description="The last moment all was well.")
    noticed_us: Micros
    ended_us: Micros | None = Field(description="Null while it lasts.")


class AlarmPage(BaseModel):
    """Alarms, the newest first."""

    items: list[AlarmReply]
    next: Next


class AlarmWishReply(BaseModel):
    """What you are told by mail."""

    by_mail: bool
    sites: list[Id] | None = Field(description="Null: all sites you may look after.")


ALARM: dict[str, Any] = {
    "id": "019ac108-6071-7283-8495-0f1a2b3c4d60",
    "kind": "camera-silent",
    "agent": {"id": "019ac0fe-11aa-7b2c-8d3e-4f5061728394", "name": "Gate box"},
    "camera": {"id": "019ac0ff-22bb-7c3d-9e4f-506172839415", "name": "Gate"},
    "site": {"id": "019ac0fd-0099-7a1b-8c2d-3e4f50617283", "name": "Shop"},
    "cause": "offline",
    "sentence": "The agent cannot reach the camera.",
    "began_us": 1764064990000000,
    "noticed_us": 1764065010000000,
    "ended_us": None,
}
WISH: dict[str, Any] = {"by_mail": True, "sites": None}
