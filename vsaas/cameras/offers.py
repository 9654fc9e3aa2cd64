"""What a camera offers by ONVIF: kept when it is added from a look, and anew whenever somebody has its agent look again.

The agent's answer passes through Redis; whoever asks for it first keeps it. Of what the camera says, words alone are kept: no
address and no password.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from protocol.errors import ProtocolError
from protocol.finding import Looked, decode_looks
from protocol.order import DONE
from protocol.steering import LookAgain
from sealing.errors import SealingError
from tenants.access import Actor
from vsaas.agents.asking import answer_of, ask
from vsaas.agents.models import Agent
from vsaas.audit.services import record_act, what, who
from vsaas.cameras import acts
from vsaas.cameras.models import Camera, CameraPassword
from vsaas.common import clock
from vsaas.common.errors import Unavailable

LOOK_S = 60
WAITING, TOLD, BUSY, FAILED = "waiting", "done", "busy", "failed"


def offers_of(looked: Looked) -> dict[str, Any]:
    """What is kept of a look."""
    return {
        "at_us": clock.now_us(),
        "make": looked.make,
        "model": looked.model,
        "firmware": looked.firmware,
        "serial": looked.serial,
        "services": list(looked.services),
        "scopes": list(looked.scopes),
        "steers": list(looked.steers),
        "snapshot": looked.snapshot,
        "events": looked.events,
        "profiles": [
            {
                "token": one.token,
                "name": one.name,
                "codec": one.codec,
                "width": one.width,
                "height": one.height,
                "frames_per_s": one.rate / 1000 or None,
                "kbit_s": one.kbit_s or None,
                "gop": one.gop or None,
                "encrypted": one.encrypted,
            }
            for one in looked.profiles
        ],
    }


def ask_offers(camera: Camera, actor: Actor) -> UUID:
    """Has the agent look at a camera that was added. Raises AgentOffline, TooMany, Unavailable.

    The caller has checked that the actor holds `camera:edit` on the camera.
    """
    service = CameraPassword.objects.filter(camera=camera, way="onvif").values_list("service", flat=True)
    agent = Agent.objects.get(id=camera.agent_id)
    order = ask(agent, LookAgain(camera.id, service.first() or ""), lives_s=LOOK_S)
    record_act(acts.ASKED_WHAT_IT_OFFERS, who(actor), what(camera))
    return order


def take_offers(camera: Camera, order: UUID) -> tuple[str, str]:
    """How asking stands, and why it failed (`protocol.finding.LOOK_CAUSES`); what the camera told is kept. Raises Unavailable."""
    if camera.offers is not None and camera.offers.get("order") == str(order):
        return TOLD, ""
    answer = answer_of(camera.agent_id, order)
    if answer is None:
        return WAITING, ""
    if answer.outcome != DONE:
        return BUSY, ""
    try:
        looks = decode_looks(answer.report)
    except (ProtocolError, SealingError) as error:
        raise Unavailable(_("the agent's answer makes no sense: is it of another release?")) from error
    looked = next((one for one in looks if one.scope == camera.id), None)
    if looked is None:
        return WAITING, ""  # the answer to another order
    if looked.cause and not looked.model:
        return FAILED, looked.cause
    camera.offers = offers_of(looked) | {"order": str(order)}
    camera.hardware = {name: getattr(looked, name) for name in ("make", "model", "firmware", "serial")}
    Camera.objects.filter(id=camera.id).update(offers=camera.offers, hardware=camera.hardware)
    return TOLD, ""
