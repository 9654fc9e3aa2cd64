"""Cameras that change to another agent, because a new box takes the place of the old one. Inside the tenant's scope."""

from __future__ import annotations

import logging
from uuid import UUID

from django.db.models import F

from protocol.adoption import SOURCES_AT_ONCE, SealedSource
from sealing.errors import SealingError
from sealing.ids import EnvelopePurpose
from sealing.keys import CameraScope, parse_envelope
from vsaas.agents.errors import MalformedMessage
from vsaas.agents.models import Agent, AgentKeyPurpose, key_in_force
from vsaas.cameras.commands import tell_agent
from vsaas.cameras.models import Camera, CameraSource
from vsaas.common import clock

logger = logging.getLogger(__name__)


def hand_over(old: Agent, new: Agent) -> int:
    """Moves every camera, deleted ones too, and tells `new`. Returns how many it is to record.

    Their addresses stay sealed to the box before, until that one's disk is adopted or somebody types them.
    """
    cameras = Camera.objects.filter(agent=old)
    present = cameras.filter(deleted_at=None).count()
    cameras.update(agent=new, version=F("version") + 1)
    if present:
        tell_agent(new)
    return present


def sealed_elsewhere(agent_id: UUID) -> list[SealedSource]:
    """Addresses of the agent's cameras that its box cannot open."""
    mine = _box_kid(agent_id)
    rows = CameraSource.objects.filter(camera__agent_id=agent_id, camera__deleted_at=None)
    found = [
        SealedSource(row.camera_id, row.stream, bytes(row.sealed))
        for row in rows.order_by("camera_id", "stream")
        if _recipient(row) not in (mine, None)
    ]
    return found[:SOURCES_AT_ONCE]


def take_sources(agent: Agent, sources: tuple[SealedSource, ...]) -> int:
    """Puts addresses that the agent has sealed to itself in the place of those it could not open; returns how many. One that
    somebody has typed meanwhile stays. Raises MalformedMessage."""
    mine, taken = _box_kid(agent.id), 0
    for source in sources:
        check_sealed(agent, source)
        row = (
            CameraSource.objects.select_for_update(of=("self",))
            .filter(
                camera_id=source.camera,
                stream=source.stream,
                camera__agent=agent,
                camera__deleted_at=None,
            )
            .first()
        )
        if row is None or _recipient(row) == mine:
            continue
        row.sealed, row.changed_at = source.sealed, clock.now()
        row.save(update_fields=["sealed", "changed_at"])
        Camera.objects.filter(id=source.camera).update(version=F("version") + 1)
        taken += 1
    if taken:
        tell_agent(agent)
    return taken


def check_sealed(agent: Agent, source: SealedSource) -> None:
    """Whether a source is sealed to the agent's box, for this very camera and stream. Raises MalformedMessage."""
    try:
        info, _sealed = parse_envelope(source.sealed)
    except SealingError as error:
        raise MalformedMessage(
            f"the address of camera {source.camera} is not sealed ({error.name})"
        ) from error
    bound = (info.purpose, info.tenant, info.scope, info.key_id, info.recipient)
    wanted = (
        EnvelopePurpose.CAMERA_SOURCE,
        agent.tenant_id,
        CameraScope(source.camera),
        source.stream.to_bytes(16, "big"),
        _box_kid(agent.id),
    )
    if bound != wanted:
        raise MalformedMessage(f"the address of camera {source.camera} is sealed for something else")


def _recipient(row: CameraSource) -> bytes | None:
    """Whose box can open a source; None: nobody's, for it is no envelope."""
    try:
        return parse_envelope(bytes(row.sealed))[0].recipient
    except SealingError as error:
        logger.error("the stored address of camera %s cannot be read (%s)", row.camera_id, error.name)
        return None


def _box_kid(agent_id: UUID) -> bytes:
    return bytes(key_in_force(agent_id, AgentKeyPurpose.BOX).kid)
