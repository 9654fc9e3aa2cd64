"""Noticing what fell silent and what is back.

Silence is what the portal did not hear, so it counts from when the portal could hear: after an outage of its own, nobody is
called silent before they had the time to speak again.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from typing import Final, cast
from uuid import UUID

from django.db.models import Q

from protocol import limits
from tenants.ids import uuid7
from vsaas.agents import heard
from vsaas.agents.health import is_online
from vsaas.agents.models import Agent, AgentHealth
from vsaas.alarms.models import Alarm, AlarmKind
from vsaas.cameras.models import Camera
from vsaas.cameras.states import OFFLINE, WAITING, state_of
from vsaas.common import clock
from vsaas.common.redis import client

logger = logging.getLogger(__name__)

EVERY_S: Final = 5.0
NOT_RECORDED_S: Final = 15
"""A camera that is not recorded for this long is an alarm; the agent says so within ten seconds of noticing."""
CONNECTING_S: Final = 45
"""The same while the agent is connecting: a restart of a camera takes that long."""
KEPT: Final = dt.timedelta(days=90)

_LOOKED = "vsaas.alarms.looked-at"
_HEARING = "vsaas.alarms.hearing-since"
_PAUSE_S = 40
_LATELY_S = 300
_AGENTS_LEAST = 4


def tenants_to_look_at(now_s: float) -> set[UUID]:
    """The tenants in which something may have changed; none while the portal hears nobody."""
    if not _hears(now_s):
        return set()
    return heard.take_to_look_at(now_s) | heard.take_silent(now_s - limits.AGENT_OFFLINE_SECONDS)


def _hears(now_s: float) -> bool:
    """Whether agents can be heard; remembers since when."""
    redis = client()
    before = cast("bytes | None", redis.getset(_LOOKED, repr(now_s)))
    redis.expire(_LOOKED, 3600)
    if before is None or now_s - float(before) > _PAUSE_S:
        redis.set(_HEARING, repr(now_s), ex=3600)
    counts = heard.hearing(now_s, _LATELY_S, _PAUSE_S)
    if counts.now == 0 and counts.lately >= _AGENTS_LEAST:
        logger.warning("no agent was heard for %d s, of %d heard before: the portal hears nobody, and nobody is "
                       "called silent for it", _PAUSE_S, counts.lately)  # fmt: skip
        redis.set(_HEARING, repr(now_s), ex=3600)
        return False
    return True


def _hearing_since() -> dt.datetime:
    value = cast("bytes | None", client().get(_HEARING))
    return clock.from_us(int(float(value) * 1e6)) if value else clock.from_us(0)


@dataclass(frozen=True, slots=True)
class Silence:
    """What is silent now, since when, and why (`Alarm.cause`). `bearable`: not long enough for an alarm; one that is open goes
    on."""

    agent_id: UUID
    camera_id: UUID | None
    began_at: dt.datetime
    cause: str
    bearable: bool


def look() -> bool:
    """Opens alarms for what fell silent and ends those of what is back; whether to look again soon. In the tenant's scope, where
    it may run twice at once. Of a silent agent's cameras nothing is known, so theirs stay as they are."""
    now = clock.now()
    since = _hearing_since()
    agents = list(Agent.objects.filter(revoked_at=None).select_related("health"))
    silent = [found for agent in agents if (found := _agent_silence(agent, now, since)) is not None]
    deaf = {one.agent_id for one in silent}
    cameras = Camera.objects.filter(deleted_at=None, enabled=True, agent__revoked_at=None)
    known = cameras.exclude(agent__in=deaf).prefetch_related("agent__health")
    silent += [found for camera in known if (found := _camera_silence(camera, now)) is not None]
    _end(silent, deaf, now)
    _open(silent, now)
    return any(one.bearable for one in silent)


def _agent_silence(agent: Agent, now: dt.datetime, hearing_since: dt.datetime) -> Silence | None:
    health: AgentHealth | None = getattr(agent, "health", None)
    if health is None or is_online(health):
        return None  # one that was never heard is being set up
    quiet_s = (now - max(health.received_at, hearing_since)).total_seconds()
    return Silence(agent.id, None, health.received_at, "", quiet_s < limits.AGENT_OFFLINE_SECONDS)


def _camera_silence(camera: Camera, now: dt.datetime) -> Silence | None:
    state, since_us, cause = state_of(camera)
    bearable_s = {OFFLINE: NOT_RECORDED_S, WAITING: CONNECTING_S}.get(state)
    if bearable_s is None or since_us is None:
        return None
    # By the agent's clock, which may run ahead. A camera that refuses, then answers, then refuses is silent all the while.
    since = clock.from_us(min(_last_picture_us(camera) or since_us, clock.to_us(now)))
    bearable = (now - since).total_seconds() < bearable_s
    return Silence(camera.agent_id, camera.id, since, cause or "", bearable)


def _last_picture_us(camera: Camera) -> int | None:
    rows = camera.agent.health.streams_by_camera.get(str(camera.id), [])
    return next((row["last_frame_us"] for row in rows if row.get("last_frame_us") is not None), None)


def _end(silent: list[Silence], deaf: set[UUID], now: dt.datetime) -> None:
    over = Alarm.objects.filter(ended_at=None)
    over = over.exclude(camera=None, agent__in=[one.agent_id for one in silent if one.camera_id is None])
    over = over.exclude(camera__in=[one.camera_id for one in silent if one.camera_id is not None])
    unknown = Q(camera__isnull=False, camera__agent__in=deaf, camera__deleted_at=None, camera__enabled=True)
    over.exclude(unknown).update(ended_at=now)


def _open(silent: list[Silence], now: dt.datetime) -> None:
    there = {
        (row.agent_id if row.camera_id is None else None, row.camera_id): row
        for row in Alarm.objects.filter(ended_at=None)
    }
    new = []
    for one in silent:
        row = there.get((one.agent_id if one.camera_id is None else None, one.camera_id))
        if row is None and one.bearable:
            continue
        if row is None:
            kind = AlarmKind.AGENT if one.camera_id is None else AlarmKind.CAMERA
            new.append(
                Alarm(
                    id=uuid7(),
                    kind=kind,
                    agent_id=one.agent_id,
                    camera_id=one.camera_id,
                    cause=one.cause,
                    began_at=one.began_at,
                    noticed_at=now,
                )
            )
        elif row.cause != one.cause:
            Alarm.objects.filter(id=row.id).update(cause=one.cause)
    # Another worker may have opened the same one meanwhile: the constraints keep it single.
    Alarm.objects.bulk_create(new, ignore_conflicts=True)


def forget_old() -> int:
    """Deletes alarms that ended long ago; how many."""
    return Alarm.objects.filter(ended_at__lt=clock.now() - KEPT).delete()[0]
