"""What a camera offers, in the browser API."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import access
from tenants.declare import Requires
from tenants.permissions import CAMERA_EDIT
from vsaas.agents.errors import AgentOffline
from vsaas.cameras.finding_replies import LOOK, ProfileReply
from vsaas.cameras.finding_words import CAUSES
from vsaas.cameras.models import Camera
from vsaas.cameras.offers import ask_offers, take_offers
from vsaas.cameras.services import present
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.errors import TooMany, Unavailable
from vsaas.common.fields import Fields, valid
from vsaas.common.shapes import Id, Micros


class OffersReply(BaseModel):
    """What a camera offers by ONVIF, as its agent saw it last."""

    at_us: Micros
    make: str
    model: str
    firmware: str
    serial: str
    services: list[str] = Field(description="media, media2, ptz, events, imaging, analytics, deviceio.")
    scopes: list[str] = Field(description="Letters of the ONVIF profiles it says it keeps to.")
    steers: list[str] = Field(description="How it can be steered: move, step, home, presets.")
    snapshot: bool
    events: bool
    profiles: list[ProfileReply]


class CameraOffersReply(BaseModel):
    """What is known; null: the camera was never asked."""

    offers: OffersReply | None


class OffersAskedReply(CameraOffersReply):
    """How asking the camera stands."""

    id: Id
    state: Literal["waiting", "done", "busy", "failed"] = Field(
        description="`busy`: the agent has another look to finish."
    )
    cause: str | None = Field(description="Why the camera did not tell, in one word.")
    reason: str
    next_step: str


_SEEN = LOOK["cameras"][0]
_OFFERS: dict[str, Any] = {
    "at_us": 1764065105000000,
    **{name: _SEEN[name] for name in ("make", "model", "firmware", "serial", "events", "snapshot")},
    "services": ["media", "media2", "events"],
    "scopes": ["S", "T"],
    "steers": [],
    "profiles": _SEEN["profiles"],
}
_ID = "0b7c6f0e-8f4c-4d52-9a0e-5f1a7d3f2c11"
_BEGUN: dict[str, Any] = {
    "id": _ID,
    "state": "waiting",
    "cause": None,
    "reason": "",
    "next_step": "",
    "offers": None,
}


class CameraOffers(ApiView):
    """GET: what is known of a camera. POST: its agent asks it again."""

    access = Requires(CAMERA_EDIT)

    @describe("Get what a camera offers", reply=CameraOffersReply, example={"offers": _OFFERS})
    def get(self, request: Request, camera_id: UUID) -> Response:
        """By ONVIF, as the agent saw it when the camera was added or last asked; null where it never was."""
        return Response({"offers": _shown(_camera(self, camera_id))})

    @describe(
        "Ask a camera what it offers",
        request=Fields,
        request_example={},
        reply=OffersAskedReply,
        example=_BEGUN,
        status=202,
        problems=(AgentOffline, TooMany, Unavailable),
    )
    def post(self, request: Request, camera_id: UUID) -> Response:
        """The agent asks the camera with the user and password it is recorded with; ask for the outcome with the id this answers."""
        camera = _camera(self, camera_id)
        valid(Fields(data=request.data))
        order = ask_offers(camera, self.actor)
        return Response(_asked(camera, order, "waiting", ""), status=202)


class CameraOffersAsked(ApiView):
    """GET: how asking a camera stands; what it told is kept from then on."""

    access = Requires(CAMERA_EDIT)

    @describe(
        "Get what came of asking a camera",
        reply=OffersAskedReply,
        example=_BEGUN | {"state": "done", "offers": _OFFERS},
        problems=(Unavailable,),
    )
    def get(self, request: Request, camera_id: UUID, order_id: UUID) -> Response:
        """The answer waits for two minutes; whoever asks for it first has it kept with the camera."""
        camera = _camera(self, camera_id)
        return Response(_asked(camera, order_id, *take_offers(camera, order_id)))


def _asked(camera: Camera, order: UUID, state: str, cause: str) -> dict[str, Any]:
    reason, next_step = CAUSES.get(cause, ("", ""))
    words = {"cause": cause or None, "reason": str(reason), "next_step": str(next_step)}
    return {"id": str(order), "state": state, **words, "offers": _shown(camera)}


def _shown(camera: Camera) -> dict[str, Any] | None:
    kept = camera.offers
    return None if kept is None else {name: kept[name] for name in OffersReply.model_fields}


def _camera(view: ApiView, camera_id: UUID) -> Camera:
    found: Camera = access.get(view.actor, CAMERA_EDIT, present(Camera.objects.all()), id=camera_id)
    return found
