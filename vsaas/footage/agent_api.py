"""What agents send about footage: batches of records."""

from dataclasses import replace

from django.http import HttpRequest, HttpResponse

from protocol import limits
from protocol.batch import BatchReply, RecordsBatch
from protocol.errors import ProtocolError
from sealing.errors import SealingError
from tenants.scope import tenant_scope
from vsaas.agents.auth import AgentIdentity, agent_route
from vsaas.agents.commands import newest_command_number
from vsaas.agents.models import Agent, AgentKey, AgentKeyPurpose
from vsaas.cameras.models import Camera
from vsaas.common import clock, metrics
from vsaas.common.errors import BadRequest, TooLarge, UnsupportedMedia
from vsaas.common.object_store import object_store
from vsaas.footage.ingest import Sender, examine, take_in
from vsaas.keys.services import newest_statement_number

CBOR = "application/cbor"


@agent_route("POST records", max_body_bytes=limits.BATCH_BYTES_MAX, scoped=False)
def records(request: HttpRequest) -> HttpResponse:
    """POST records: verified outside any transaction, then taken in inside the agent's scope."""
    identity: AgentIdentity = request.agent  # type: ignore[attr-defined]
    received_us = clock.now_us()
    if request.content_type != CBOR:
        raise UnsupportedMedia(f"records come as {CBOR}, not as {request.content_type or 'nothing'}")
    batch = _decode(request.body)
    with tenant_scope(identity.tenant_id):
        sender = _sender(identity)
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


def _sender(identity: AgentIdentity) -> Sender:
    agent = Agent.objects.get(id=identity.agent_id)
    key = AgentKey.objects.get(agent_id=agent.id, purpose=AgentKeyPurpose.RECORD)
    return Sender(
        tenant=identity.tenant_id,
        agent=agent.id,
        name=agent.name,
        record_public=bytes(key.public_key),
        cameras=dict(Camera.objects.filter(agent_id=agent.id).values_list("id", "name")),
    )
