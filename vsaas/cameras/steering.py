"""Steering a camera (pan, tilt, zoom): signed orders of a few seconds' life to the agent that records it.

One person steers at a time: whoever did last holds the camera for some seconds, seen by name, and another takes over by saying so.
The first act of such a stretch is written down, not each press. Orders and answers pass through Redis, nothing is stored.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import redis
from django.utils.translation import gettext_lazy as _

from protocol.errors import ProtocolError
from protocol.order import DONE
from protocol.steering import (
    FULL,
    GO,
    HOME,
    KEEP,
    MOVE,
    MOVES_MS_MAX,
    PRESETS,
    REMOVE,
    STEP,
    STOP,
    Steer,
    Steered,
)
from sealing.errors import SealingError
from tenants import access
from tenants.access import Actor
from tenants.permissions import CAMERA_EDIT
from vsaas.agents.asking import Bound, answer_of, ask
from vsaas.agents.models import Agent
from vsaas.audit.services import record_act, what, who
from vsaas.cameras import acts
from vsaas.cameras.errors import CannotSteer, InvalidSteering, SomebodySteers
from vsaas.cameras.models import Camera, CameraPassword
from vsaas.common.errors import Unavailable
from vsaas.common.redis import client

LIVES_S: Final = 3
HOLDS_S: Final = 10
"""So long after the last act of one person another has to say that they take over."""
BOUND: Final = Bound("steered", 600, 3000)
NAME_CHARS_MAX: Final = 60
_WAYS: Final = {MOVE: "move", STOP: "move", STEP: "step", HOME: "home"}
"""What of `offers["steers"]` an act takes; presets for the others."""
WAITING, STEERED, FAILED = "waiting", "done", "failed"


@dataclass(frozen=True)
class Wish:
    """`pan`, `tilt`, `zoom`: from -1 to 1, right, up and closer are positive: speed of a movement, or share of the whole way of a
    step. `ms`: how long a movement lasts at most."""

    act: str
    pan: float = 0.0
    tilt: float = 0.0
    zoom: float = 0.0
    ms: int = MOVES_MS_MAX
    preset: str = ""
    name: str = ""
    take_over: bool = False


def steers_of(camera: Camera) -> list[str]:
    """How the camera can be steered: move, step, home, presets; [] where it cannot, or was never asked."""
    found: list[str] = [] if camera.offers is None else camera.offers["steers"]
    return found


def steer(camera: Camera, wish: Wish, actor: Actor) -> UUID:
    """Has the agent steer; returns the order's id, by which `steered` tells what came of it. Raises CannotSteer, SomebodySteers,
    InvalidSteering, AgentOffline, TooMany, Unavailable, and Denied where a preset is to be changed without `camera:edit`.

    The caller has checked that the actor holds `camera:ptz` on the camera.
    """
    if _WAYS.get(wish.act, "presets") not in steers_of(camera):
        raise CannotSteer(
            _("the camera %(camera)s cannot be steered so: ask it in its settings what it offers")
            % {"camera": camera.name}
        )
    if wish.act in (KEEP, REMOVE):
        access.require(actor, CAMERA_EDIT, camera)
    _check(wish)
    service = CameraPassword.objects.filter(camera=camera, way="onvif").values_list("service", flat=True)
    task = Steer(
        camera.id,
        wish.act,
        service.first() or "",
        *(round(way * FULL) for way in (wish.pan, wish.tilt, wish.zoom)),
        ms=wish.ms if wish.act == MOVE else 0,
        preset=wish.preset,
        name=wish.name,
    )
    begins = wish.act != PRESETS and _hold(camera, actor, take_over=wish.take_over)
    order = ask(Agent.objects.get(id=camera.agent_id), task, lives_s=LIVES_S, bound=BOUND)
    if begins:
        record_act(acts.STEERED, who(actor), what(camera))
    if wish.act == KEEP:
        record_act(acts.PRESET_KEPT, who(actor), what(camera), preset=wish.name)
    elif wish.act == REMOVE:
        record_act(acts.PRESET_REMOVED, who(actor), what(camera), preset=wish.name or wish.preset)
    return order


def steered(camera: Camera, order: UUID) -> tuple[str, Steered]:
    """How an order stands. Raises Unavailable."""
    answer = answer_of(camera.agent_id, order)
    if answer is None:
        return WAITING, Steered()
    if answer.outcome != DONE:
        return FAILED, Steered("unusable")
    try:
        told = Steered.decode(answer.report)
    except (ProtocolError, SealingError) as error:
        raise Unavailable(_("the agent's answer makes no sense: is it of another release?")) from error
    return (FAILED if told.cause else STEERED), told


def _check(wish: Wish) -> None:
    if wish.act in (GO, REMOVE) and not wish.preset:
        raise InvalidSteering("preset", _("names the position"))
    if wish.act == KEEP and not (0 < len(wish.name) <= NAME_CHARS_MAX and wish.name.isprintable()):
        raise InvalidSteering(
            "name", _("must be a text of 1 to %(most)s characters") % {"most": NAME_CHARS_MAX}
        )


def _hold(camera: Camera, actor: Actor, *, take_over: bool) -> bool:
    """Whether a stretch of steering begins. Raises SomebodySteers, Unavailable."""
    key = f"vsaas:steering:{camera.tenant_id}:{camera.id}"
    mine = str(actor.account_id)
    kept = json.dumps({"account": mine, "name": actor.name})
    try:
        before: Any = client().set(key, kept, ex=HOLDS_S, get=True, nx=not take_over)
        if before is not None and json.loads(before)["account"] == mine:
            client().set(key, kept, ex=HOLDS_S)
    except redis.RedisError as error:
        raise Unavailable(_("the camera cannot be steered now: Redis does not answer; try again")) from error
    if before is None:
        return True
    holder = json.loads(before)
    if holder["account"] == mine:
        return False
    if not take_over:
        raise SomebodySteers(
            _("%(name)s steers %(camera)s at this moment: take over, or wait some seconds")
            % {"name": holder["name"], "camera": camera.name}
        )
    return True
