"""What agents send about footage: batches of records."""

from dataclasses import replace
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest, HttpResponse

from protocol import limits
from protocol.batch import BatchReply, RecordsBatch
from protocol.errors import ProtocolError
from protocol.tips import uuid_of
from sealing.errors import SealingError
from tenants.scope import tenant_scope
from vsaas.agents.auth import AgentIdentity, agent_route
from vsaas.agents.commands import newest_command_number
from vsaas.agents.models import Agent, AgentKey, AgentKeyPurpose
from vsaas.agents.succession import predecessor
from vsaas.cameras.models import Camera
from vsaas.common import clock, metrics
from vsaas.common.errors import BadRequest, TooLarge, UnsupportedMedia
from vsaas.common.object_store import object_store
from vsaas.footage.ingest import Sender, examine, take_in
from vsaas.footage.models import Chain
from vsaas.keys.services import newest_statement_number

CBOR = "application/cbor"


@agent_route("POST records", max_body_bytes=limits.BATCH_BYTES_MAX, scoped=False)
def records(request: HttpRequest) -> HttpResponse:
    """POST records: verified outside any transaction, then taken in inside the agent's scope. With `?of=<agent>` they are
    those of the agent whose place the sender took, as that one signed them."""
    identity: AgentIdentity = request.agent  # type: ignore[attr-defined]
    received_us = clock.now_us()
    if request.content_type != CBOR:
        raise UnsupportedMedia(f"records come as {CBOR}, not as {request.content_type or 'nothing'}")
    batch = _decode(request.body)
    of = _of(request)
    with tenant_scope(identity.tenant_id):
        sender = _sender(identity) if of is None else _for_predecessor(identity, of)
    examined = examine(batch, sender)
    with tenant_scope(identity.tenant_id, keys=True):
        reply = take_in(sender, batch, examined, object_store(), received_us)
        reply = replace(
            reply,
            statement_number=newest_statement_number(identity.tenant_id),
            command_number=newest_command_number(identity.agent_id),
        )
    _count(reply)
    return HttpResponse(reply.encode(), content_type=CBOR)


def _count(reply: BatchReply) -> None:
    """What became of the records; of refused ones with the error's name, which is one of ours."""
    for status, error in ((item.status, item.error) for item in reply.results):
        metrics.RECORDS.labels(f"refused: {error}" if error else status.name.lower()).inc()


def _decode(body: bytes) -> RecordsBatch:
    try:
        return RecordsBatch.decode(body)
    except ProtocolError as error:
        if error.name == "too-large":
            raise TooLarge(f"the batch is refused: {error.detail}; send fewer records at once") from error
        raise BadRequest(f"the batch is refused: {error.detail}") from error
    except SealingError as error:
        raise BadRequest(f"the batch is refused ({error.name}): {error}") from error


def _of(request: HttpRequest) -> UUID | None:
    text = request.GET.get("of")
    try:
        return None if text is None else uuid_of(text, "of")
    except ProtocolError as error:
        raise BadRequest(error.detail) from error


def _sender(identity: AgentIdentity) -> Sender:
    agent = Agent.objects.get(id=identity.agent_id)
    return _sender_of(identity, agent, Q(agent_id=agent.id))


def _for_predecessor(identity: AgentIdentity, of: UUID) -> Sender:
    """Its cameras are those it has recorded, whoever records them now, and those its successor took over."""
    old = predecessor(identity.agent_id, of)
    recorded = Chain.objects.filter(agent_id=old.id).values("camera_id")
    cameras = Q(agent_id__in=[old.id, identity.agent_id]) | Q(id__in=recorded)
    revoked_us = None if old.revoked_at is None else clock.to_us(old.revoked_at)
    return replace(_sender_of(identity, old, cameras), adopted=True, revoked_us=revoked_us)


def _sender_of(identity: AgentIdentity, agent: Agent, cameras: Q) -> Sender:
    rows = AgentKey.objects.filter(agent_id=agent.id, purpose=AgentKeyPurpose.RECORD, ended_at=None)
    newest = next(row for row in rows if row.replaced_at is None)
    return Sender(
        tenant=identity.tenant_id,
        agent=agent.id,
        name=agent.name,
        record_public=bytes(newest.public_key),
        former={bytes(row.kid): bytes(row.public_key) for row in rows if row != newest},
        cameras=dict(Camera.objects.filter(cameras).values_list("id", "name")),
    )
