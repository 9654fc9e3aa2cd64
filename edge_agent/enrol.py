"""Enrolling this box: keys made here, a one-time code from the portal's page, and the tenant root's fingerprint in it.

Nothing the portal says counts before its statements hold under that fingerprint and name this box's own keys. The
keys are on disk before they are sent; when the reply is lost, the same command with the same code takes them up again
and the portal, which knows them, answers as before.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent import __version__
from edge_agent.cloud import Cloud
from edge_agent.errors import (
    AgentError,
    EnrolmentRefused,
    FalsePortal,
    PortalRefused,
    PortalUnreachable,
    StateUnusable,
    TrustBroken,
)
from edge_agent.files import make_private_folder
from edge_agent.identity import (
    Enrolling,
    Identity,
    Signing,
    forget_enrolling,
    hold_state,
    is_enrolled,
    portal_url,
)
from edge_agent.keys import BoxKeys
from edge_agent.networks import Network, run_towards_cloud
from edge_agent.orders import FOLDER as ORDERS
from edge_agent.orders import Orders, check_live_url, read_command
from protocol.enrolment import NAME_CHARS_MAX, EnrolmentCode, EnrolReply, EnrolRequest, parse_code
from protocol.errors import ProtocolError
from sealing.errors import SealingError, WrongRootKey
from sealing.ids import show_fingerprint
from sealing.statement import AgentKeys, Trust, verify_statements

log = logging.getLogger(__name__)

SOFTWARE: Final = f"vsaas-agent {__version__}"
_PATH: Final = "/agent/v1/enrol"
_WAITS: Final = "waits-for-holder"
_ASK_AGAIN_S: Final = 15.0
# Answers after which these keys will never be an agent's; after any other the same command may be given again.
_FINAL: Final = ("enrolment-refused", "malformed-message", "signature-refused", "too-large")


class BadCode(AgentError):
    """The enrolment code or the name cannot be right as typed."""

    exit_code = 2


@dataclass(frozen=True)
class Enrolled:
    """What an enrolment ended with. `fingerprint`: of the tenant root, 32 bytes."""

    portal: str
    tenant_slug: str
    agent: uuid.UUID
    name: str
    fingerprint: bytes
    cameras: int


def enrol(portal: str, code_text: str, state: Path, name: str, network: Network | None = None) -> Enrolled:
    """Make this box an agent of the tenant whose code this is.

    Raises BadAddress, BadCode, StateUnusable (also when it is enrolled already), EnrolmentRefused, FalsePortal,
    PortalUnreachable or PortalRefused. Except for keys that wait for a lost reply, a failure leaves nothing behind.
    """
    url = portal_url(portal)
    code = _read_code(code_text)
    name = _read_name(name)
    is_new = not state.exists()
    make_private_folder(state)
    try:
        with hold_state(state):
            _refuse_second(state)
            network = network or Network()
            return run_towards_cloud(_enrol(url, code, state, name, network), network)
    finally:
        if is_new and not is_enrolled(state) and not Enrolling.waits(state):
            shutil.rmtree(state)


async def _enrol(portal: str, code: EnrolmentCode, state: Path, name: str, network: Network) -> Enrolled:
    enrolling = Enrolling.take_up(state, portal, hashlib.sha256(b"code" + code.secret).hexdigest())
    keys = enrolling.keys
    request = EnrolRequest(
        secret=code.secret,
        name=name,
        record_public=keys.record_public,
        transport_public=keys.transport_public,
        box_public=keys.box_public,
        software=SOFTWARE,
    )
    try:
        reply = await _send(portal, keys, request, network)
        trust = _check(portal, code, keys, reply)
        orders = Orders(
            state / ORDERS,
            reply.tenant,
            reply.agent,
            keys,
            trust,
            reply.command,
            check_live_url(portal, reply.live_url),
        )
    except EnrolmentRefused:
        forget_enrolling(state)
        raise
    orders.save()
    enrolling.complete(
        state,
        tenant=reply.tenant,
        tenant_slug=reply.tenant_slug,
        agent=reply.agent,
        name=name,
        fingerprint=code.fingerprint,
        follows=reply.follows,
    )
    return Enrolled(
        portal, reply.tenant_slug, reply.agent, name, code.fingerprint, len(orders.command.cameras)
    )


async def _send(portal: str, keys: BoxKeys, request: EnrolRequest, network: Network) -> EnrolReply:
    """Asks until a holder of the organisation's keys has signed for this box, where the portal cannot do so itself."""
    told = False
    while True:
        try:
            return await _send_once(portal, keys, request, network)
        except PortalRefused as error:
            if error.name != _WAITS:
                raise
            if not told:
                log.warning("waiting: %s", error.detail)
            told = True
            await asyncio.sleep(error.retry_after_s or _ASK_AGAIN_S)


async def _send_once(portal: str, keys: BoxKeys, request: EnrolRequest, network: Network) -> EnrolReply:
    try:
        async with Cloud(Signing(portal, keys), network) as cloud:
            answer = await cloud.post_json(_PATH, request.to_json())
    except PortalRefused as error:
        if error.name in _FINAL:
            raise EnrolmentRefused(f"{portal} does not enrol this box: {error.detail}") from error
        if error.name == _WAITS:
            raise
        raise PortalRefused(f"{error}; {_AGAIN}", error.status, error.name, error.retry_after_s) from error
    except PortalUnreachable as error:
        raise PortalUnreachable(f"{error}; {_AGAIN}") from error
    try:
        return EnrolReply.from_json(answer)
    except ProtocolError as error:
        raise FalsePortal(
            f"what {portal} answered is not an enrolment ({error.detail}): nothing was kept; check the address"
        ) from error


_AGAIN: Final = (
    "then give the same command again: the code is still good for this box for 30 minutes after it was issued"
)


def _check(portal: str, code: EnrolmentCode, keys: BoxKeys, reply: EnrolReply) -> Trust:
    """Raises FalsePortal unless the root in the code vouches for the reply, and for this box's keys as its agent's."""
    try:
        trust = verify_statements(reply.statements, code.fingerprint)
        stated = trust.agent(reply.agent)
        read_command(trust, reply.tenant, reply.agent, reply.command)
    except WrongRootKey as error:
        raise FalsePortal(
            f"whoever answers at {portal} does not own the organisation this code is for: the code names the root "
            f"{show_fingerprint(code.fingerprint)}, and {error}. Nothing was kept, and the code is spent. Check the address; "
            "if it is right, somebody stands between this box and the portal: tell the organisation's owner, and ask for a "
            "new code"
        ) from error
    except (SealingError, TrustBroken) as error:
        raise _false(portal, str(error)) from error
    mine = AgentKeys(reply.agent, keys.record_public, keys.transport_public, keys.box_public)
    if trust.tenant != reply.tenant:
        raise _false(portal, "it names another organisation than its statements")
    if stated != mine:
        raise _false(portal, "its statements name other keys for this box than the ones made here")
    if trust.is_revoked(reply.agent):
        raise _false(portal, "its statements say that this agent was revoked")
    return trust


def _false(portal: str, why: str) -> FalsePortal:
    return FalsePortal(
        f"what {portal} answered does not hold: {why}. Nothing was kept, and the code is spent: check the address, tell the "
        "organisation's owner, and ask for a new code"
    )


def _refuse_second(state: Path) -> None:
    if not is_enrolled(state):
        return
    identity = Identity.load(state)
    raise StateUnusable(
        f"this box is enrolled already: as {identity.name!r} (agent {identity.agent}) at {identity.portal}. To enrol it "
        "elsewhere, revoke that agent in its portal, wait until 'status' shows that everything is uploaded, and choose "
        f"an empty folder with --state instead of {state}"
    )


def _read_code(text: str) -> EnrolmentCode:
    try:
        return parse_code(text)
    except ProtocolError as error:
        raise BadCode(f"this is not an enrolment code: {error.detail}") from error


def _read_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > NAME_CHARS_MAX or not name.isprintable():
        raise BadCode(f"the name must be 1 to {NAME_CHARS_MAX} printable characters: choose one with --name")
    return name
