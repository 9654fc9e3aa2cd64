"""What agents tell about cameras."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse, JsonResponse

from protocol.adoption import ADOPTION_BYTES_MAX, Adoption, AdoptionReply
from protocol.camera_certificate import MESSAGE_BYTES_MAX, CertificateRequest, decode_message
from protocol.errors import ProtocolError
from protocol.passwords import REPORT_BYTES_MAX, PasswordReport
from sealing.canonical import encode_canonical
from sealing.errors import SealingError
from vsaas.agents.auth import agent_route
from vsaas.agents.enrolment import audited
from vsaas.agents.errors import MalformedMessage
from vsaas.agents.models import Agent
from vsaas.agents.rollover import finish, signs_anew
from vsaas.agents.succession import adopted, predecessor
from vsaas.cameras.certificates import sign, take_end
from vsaas.cameras.handing_over import sealed_elsewhere, take_sources
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


@agent_route("POST certificates", max_body_bytes=MESSAGE_BYTES_MAX)
def certificates(request: HttpRequest) -> HttpResponse:
    """POST certificates: a camera's request for a certificate, answered with that; or how giving it one ended."""
    agent = request.agent  # type: ignore[attr-defined]
    try:
        message = decode_message(request.body)
    except (ProtocolError, SealingError) as error:
        raise MalformedMessage("the message about a certificate cannot be read") from error
    if isinstance(message, CertificateRequest):
        reply = sign(agent.agent_id, message).encode()
    else:
        take_end(agent.agent_id, message)
        reply = encode_canonical([1])
    return HttpResponse(reply, content_type="application/cbor")


@agent_route("POST adoption", max_body_bytes=ADOPTION_BYTES_MAX)
def adoption(request: HttpRequest) -> HttpResponse:
    """POST adoption: a box that took the place of another, and has that one's disk, takes over its cameras' addresses; at the
    end it says that all is brought. So does a box with new keys, for what its former ones left."""
    identity = request.agent  # type: ignore[attr-defined]
    try:
        message = Adoption.from_json(json.loads(request.body))
    except ProtocolError as error:
        raise MalformedMessage(error.detail) from error
    except (ValueError, RecursionError) as error:
        raise MalformedMessage("the body is not JSON") from error
    agent = Agent.objects.select_for_update(of=("self",)).select_related("site").get(id=identity.agent_id)
    itself = message.of == agent.id and signs_anew(agent, identity.kid)
    old = agent if itself else predecessor(agent.id, message.of)
    take_sources(agent, message.sources)
    if message.finished and itself:
        finish(agent)
    elif message.finished:
        adopted(agent, old, audited(agent))
    return JsonResponse(AdoptionReply(old.name, tuple(sealed_elsewhere(agent.id))).to_json())
