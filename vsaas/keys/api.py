"""Keys in the browser API: the statements everything is verified from."""

from rest_framework.request import Request
from rest_framework.response import Response

from protocol import b64
from tenants.declare import Requires
from tenants.permissions import CAMERA_VIEW
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.keys.replies import STATEMENTS, StatementsReply
from vsaas.keys.services import root_fingerprint, statements_since


class Statements(ApiView):
    """GET: root fingerprint and all signed statements, in order. Public keys only, for whoever sees a camera."""

    access = Requires(CAMERA_VIEW)

    @describe("Get the signed statements", reply=StatementsReply, example=STATEMENTS)
    def get(self, request: Request) -> Response:
        """What every record is verified from. Pin the fingerprint when you first see it, or take it from the printed card."""
        tenant_id = self.actor.tenant_id
        return Response(
            {
                "root_fingerprint": root_fingerprint(tenant_id).hex(),
                "statements": [b64.encode(signed) for signed in statements_since(tenant_id)],
            }
        )
