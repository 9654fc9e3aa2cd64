"""A portal with one camera, and the owner's browser before it: for tests of the pages that manage sites, cameras and agents."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.test import Client

from protocol.camera_source import open_source
from protocol.command import CommandDocument
from sealing.cose import parse1
from sealing.ids import Stream
from tenants.scope import tenant_scope
from tests.boxes import Box, make_box
from tests.cast import Cast, sign_in
from vsaas.audit.services import system
from vsaas.cameras.models import Camera
from vsaas.cameras.services import NewCamera, camera_add

BY = system("tests")


@dataclass
class Place:
    """Alice's browser, the box on the Gate and a camera it records."""

    cast: Cast
    box: Box
    camera: Camera
    alice: Client

    def url(self, rest: str) -> str:
        return f"/t/{self.cast.tenant_a.slug}/{rest}"

    def settings(self) -> str:
        return self.url(f"cameras/{self.camera.id}/settings")

    def now(self) -> Camera:
        with tenant_scope(self.cast.tenant_a.id):
            return Camera.objects.get(id=self.camera.id)

    def form(self, **changes: Any) -> dict[str, Any]:
        """What the settings form sends when nothing is changed, with changes."""
        camera = self.now()
        fields: dict[str, Any] = {
            "version": camera.version,
            "name": camera.name,
            "site": str(camera.site_id),
            "retention_days": camera.retention_days or "",
            "groups": "",
        }
        if camera.audio:
            fields["audio"] = "on"
        if camera.events:
            fields["events"] = "on"
        return fields | changes

    def orders(self) -> dict[str, Any]:
        """The agent's command document: cameras by name."""
        return {order.name: order for order in self.command().cameras}

    def command(self) -> CommandDocument:
        """The agent's newest command document."""
        return CommandDocument.from_payload(parse1(self.box.state().command).payload)

    def source(self, order: Any, stream: Stream = Stream.MAIN) -> str:
        sealed = order.source_main if stream is Stream.MAIN else order.source_sub
        private, public = self.box.box.private_bytes_raw(), self.box.box.public_key().public_bytes_raw()
        assert self.box.tenant_id is not None
        return open_source(self.box.tenant_id, order.camera, stream, sealed, private, public)


def make_place(cast: Cast) -> Place:
    """A fresh one."""
    box = make_box(cast.tenant_a, cast.site_a)
    with tenant_scope(cast.tenant_a.id):
        camera = camera_add(box.agent(), NewCamera("Door", "rtsp://u:p@10.0.0.7/main"), BY)
    return Place(cast, box, camera, sign_in(cast.alice))


def call(client: Client, place: Place, method: str, path: str, body: Any = None) -> Any:
    """A program's request in the place's organisation."""
    return client.generic(
        method,
        f"/api/v1/{path}",
        b"" if body is None else json.dumps(body).encode(),
        content_type="application/json",
        headers={"VSaaS-Tenant": place.cast.tenant_a.slug, "Accept": "application/json"},
    )
