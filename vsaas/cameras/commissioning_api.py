"""Commissioning in the REST API."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from django.db import transaction
from django.http import HttpResponse
from pydantic import BaseModel, Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import access
from tenants.declare import Requires
from tenants.permissions import CAMERA_EDIT
from vsaas.cameras.checklist import ACCEPTED, OK, REASON_CHARS_MAX, TODO, checklists, say
from vsaas.cameras.commissioning_pages import report_pdf_download
from vsaas.cameras.errors import InvalidCheck, PointsOpen
from vsaas.cameras.models import Camera, SignOff
from vsaas.cameras.replies import CAMERA, CameraHardware
from vsaas.cameras.services import present
from vsaas.cameras.sign_offs import (
    FORMAT,
    REMARKS_CHARS_MAX,
    changed_since,
    newest_of,
    report_file,
    sign_off,
    sign_off_of,
    site_checklists,
    site_of,
)
from vsaas.common import clock
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.fields import Fields, valid
from vsaas.common.shapes import B64, Id, Micros
from vsaas.keys.errors import HeldByCustomer, KmsError


class CheckReply(BaseModel):
    """One point."""

    point: str
    state: Literal["ok", "to-do", "accepted"]
    reason: str | None = Field(description="Why it stays as it is.")
    by: str | None = Field(description="Who said so; null: seen by itself, or nobody yet.")
    at_us: Micros | None


class CheckedStream(BaseModel):
    """A stream as the agent receives it."""

    stream: int
    codec: str
    width: int
    height: int
    frames_per_s: float
    bits_per_s: int


class ChecklistReply(BaseModel):
    """A camera with its points and what they are computed from."""

    id: Id
    name: str
    version: int
    agent_id: Id
    hardware: CameraHardware | None
    state: str
    link: str
    certificate: str | None
    picture_us: Micros | None
    clock_offset_us: int | None
    newest_us: Micros | None
    oldest_unsent_us: Micros | None
    stored_bytes: int
    streams: list[CheckedStream]
    retention_days: int
    password_set_us: Micros | None
    open: int = Field(description="Points to be done.")
    checks: list[CheckReply]


class SignOffReply(BaseModel):
    """Who signed for a site."""

    id: Id
    by: str
    at_us: Micros
    remarks: str


class CommissioningReply(BaseModel):
    """How far a site is."""

    cameras: list[ChecklistReply]
    signed_off: SignOffReply | None
    changed_since: list[str] = Field(description="Cameras that are not as they were signed for.")


class ReportReply(BaseModel):
    """The signed report, and the statements it is verified from."""

    format: Literal["vsaas-commissioning-v1"]
    report: B64
    statements: list[B64]


SIGNED_OFF: dict[str, Any] = {
    "id": "019ac103-2b3c-7d4e-8f50-6a7b8c9d0e22",
    "by": "Alice",
    "at_us": 1764064990000000,
    "remarks": "The yard camera needs a hood.",
}
CHECKLIST: dict[str, Any] = {
    "id": CAMERA["id"],
    "name": CAMERA["name"],
    "version": 3,
    "agent_id": CAMERA["agent_id"],
    "hardware": CAMERA["hardware"],
    "state": "recording",
    "link": "plain",
    "certificate": None,
    "picture_us": 1764064990000000,
    "clock_offset_us": 12000,
    "newest_us": 1764064990000000,
    "oldest_unsent_us": None,
    "stored_bytes": 48230112,
    "streams": [
        {"stream": 1, "codec": "avc1.640028", "width": 1920, "height": 1080, "frames_per_s": 25.0, "bits_per_s": 4000000}
    ],
    "retention_days": 30,
    "password_set_us": None,  # nosec B105 a time
    "open": 0,
    "checks": [
        {"point": "link", "state": "accepted", "reason": "A network of its own.", "by": "Alice", "at_us": 1764064990000000}
    ],
}  # fmt: skip
COMMISSIONING: dict[str, Any] = {"cameras": [CHECKLIST], "signed_off": SIGNED_OFF, "changed_since": []}
REPORT: dict[str, Any] = {"format": FORMAT, "report": "0oRYHqIBJwRQ", "statements": ["0oRYHqIBJwRQ"]}


class CheckFields(Fields):
    """What is said of a point."""

    state = serializers.ChoiceField(choices=[OK, ACCEPTED, TODO])
    reason = serializers.CharField(max_length=REASON_CHARS_MAX, default="", allow_blank=True)


class SignOffFields(Fields):
    """What is signed with it."""

    remarks = serializers.CharField(max_length=REMARKS_CHARS_MAX, default="", allow_blank=True)


def _sign_off_json(row: SignOff) -> dict[str, Any]:
    return {"id": str(row.id), "by": row.by_name, "at_us": clock.to_us(row.at), "remarks": row.remarks}


class SiteCommissioning(ApiView):
    """GET: a site's checklists."""

    access = Requires(CAMERA_EDIT)

    @describe("Get how far a site's commissioning is", reply=CommissioningReply, example=COMMISSIONING)
    def get(self, request: Request, site_id: UUID) -> Response:
        """Each camera with its points, the newest sign-off, and what changed since."""
        site = site_of(self.actor, site_id)
        lists, newest = site_checklists(self.actor, site), newest_of(site)
        return Response(
            {
                "cameras": [one.json() for one in lists],
                "signed_off": None if newest is None else _sign_off_json(newest),
                "changed_since": [] if newest is None else changed_since(newest, lists),
            }
        )


class CameraCheckView(ApiView):
    """PUT: what is said of a point."""

    access = Requires(CAMERA_EDIT)

    @describe(
        "Check a point of a camera",
        request=CheckFields,
        request_example={"state": "accepted", "reason": "A network of its own."},
        reply=ChecklistReply,
        example=CHECKLIST,
        problems=(InvalidCheck,),
    )
    def put(self, request: Request, camera_id: UUID, point_key: str) -> Response:
        """`ok` confirms what only a person can say (`named`, `aimed`, `view`), `accepted` with a reason leaves a point as it is,
        `to-do` takes back what was said."""
        rows = present(Camera.objects.select_related("site", "agent"))
        camera = access.get(self.actor, CAMERA_EDIT, rows, id=camera_id)
        fields = valid(CheckFields(data=request.data))
        with transaction.atomic():
            say(camera, point_key, fields["state"], fields["reason"], self.actor)
        (one,) = checklists(self.actor, [camera])
        return Response(one.json())


class SiteSignOffs(ApiView):
    """POST: signs for a site."""

    access = Requires(CAMERA_EDIT, fresh=True)

    @describe(
        "Sign off a site",
        request=SignOffFields,
        request_example={"remarks": SIGNED_OFF["remarks"]},
        reply=SignOffReply,
        example=SIGNED_OFF,
        status=201,
        problems=(InvalidCheck, PointsOpen, HeldByCustomer, KmsError),
    )
    def post(self, request: Request, site_id: UUID) -> Response:
        """For all its cameras, once no point of any is to be done. The report of this moment is signed and kept."""
        site = site_of(self.actor, site_id)
        remarks = valid(SignOffFields(data=request.data))["remarks"]
        with transaction.atomic():
            row = sign_off(self.actor, site, remarks)
        return Response(_sign_off_json(row), status=201)


class SignOffReport(ApiView):
    """GET: the signed report."""

    access = Requires(CAMERA_EDIT)

    @describe("Get a commissioning report", reply=ReportReply, example=REPORT)
    def get(self, request: Request, sign_off_id: UUID) -> Response:
        """Save the reply as a file; `python -m sealing commissioning FILE --trust FINGERPRINT` verifies it without an account."""
        return Response(report_file(sign_off_of(self.actor, sign_off_id)))


class SignOffReportPdf(ApiView):
    """GET: the report to be read and printed."""

    access = Requires(CAMERA_EDIT)

    @describe("Get a commissioning report as PDF", media_type="application/pdf", example="%PDF-1.7 …")
    def get(self, request: Request, sign_off_id: UUID) -> HttpResponse:
        """A4 pages in the language of the request, with the signed report attached."""
        return report_pdf_download(request._request, sign_off_of(self.actor, sign_off_id))
