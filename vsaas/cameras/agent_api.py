"""What agents tell about cameras."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from protocol.errors import ProtocolError
from protocol.passwords import REPORT_BYTES_MAX, PasswordReport
from sealing.canonical import encode_canonical
from sealing.errors import SealingError
from vsaas.agents.auth import agent_route
from vsaas.agents.errors import MalformedMessage
from vsaas.cameras.passwords import take_report


@agent_route("POST passwords", max_body_bytes=REPORT_BYTES_MAX)
def passwords(request: HttpRequest) -> HttpResponse:
    """POST passwords: how the change of a camera's password ended."""
    agent = request.agent  # type: ignore[attr-defined]
    try:
        report = PasswordReport.decode(request.body)
    except (ProtocolError, SealingError) as error:
        raise MalformedMessage("the report on a password cannot be read") from error
    take_report(agent.agent_id, report)
    return HttpResponse(encode_canonical([1]), content_type="application/cbor")
