"""The hub's database work: sync functions, each run inside the scope of one tenant on the database thread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from protocol.control import LiveKey
from protocol.limits import LIVE_KEY_SECONDS
from sealing.ids import Rendition, Stream
from sealing.keys import LiveScope
from tenants.errors import Denied, OutsideHours
from tenants.scope import current_tenant_id, tenant_scope
from vsaas.accounts.models import Account
from vsaas.agents.commands import current_command
from vsaas.agents.models import Agent, AgentKeyPurpose, key_in_force
from vsaas.audit import services as audit
from vsaas.cameras.models import Camera
from vsaas.common import clock
from vsaas.keys.services import EnvelopeRefused, ReleaseTo, release_live_key
from vsaas.live import acts
from vsaas.live.rights import refusals
from vsaas.live.viewer import Ticket

LIVE_RENDITIONS = (Rendition.MAIN, Rendition.SUB, Rendition.AUDIO)
RELEASE_SLACK_S = 60
"""A key may be used this much longer than it should: the agent changes it every five minutes at the latest."""


@dataclass(frozen=True)
class Source:
    """Who publishes a camera: the agent, and the key that signs its proofs."""

    agent: UUID
    record_public: bytes


def begin_watching(ticket: Ticket) -> Source:
    """Checks the ticket's rights once more, writes the audit entry, and says whose camera it is. Raises Denied, of which
    OutsideHours is one."""
    refusal = refusals([ticket]).get(ticket)
    if refusal is not None:
        raise refusal
    camera = Camera.objects.get(id=ticket.camera)
    account = Account.objects.get(id=ticket.account)
    audit.record_act(
        acts.WATCHED, audit.who(account), audit.what(camera), stream=ticket.stream, view=view_of(ticket)
    )
    return source_of(camera.id)


def view_of(ticket: Ticket) -> str:
    """What beginning and end of one live view have in common in the audit log."""
    return ticket.release_session.hex()


def end_watching(ticket: Ticket, since_us: int) -> None:
    """Writes down that a view which `begin_watching` began has ended."""
    account = Account.objects.filter(id=ticket.account).first()
    camera = Camera.objects.filter(id=ticket.camera).first()
    audit.record_act(
        acts.ENDED,
        audit.who(account) if account else audit.NOBODY,
        audit.what(camera) if camera else audit.What("camera", str(ticket.camera)),
        from_time=clock.iso(since_us),
        to_time=clock.iso(clock.now_us(), up=True),
        stream=ticket.stream,
        view=view_of(ticket),
    )


def source_of(camera_id: UUID) -> Source:
    """The agent that records a camera now."""
    camera = Camera.objects.get(id=camera_id)
    key = key_in_force(camera.agent_id, AgentKeyPurpose.RECORD)
    return Source(camera.agent_id, bytes(key.public_key))


def release(
    publish: UUID, keys: Sequence[LiveKey], tickets: Sequence[Ticket]
) -> list[list[tuple[int, bytes, bytes]]]:
    """For each ticket (rendition, key id, release envelope) of what it may open: sound is a right of its own.

    A key must be sealed for this very publish of the ticket's camera, and for the rendition the agent calls it: what it
    is used for is decided by its envelope, not by the message around it. Raises EnvelopeRefused.
    """
    tenant = current_tenant_id()
    with tenant_scope(tenant, keys=True):
        return [
            [
                (
                    key.rendition,
                    key.key_id,
                    release_live_key(
                        tenant, key.envelope, key.commitment, _to(ticket), _scope(publish, key, ticket)
                    ),
                )
                for key in keys
                if ticket.audio or key.rendition != Rendition.AUDIO
            ]
            for ticket in tickets
        ]


def _scope(publish: UUID, key: LiveKey, ticket: Ticket) -> LiveScope:
    if key.rendition not in LIVE_RENDITIONS:
        raise EnvelopeRefused(f"rendition {key.rendition} is not one that is published live")
    return LiveScope(ticket.camera, Stream(ticket.stream), Rendition(key.rendition), publish.bytes)


def _to(ticket: Ticket) -> ReleaseTo:
    return ReleaseTo(
        public_key=ticket.hpke_public,
        session=ticket.release_session,
        account=ticket.account,
        expires_us=clock.now_us() + (LIVE_KEY_SECONDS + RELEASE_SLACK_S) * 1_000_000,
    )


def command_of(agent: UUID) -> bytes:
    """The agent's newest command document."""
    return current_command(agent)


def note_clone(agent: UUID) -> None:
    """Two live connections of one identity, both answering."""
    row = Agent.objects.get(id=agent)
    audit.record_act(acts.CLONED, audit.agent(row.id, row.name))


def note_withdrawn(refused: Mapping[Ticket, Denied]) -> None:
    """Whom the hub stopped showing a camera."""
    tickets = list(refused)
    accounts = {
        account.id: account for account in Account.objects.filter(id__in={t.account for t in tickets})
    }
    cameras = {camera.id: camera for camera in Camera.objects.filter(id__in={t.camera for t in tickets})}
    for ticket in tickets:
        account, camera = accounts.get(ticket.account), cameras.get(ticket.camera)
        by = audit.who(account) if account else audit.NOBODY
        on = audit.what(camera) if camera else audit.What("camera", str(ticket.camera))
        outside = isinstance(refused[ticket], OutsideHours)
        audit.record_act(acts.CLOSED if outside else acts.WITHDRAWN, by, on)
