"""What agents ask of the portal about themselves: enrolment, state, heartbeat."""

import json
import re
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from protocol import limits
from protocol.enrolment import EnrolReply, EnrolRequest
from protocol.errors import ProtocolError
from protocol.health import Heartbeat
from protocol.rollover import WANTED, KeyOffer, OfferReply
from protocol.state import STATEMENTS_AT_ONCE, TIPS_AT_ONCE, AgentState, ChainTip
from sealing.ids import kid
from tenants.declare import public
from vsaas.agents import releases
from vsaas.agents.auth import agent_route, challenged, limited_body, signed_by
from vsaas.agents.commands import current_command
from vsaas.agents.enrolment import enrol as register
from vsaas.agents.errors import MalformedMessage
from vsaas.agents.health import take_heartbeat
from vsaas.agents.rollover import take_offer, wanted
from vsaas.agents.tips import Tip, known_tips
from vsaas.common import clock
from vsaas.common.errors import NotFound
from vsaas.common.network import network_of
from vsaas.keys.services import statements_since

ENROL_BYTES_MAX = 8 * 1024
BYTES = "application/octet-stream"
SHA256_HEX = re.compile(r"[0-9a-f]{64}")


def _enrol(request: HttpRequest) -> HttpResponse:
    """POST enrol: a box proves its one-time code and its transport key, and becomes an agent."""
    body = limited_body(request, ENROL_BYTES_MAX)
    message = _parse(EnrolRequest.from_json, body)
    signer_id = kid(message.transport_public).hex()
    url = settings.ENV.public_url + request.get_full_path()

    def find(key_id: str) -> Ed25519PublicKey | None:
        return Ed25519PublicKey.from_public_bytes(message.transport_public) if key_id == signer_id else None

    signed_by("POST", url, request.headers, body, find)
    enrolled = register(message, network_of(request))
    reply = EnrolReply(
        tenant=enrolled.tenant_id,
        tenant_slug=enrolled.tenant_slug,
        agent=enrolled.agent_id,
        statements=enrolled.statements,
        command=enrolled.command,
        live_url=settings.ENV.live_url,
        follows=tuple(_tip(tip) for tip in enrolled.follows),
    )
    return JsonResponse(reply.to_json())


enrol = public("enrolment: a box has no registered key yet; its one-time code is the right")(
    challenged("POST", _enrol)
)
enrol.csrf_exempt = True


@agent_route("GET state")
def state(request: HttpRequest) -> HttpResponse:
    """GET state?statements=N: statements from number N on, newest command document, tips of the agent's chains."""
    agent = request.agent  # type: ignore[attr-defined]
    first = _number(request.GET.get("statements", "0"), "statements")
    statements = statements_since(agent.tenant_id, first)[:STATEMENTS_AT_ONCE]
    tips = [_tip(tip) for tip in known_tips(agent.agent_id, TIPS_AT_ONCE)]
    reply = AgentState(
        statements_from=first,
        statements=tuple(statements),
        command=current_command(agent.agent_id),
        tips=tuple(tips),
        utc_us=clock.now_us(),
        live_url=settings.ENV.live_url,
    )
    return JsonResponse(reply.to_json())


def _tip(tip: Tip) -> ChainTip:
    return ChainTip(tip.chain, tip.camera, tip.stream, tip.seq, tip.hash)


@agent_route("POST health", max_body_bytes=limits.JSON_BODY_BYTES_MAX)
def health(request: HttpRequest) -> HttpResponse:
    """POST health: the agent's heartbeat. The reply has a body where the portal asks for new keys."""
    agent = request.agent  # type: ignore[attr-defined]
    take_heartbeat(agent.agent_id, _parse(Heartbeat.from_json, request.body))
    rollover = wanted(agent.agent_id)
    return HttpResponse(status=204) if rollover is None else JsonResponse({WANTED: str(rollover)})


@agent_route("POST keys")
def keys(request: HttpRequest) -> HttpResponse:
    """POST keys: an agent that was asked for new keys offers them, again and again until they are stated."""
    agent = request.agent  # type: ignore[attr-defined]
    return JsonResponse(
        OfferReply(take_offer(agent.agent_id, _parse(KeyOffer.from_json, request.body))).to_json()
    )


@agent_route("GET updates")
def release_document(request: HttpRequest, digest: str) -> HttpResponse:
    """GET updates/<SHA-256>: the release document of this name, as it was signed."""
    return HttpResponse(_offered(digest).document, content_type=BYTES)


@agent_route("GET updates")
def release_file(request: HttpRequest, digest: str, name: str) -> HttpResponse:
    """GET updates/<SHA-256>/<file>?from=N: a part of a file of the release, from byte N on."""
    part = releases.part_of(_offered(digest), name, _number(request.GET.get("from", "0"), "from", digits=10))
    if part is None:
        raise NotFound("the release has no such file here")
    return HttpResponse(part, content_type=BYTES)


def _offered(digest: str) -> releases.Offered:
    found = releases.find(bytes.fromhex(digest)) if SHA256_HEX.fullmatch(digest) else None
    if found is None:
        raise NotFound("there is no such release here")
    return found


def _parse(parse: Any, body: bytes) -> Any:
    try:
        return parse(json.loads(body))
    except ProtocolError as error:
        raise MalformedMessage(error.detail) from error
    except (ValueError, RecursionError) as error:
        raise MalformedMessage("the body is not JSON") from error


def _number(text: str, what: str, digits: int = 9) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > digits:
        raise MalformedMessage(f"{what} is not a number")
    return int(text)
