"""Live view in the browser API: a ticket for the hub."""

from __future__ import annotations

import secrets
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request
from rest_framework.response import Response

from protocol import b64
from protocol.errors import ProtocolError
from protocol.limits import LIVE_TICKET_SECONDS
from sealing.ids import Stream
from tenants import access
from tenants.declare import Requires
from tenants.errors import NotSignedIn
from tenants.permissions import CAMERA_LIVE
from vsaas.cameras.models import Camera
from vsaas.cameras.services import present
from vsaas.common import clock
from vsaas.common.api import ApiView, session_id
from vsaas.common.describe import describe
from vsaas.common.errors import InvalidFields, Unavailable
from vsaas.keys.services import NoTenantKeys, root_fingerprint
from vsaas.live import tickets
from vsaas.live.replies import LIVE, LIVE_ASKED, LiveFields, LiveTicket
from vsaas.live.rights import may_listen
from vsaas.live.viewer import Ticket

STREAMS = {stream.name.lower(): stream for stream in Stream}


class Live(ApiView):
    """POST live {camera, stream, hpke_public}: a ticket that opens the hub's socket once (docs/architecture.md)."""

    access = Requires(CAMERA_LIVE)
    keeps_answers = False  # a ticket opens once and lives for seconds

    @describe(
        "Ask for a live view",
        request=LiveFields,
        request_example=LIVE_ASKED,
        reply=LiveTicket,
        example=LIVE,
        problems=(Unavailable, NoTenantKeys),
    )
    def post(self, request: Request) -> Response:
        """A ticket for the hub. The WebSocket's handshake names the portal as its origin; its first message is the ticket.
        What the hub sends is in `sealing/SPEC.md`. The view ends when the right to it does."""
        camera_id, stream, hpke_public = _asked(request.data)
        camera = access.get(self.actor, CAMERA_LIVE, present(Camera.objects.all()), id=camera_id)
        session_row = session_id(request._request)
        if session_row is None and self.actor.token_id is None:
            raise NotSignedIn(_("sign in to your organisation first"))
        ticket = Ticket(
            tenant=self.actor.tenant_id,
            account=self.actor.account_id,
            session_row=session_row,
            token_row=self.actor.token_id,
            camera=camera.id,
            stream=int(stream),
            audio=may_listen(self.actor, camera),
            hpke_public=hpke_public,
            release_session=secrets.token_bytes(16),
        )
        token = tickets.issue(ticket)
        return Response(
            {
                "ticket": token,
                "url": f"{settings.ENV.live_url}/live",
                "expires_us": clock.now_us() + LIVE_TICKET_SECONDS * 1_000_000,
                "tenant": str(ticket.tenant),
                "account": str(ticket.account),
                "session": b64.encode(ticket.release_session),
                "root_fingerprint": root_fingerprint(self.actor.tenant_id).hex(),
            }
        )


def _asked(data: object) -> tuple[UUID, Stream, bytes]:
    """Raises InvalidFields, naming every field that is wrong."""
    row = data if isinstance(data, dict) else {}
    wrong: list[dict[str, str]] = []
    camera_id, hpke_public = UUID(int=0), b""
    try:
        camera_id = UUID(str(row.get("camera")))
    except ValueError:
        wrong.append({"field": "camera", "message": str(_("write a camera's id"))})
    stream = STREAMS.get(str(row.get("stream")))
    if stream is None:
        wrong.append(
            {"field": "stream", "message": _("write one of %(names)s") % {"names": ", ".join(STREAMS)}}
        )
    try:
        hpke_public = b64.decode(row.get("hpke_public"), length=32, what="hpke_public")
    except ProtocolError as error:
        wrong.append({"field": "hpke_public", "message": error.detail})
    if wrong or stream is None:
        raise InvalidFields(_("the live view was not asked for rightly"), extra={"errors": wrong})
    return camera_id, stream, hpke_public
