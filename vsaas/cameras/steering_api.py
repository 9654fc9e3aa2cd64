"""Steering in the REST API."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from django.db import transaction
from pydantic import BaseModel, Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from protocol.steering import ACTS, MOVES_MS_MAX
from tenants import access
from tenants.declare import Requires
from tenants.permissions import CAMERA_PTZ
from vsaas.agents.errors import AgentOffline
from vsaas.cameras.errors import CannotSteer, InvalidSteering, SomebodySteers
from vsaas.cameras.finding_words import CAUSES
from vsaas.cameras.models import Camera
from vsaas.cameras.services import present
from vsaas.cameras.steering import NAME_CHARS_MAX, Wish, steer, steered
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.errors import TooMany, Unavailable
from vsaas.common.fields import Fields, valid
from vsaas.common.shapes import Id


def _way() -> serializers.FloatField:
    return serializers.FloatField(
        min_value=-1, max_value=1, default=0.0, help_text="From -1 to 1; right, up and closer are positive."
    )


class SteerFields(Fields):
    """One act."""

    act = serializers.ChoiceField(choices=sorted(ACTS))
    pan = _way()
    tilt = _way()
    zoom = _way()
    ms = serializers.IntegerField(
        min_value=1,
        max_value=MOVES_MS_MAX,
        default=MOVES_MS_MAX,
        help_text="A movement ends by itself after so long; ask again to go on.",
    )
    preset = serializers.CharField(
        max_length=200, default="", allow_blank=True, help_text="Of `presets`, its token."
    )
    name = serializers.CharField(max_length=NAME_CHARS_MAX, default="", allow_blank=True)
    take_over = serializers.BooleanField(default=False, help_text="Although somebody else steers.")


class PresetReply(BaseModel):
    """A position the camera keeps."""

    token: str
    name: str


class SteeringReply(BaseModel):
    """What came of an act."""

    id: Id
    state: Literal["waiting", "done", "failed"]
    cause: str | None = Field(description="Why the camera was not steered, in one word.")
    reason: str
    presets: list[PresetReply] = Field(description="Where the act was about them.")


_ID = "0b7c6f0e-8f4c-4d52-9a0e-5f1a7d3f2c12"
_BEGUN: dict[str, Any] = {"id": _ID, "state": "waiting", "cause": None, "reason": "", "presets": []}


class CameraSteering(ApiView):
    """POST: steers a camera."""

    access = Requires(CAMERA_PTZ)

    @describe(
        "Steer a camera",
        request=SteerFields,
        request_example={"act": "move", "pan": 0.5, "ms": 800},
        reply=SteeringReply,
        example=_BEGUN,
        status=202,
        problems=(CannotSteer, SomebodySteers, InvalidSteering, AgentOffline, TooMany, Unavailable),
    )
    def post(self, request: Request, camera_id: UUID) -> Response:
        """`move` lasts a second at most unless it is asked again, `stop` ends it; `step` moves by a share of the whole way; `home`;
        `presets` lists the positions the camera keeps, `go` goes to one; `keep` and `remove` change them and take `camera:edit`
        as well. The camera is with whoever steered it last for ten seconds."""
        camera = _camera(self, camera_id)
        wish = Wish(**valid(SteerFields(data=request.data)))
        with transaction.atomic():
            order = steer(camera, wish, self.actor)
        return Response(_BEGUN | {"id": str(order)}, status=202)


class CameraSteered(ApiView):
    """GET: what came of an act."""

    access = Requires(CAMERA_PTZ)

    @describe(
        "Get what came of steering",
        reply=SteeringReply,
        example=_BEGUN | {"state": "done", "presets": [{"token": "1", "name": "Gate"}]},
        problems=(Unavailable,),
    )
    def get(self, request: Request, camera_id: UUID, order_id: UUID) -> Response:
        """The answer waits for two minutes."""
        state, told = steered(_camera(self, camera_id), order_id)
        return Response(
            {
                "id": str(order_id),
                "state": state,
                "cause": told.cause or None,
                "reason": str(CAUSES.get(told.cause, ("", ""))[0]),
                "presets": [{"token": one.token, "name": one.name} for one in told.presets],
            }
        )


def _camera(view: ApiView, camera_id: UUID) -> Camera:
    found: Camera = access.get(view.actor, CAMERA_PTZ, present(Camera.objects.all()), id=camera_id)
    return found
