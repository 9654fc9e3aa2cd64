"""Trying a camera's address, in the browser API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from protocol import b64
from protocol.errors import ProtocolError
from protocol.order import PICTURE
from sealing.ids import Stream
from tenants import access
from tenants.declare import Requires
from tenants.permissions import CAMERA_EDIT
from vsaas.agents.errors import AgentOffline
from vsaas.agents.models import Agent
from vsaas.cameras.addresses import split_credentials
from vsaas.cameras.errors import InvalidCamera
from vsaas.cameras.models import Camera
from vsaas.cameras.replies import CAMERA_TEST, CAMERA_TEST_ASKED, CAMERA_TEST_BEGUN, CameraTestReply
from vsaas.cameras.services import present
from vsaas.cameras.testing import REASONS, Test, Wish, begin, found
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.errors import TooMany, Unavailable
from vsaas.common.fields import Fields, valid


class TestFields(Fields):
    """POST camera-tests: `agent` and `url`, or `camera` with `url` or without (the address stored is tried)."""

    __test__ = False

    agent = serializers.UUIDField(required=False)
    camera = serializers.UUIDField(required=False)
    stream = serializers.ChoiceField(choices=["main", "sub"], default="main")
    url = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    user = serializers.CharField(max_length=200, required=False, allow_blank=True, trim_whitespace=False)
    password = serializers.CharField(max_length=500, required=False, allow_blank=True, trim_whitespace=False)
    audio = serializers.BooleanField(default=True)
    hpke_public = serializers.CharField(max_length=64)


class CameraTests(ApiView):
    """POST: has the agent at the site try a camera's address; the picture comes sealed to `hpke_public`."""

    access = Requires(CAMERA_EDIT)

    @describe(
        "Try a camera's address",
        request=TestFields,
        request_example=CAMERA_TEST_ASKED,
        reply=CameraTestReply,
        example=CAMERA_TEST_BEGUN,
        status=202,
        problems=(AgentOffline, TooMany, InvalidCamera, Unavailable),
    )
    def post(self, request: Request) -> Response:
        """The agent connects, signs in and takes one picture; ask for the outcome with the id this answers. `agent` and
        `url` try a new address; `camera` without `url` the one that is stored."""
        return Response(test_json(self, begin(_wish(self, request), self.actor)), status=202)


class CameraTest(ApiView):
    """GET: how a test of one's own stands."""

    access = Requires(CAMERA_EDIT)

    @describe(
        "Get the test of an address", reply=CameraTestReply, example=CAMERA_TEST, problems=(Unavailable,)
    )
    def get(self, request: Request, test_id: UUID) -> Response:
        """Kept for two minutes, for who began it. The picture is sealed to the key the test was begun with."""
        test = found(self.actor, test_id)
        access.get(self.actor, CAMERA_EDIT, Agent.objects.all(), id=test.agent)
        return Response(test_json(self, test))


def _wish(view: ApiView, request: Request) -> Wish:
    fields = valid(TestFields(data=request.data))
    camera = None
    if "camera" in fields:
        rows = present(Camera.objects.select_related("agent"))
        camera = access.get(view.actor, CAMERA_EDIT, rows, id=fields["camera"])
        agent = camera.agent
    elif "agent" in fields:
        agent = access.get(view.actor, CAMERA_EDIT, Agent.objects.all(), id=fields["agent"])
    else:
        raise InvalidCamera("agent", _("choose the agent that is to try the address"))
    try:
        hpke_public = b64.decode(fields["hpke_public"], length=32, what="hpke_public")
    except ProtocolError as error:
        raise InvalidCamera("hpke_public", error.detail) from None
    url, user, password = split_credentials(fields.get("url", ""))
    return Wish(
        agent=agent,
        camera=camera,
        stream=Stream.SUB if fields["stream"] == "sub" else Stream.MAIN,
        audio=fields["audio"],
        hpke_public=hpke_public,
        url=url or None,
        user=fields.get("user") or user,
        password=fields.get("password") or password,
    )


def test_json(view: ApiView, test: Test) -> dict[str, Any]:
    """A test as the API tells it (docs/architecture.md)."""
    answer, outcome = test.answer, test.outcome
    reason, next_step = REASONS.get(outcome or "", ("", ""))
    facts = answer.facts if answer is not None else None
    return {
        "id": str(test.id),
        "agent": str(test.agent),
        "tenant": str(view.actor.tenant_id),
        "state": "waiting" if outcome is None else "picture" if outcome == PICTURE else "no-picture",
        "expires_us": test.expires_us,
        "cause": None if outcome in (None, PICTURE) else outcome,
        "reason": str(reason),
        "next_step": str(next_step),
        "facts": None
        if facts is None
        else {
            "codec": facts.codec,
            "width": facts.width,
            "height": facts.height,
            "frames_per_s": facts.frames_per_1000_s / 1000 or None,
            "audio": facts.audio or None,
        },
        "sealed": b64.encode(answer.sealed) if answer is not None and answer.sealed else None,
    }


test_json.__test__ = False  # type: ignore[attr-defined]
