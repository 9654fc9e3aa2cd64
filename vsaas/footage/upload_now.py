"""Asking an agent to upload a stretch before anything else. How far it has come, the timeline tells."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from protocol.order import UploadNow
from tenants import access
from tenants.declare import Requires
from tenants.errors import OutsideHours
from tenants.permissions import CAMERA_PLAYBACK
from tenants.sight import sight
from vsaas.agents.asking import answer_of, ask
from vsaas.agents.errors import AgentOffline
from vsaas.agents.models import Agent
from vsaas.audit.services import record_act, what, who
from vsaas.cameras.models import Camera
from vsaas.cameras.services import present
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.errors import InvalidField, TooMany, Unavailable
from vsaas.common.fields import Fields, valid
from vsaas.footage import acts
from vsaas.footage.replies import UPLOAD_ASKED, UPLOAD_NOW, UPLOAD_SET_GOING, UploadNowReply
from vsaas.footage.times import US, iso

LIVES_S = 20
STRETCH_S_MOST = 2 * 3600


class StretchFields(Fields):
    """POST: the stretch, UTC microseconds, at most two hours."""

    from_us = serializers.IntegerField(min_value=0, max_value=2**53)
    to_us = serializers.IntegerField(min_value=0, max_value=2**53)


class UploadsNow(ApiView):
    """POST cameras/<id>/uploads {from_us, to_us}: what waits on the agent of this stretch goes first. Safe to repeat."""

    access = Requires(CAMERA_PLAYBACK)

    @describe(
        "Upload a stretch now",
        request=StretchFields,
        request_example=UPLOAD_ASKED,
        reply=UploadNowReply,
        example=UPLOAD_SET_GOING,
        status=202,
        problems=(AgentOffline, TooMany, Unavailable),
    )
    def post(self, request: Request, camera_id: UUID) -> Response:
        """What waits on the agent of this stretch is uploaded before anything else. Two hours at most; safe to repeat."""
        camera = _camera(self, camera_id)
        fields = valid(StretchFields(data=request.data))
        from_us, to_us = fields["from_us"], fields["to_us"]
        if not 0 < to_us - from_us <= STRETCH_S_MOST * US:
            raise InvalidField(
                "to_us", _("the stretch must end after it begins, and be two hours long at most")
            )
        if not sight(self.actor, camera, CAMERA_PLAYBACK).permits(from_us, to_us, from_us):
            raise OutsideHours(
                _("your role does not let you see all of this time: ask for a part you may see"),
                extra={"opens_us": None},
            )
        agent = Agent.objects.get(id=camera.agent_id)
        order = ask(agent, UploadNow(camera.id, from_us, to_us), lives_s=LIVES_S)
        record_act(
            acts.UPLOAD_ASKED, who(self.actor), what(camera), from_time=iso(from_us), to_time=iso(to_us)
        )
        return Response({"id": str(order), "segments": None}, status=202)


class UploadNowAnswer(ApiView):
    """GET: what the agent says to it: how many segments it moved forward; null while it has not answered."""

    access = Requires(CAMERA_PLAYBACK)

    @describe(
        "Get what an upload set going", reply=UploadNowReply, example=UPLOAD_NOW, problems=(Unavailable,)
    )
    def get(self, request: Request, camera_id: UUID, order_id: UUID) -> Response:
        """How many segments the agent moved forward; how far they have come, the timeline tells."""
        answer = answer_of(_camera(self, camera_id).agent_id, order_id)
        return Response({"id": str(order_id), "segments": None if answer is None else answer.number})


def _camera(view: ApiView, camera_id: UUID) -> Camera:
    return access.get(view.actor, CAMERA_PLAYBACK, present(Camera.objects.all()), id=camera_id)
