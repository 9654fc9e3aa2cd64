"""Certificates of the organisation's authority for cameras, in the browser API."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from django.db.models import QuerySet
from pydantic import BaseModel, Field
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import access
from tenants.declare import Requires
from tenants.permissions import CAMERA_EDIT
from vsaas.agents.errors import AgentOffline
from vsaas.audit.services import who
from vsaas.cameras.certificates import CertificateUnderWay, begin, certificate_state
from vsaas.cameras.models import Camera, CertificateState
from vsaas.cameras.services import present
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.errors import TooMany, Unavailable
from vsaas.common.fields import Fields, valid
from vsaas.common.shapes import Micros


class IssuedReply(BaseModel):
    """A certificate that the organisation's authority issued to a camera."""

    state: Literal[tuple(CertificateState.values)]  # type: ignore[valid-type]
    cause: str | None = Field(description="Why the last try failed, in one word.")
    asked_us: Micros
    in_use: bool = Field(description="The camera shows it, and it is the accepted one.")
    host: str = Field(description="The address or name it is for.")
    issuer: str
    expires_us: Micros | None
    renews_us: Micros | None = Field(description="When it is renewed by itself.")


class CameraCertificateReply(BaseModel):
    """null: the authority never issued one to this camera."""

    issued: IssuedReply | None


_ISSUED: dict[str, Any] = {
    "state": "held",
    "cause": None,
    "asked_us": 1764065105000000,
    "in_use": True,
    "host": "192.0.2.8",
    "issuer": "CN=Cameras acme 1,O=Acme",
    "expires_us": 1798365105000000,
    "renews_us": 1795773105000000,
}


class CameraCertificateView(ApiView):
    """GET: the certificate issued to a camera. POST: has one issued."""

    access = Requires(CAMERA_EDIT)

    @describe("Get a camera's issued certificate", reply=CameraCertificateReply, example={"issued": _ISSUED})
    def get(self, request: Request, camera_id: UUID) -> Response:
        """What your organisation's authority issued to it; null where it never did. The accepted certificate stands with the
        camera."""
        camera = access.get(self.actor, CAMERA_EDIT, _cameras(), id=camera_id)
        return Response({"issued": certificate_state(camera)})

    @describe(
        "Issue a certificate to a camera",
        request=Fields,
        request_example={},
        reply=CameraCertificateReply,
        example={
            "issued": _ISSUED | {"state": "asked", "in_use": False, "expires_us": None, "renews_us": None}
        },
        status=202,
        problems=(CertificateUnderWay, AgentOffline, TooMany, Unavailable),
    )
    def post(self, request: Request, camera_id: UUID) -> Response:
        """By ONVIF (Advanced Security): the camera makes a key, your organisation's authority signs for it, and the agent sees that
        the camera shows it; from then on it is the accepted one, and is renewed by itself a month before it runs out."""
        camera = access.get(self.actor, CAMERA_EDIT, _cameras(), id=camera_id)
        valid(Fields(data=request.data))
        begin(camera, who(self.actor))
        camera = _cameras().get(id=camera.id)
        return Response({"issued": certificate_state(camera)}, status=202)


def _cameras() -> QuerySet[Camera]:
    return present(Camera.objects.select_related("issued"))
