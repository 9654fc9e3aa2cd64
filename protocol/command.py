"""The command document: the whole configuration of one agent, numbered and signed under the tenant's command key.

A document replaces the one before. The agent refuses a number it has seen or passed, a signature that is not the command
key's, and another agent's document. The signed object is made and checked with `sealing.cose` (purpose `vsaas-command-v1`).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from protocol import fields
from protocol.detection import Detection
from protocol.errors import ProtocolError
from protocol.finding import check_service
from protocol.plan import RecordingPlan
from sealing.canonical import decode_canonical, encode_canonical

VERSION = 1


@dataclass(frozen=True)
class EventsOrder:
    """The camera's own events are to be listened to. `service`: its ONVIF device service; "": at the usual place of its host."""

    service: str = ""

    def to_map(self) -> dict[int, Any]:
        return {1: self.service}

    @classmethod
    def from_map(cls, value: object) -> EventsOrder:
        service = fields.text(fields.mapping(value, "events").get(1), "device service")
        if service:
            check_service(service)
        return cls(service)


@dataclass(frozen=True)
class CameraOrder:
    """One camera to record. Sources are envelopes (SPEC 3.2, purpose 4) to the agent's box key around the RTSP URL in UTF-8.

    `certificate`: SHA-256 of the certificate (DER) a person accepted; over rtsps the camera must show that one and no other.
    `plan`: when it is recorded and how much of it; None: all of it, always.
    `plan_unread`: why the plan it has cannot be read here; `plan` is None then.
    `events`: whether, and where, its own events are listened to.
    `detection`: what the agent itself looks for in its picture; None: nothing.
    """

    camera: uuid.UUID
    name: str
    enabled: bool
    source_main: bytes
    source_sub: bytes | None
    audio: bool
    certificate: bytes | None = None
    plan: RecordingPlan | None = None
    events: EventsOrder | None = None
    plan_unread: str = ""
    detection: Detection | None = None

    def to_map(self) -> dict[int, Any]:
        row: dict[int, Any] = {
            1: self.camera.bytes,
            2: self.name,
            3: self.enabled,
            4: self.source_main,
            5: self.source_sub,
            6: self.audio,
        }
        if self.certificate is not None:
            row[7] = self.certificate
        if self.plan is not None:
            row[8] = self.plan.to_map()
        if self.events is not None:
            row[9] = self.events.to_map()
        if self.detection is not None:
            row[12] = self.detection.to_map()
        return row

    @classmethod
    def from_map(cls, value: object) -> CameraOrder:
        row = fields.mapping(value, "camera order")
        sub, certificate, events, detection = row.get(5), row.get(7), row.get(9), row.get(12)
        plan, plan_unread = _plan(row.get(8))
        return cls(
            fields.uid(row.get(1), "camera"),
            fields.text(row.get(2), "camera name"),
            fields.boolean(row.get(3), "enabled"),
            fields.data(row.get(4), "main source"),
            None if sub is None else fields.data(sub, "sub source"),
            fields.boolean(row.get(6), "audio"),
            None if certificate is None else fields.data(certificate, "certificate", length=32),
            plan,
            None if events is None else EventsOrder.from_map(events),
            plan_unread,
            None if detection is None else Detection.from_map(detection),
        )


def _plan(value: object) -> tuple[RecordingPlan | None, str]:
    """The plan, or why it cannot be read: a zone or a word of a later release must not keep other cameras' orders back."""
    if value is None:
        return None, ""
    try:
        return RecordingPlan.from_map(value), ""
    except ProtocolError as error:
        return None, error.detail


@dataclass(frozen=True)
class UpdateOrder:
    """The release an agent is to run. `document`: SHA-256 of the release document (`protocol.release`); `attempt` grows
    when a person asks for another try of what was rolled back."""

    version: str
    document: bytes
    attempt: int = 1

    @classmethod
    def from_list(cls, value: object) -> UpdateOrder:
        row = fields.array(value, "update", length=3)
        return cls(
            fields.text(row[0], "version", most=40),
            fields.data(row[1], "release document", length=32),
            fields.uint(row[2], "attempt"),
        )


@dataclass(frozen=True)
class AgentSettings:
    """`spool_budget_bytes` bounds the agent's disk use; segment lengths in seconds. `update`: None where none is ordered."""

    spool_budget_bytes: int = 20 * 1024**3
    segment_seconds_main: int = 10
    segment_seconds_sub: int = 30
    update: UpdateOrder | None = None

    def to_map(self) -> dict[int, Any]:
        row: dict[int, Any] = {
            1: self.spool_budget_bytes,
            2: self.segment_seconds_main,
            3: self.segment_seconds_sub,
        }
        update = self.update
        return row if update is None else row | {4: [update.version, update.document, update.attempt]}

    @classmethod
    def from_map(cls, value: object) -> AgentSettings:
        row = fields.mapping(value, "settings")
        return cls(
            fields.uint(row.get(1), "spool budget"),
            fields.uint(row.get(2), "main segment seconds", most=15),
            fields.uint(row.get(3), "sub segment seconds", most=60),
            None if row.get(4) is None else UpdateOrder.from_list(row[4]),
        )


@dataclass(frozen=True)
class CommandDocument:
    tenant: uuid.UUID
    agent: uuid.UUID
    number: int
    issued_us: int
    cameras: tuple[CameraOrder, ...]
    settings: AgentSettings
    statement_number: int

    def payload(self) -> bytes:
        """Canonical CBOR to be signed."""
        return encode_canonical(
            {
                1: VERSION,
                2: self.tenant.bytes,
                3: self.agent.bytes,
                4: self.number,
                5: self.issued_us,
                6: [camera.to_map() for camera in self.cameras],
                7: self.settings.to_map(),
                8: self.statement_number,
            }
        )

    @classmethod
    def from_payload(cls, payload: bytes) -> CommandDocument:
        """Raises ProtocolError or SealingError. The caller has verified the signature and compares tenant, agent and number."""
        top = fields.mapping(decode_canonical(payload), "command document")
        if top.get(1) != VERSION:
            raise ProtocolError(
                "unknown-version", f"command document version {top.get(1)!r}: this agent speaks {VERSION}"
            )
        return cls(
            fields.uid(top.get(2), "tenant"),
            fields.uid(top.get(3), "agent"),
            fields.uint(top.get(4), "number"),
            fields.uint(top.get(5), "issued"),
            tuple(CameraOrder.from_map(item) for item in fields.array(top.get(6), "cameras", most=1000)),
            AgentSettings.from_map(top.get(7)),
            fields.uint(top.get(8), "statement number"),
        )
