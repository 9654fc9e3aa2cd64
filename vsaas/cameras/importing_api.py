"""Cameras from a table, in the REST API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import access
from tenants.declare import Requires
from tenants.permissions import CAMERA_EDIT
from vsaas.agents.models import Agent
from vsaas.cameras.errors import AgentGone, InvalidSearch
from vsaas.cameras.finding_api import added_json
from vsaas.cameras.finding_replies import ADDED, AddedAllReply
from vsaas.cameras.importing import TEXT_BYTES_MAX, add_rows, keep, kept, read_table
from vsaas.cameras.replies import CAMERA
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.errors import Unavailable
from vsaas.common.fields import Fields, valid
from vsaas.common.shapes import Id


class ImportFields(Fields):
    """A table of cameras."""

    table = serializers.CharField(
        max_length=TEXT_BYTES_MAX,
        trim_whitespace=False,
        help_text="CSV with commas or semicolons. Its first line names the columns: name, address, and as wanted "
        "sub_address, user, password, agent (its name or its site's), groups (with semicolons).",
    )
    agent = serializers.UUIDField(required=False, help_text="For lines that name none.")


class ImportRow(BaseModel):
    """One line, without user and password."""

    line: int
    name: str
    address: str
    agent: Id | None
    wrong: str = Field(description="Why it cannot be added; empty when it can.")


class ImportReply(BaseModel):
    """A table that was read. Nothing of it is added yet."""

    id: Id
    rows: list[ImportRow]


_EXAMPLE: dict[str, Any] = {
    "id": "1f6f5b7e-2f0c-4e0e-8a55-0f4b7d3f2c77",
    "rows": [
        {
            "line": 2,
            "name": "Gate 2",
            "address": "rtsp://192.0.2.7/main",
            "agent": CAMERA["agent_id"],
            "wrong": "",
        }
    ],
}


class CameraImports(ApiView):
    """POST: reads a table of cameras."""

    access = Requires(CAMERA_EDIT)

    @describe(
        "Read a table of cameras",
        request=ImportFields,
        request_example={
            "agent": CAMERA["agent_id"],
            "table": "name,address,user,password\nGate 2,rtsp://192.0.2.7/main,operator,correct horse\n",
        },
        reply=ImportReply,
        example=_EXAMPLE,
        problems=(InvalidSearch, Unavailable),
    )
    def post(self, request: Request) -> Response:
        """Says of each line what is wrong with it. What was read is kept for half an hour, for you, with its addresses
        sealed to the agents; add it with the id this answers."""
        fields = valid(ImportFields(data=request.data))
        agent = None
        if "agent" in fields:
            agent = access.get(self.actor, CAMERA_EDIT, Agent.objects.all(), id=fields["agent"])
        rows = read_table(self.actor, fields["table"], agent)
        told = [
            {
                "line": row.line,
                "name": row.name,
                "address": row.address,
                "agent": None if row.agent is None else str(row.agent.id),
                "wrong": row.wrong,
            }
            for row in rows
        ]
        return Response({"id": str(keep(self.actor, rows)), "rows": told})


class ImportedCameras(ApiView):
    """POST: adds what was read."""

    access = Requires(CAMERA_EDIT)

    @describe(
        "Add the cameras of a table",
        reply=AddedAllReply,
        example=ADDED,
        problems=(AgentGone, Unavailable),
    )
    def post(self, request: Request, import_id: UUID) -> Response:
        """Every line that is right and was not added before; what one lacks keeps no other from being added."""
        rows = kept(self.actor, import_id)
        added = add_rows(self.actor, rows)
        return Response(
            {"items": [added_json(row.name, added[row.scope]) for row in rows if row.scope in added]}
        )
