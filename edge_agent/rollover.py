"""Rolling this box's keys over: new ones for transport, records and what is sealed to the box, without a gap in the recording.

    keys made and on disk -> offered -> the tenant's root states them -> used -> what was sealed to the former box key is handed
    over, and what the former record key signed is sent -> the former box key is forgotten

Nothing is used that the root has not stated, so nobody can lock this box out or take its place by an offer. `agent.json` says
which generation is in force, in one rename: a power cut leaves the former keys or the new ones, both of which work, and the
rest is done after the next start. Streams go on; each opens a chain under the new key with its next record.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from typing import Final, TypeVar

from edge_agent.alarms import Alarms
from edge_agent.clock import Clock
from edge_agent.cloud import Cloud, Patience
from edge_agent.errors import PortalRefused, PortalUnreachable, StateUnusable, TrustBroken
from edge_agent.identity import Identity
from edge_agent.keys import BoxKeys
from edge_agent.orders import Orders
from edge_agent.seal import Identity as Sealing
from edge_agent.spool import RecordState, Spool
from protocol.adoption import Adoption, AdoptionReply, SealedSource
from protocol.camera_source import open_source, seal_source
from protocol.errors import ProtocolError
from protocol.rollover import PATH, STATED, KeyOffer, OfferReply
from sealing.errors import SealingError, UnknownSigner
from sealing.ids import Stream
from sealing.statement import AgentKeys

T = TypeVar("T")

log = logging.getLogger(__name__)

ADOPTION_PATH: Final = "/agent/v1/adoption"
AGAIN_S: Final = 10.0
FORMER_KEPT_S: Final = 3600.0
"""How long the former box key is kept at least: orders under way and cameras just found may be sealed to it."""
WAITED_FOR_MOST_S: Final = 30 * 86_400.0
"""For records under the former key that the portal does not take."""
_TROUBLE: Final = "rollover"


class Rollover:
    """`run` goes on until cancelled. `want` may be called at any time."""

    def __init__(
        self,
        identity: Identity,
        orders: Orders,
        cloud: Cloud,
        clock: Clock,
        sealing: Sealing,
        spool: Spool,
        renew_publishes: Callable[[], None],
    ) -> None:
        """`renew_publishes`: ends what is shown live, so that it begins anew under the new keys."""
        self._identity, self._orders, self._cloud, self._clock = identity, orders, cloud, clock
        self._sealing, self._spool, self._renew_publishes = sealing, spool, renew_publishes
        self._wanted = False
        self._wake = asyncio.Event()
        self._alarms = Alarms()

    @property
    def alarms(self) -> list[str]:
        """What a person must look at."""
        return self._alarms.texts()

    def want(self) -> None:
        """The portal asks for new keys; said again and again until it has them."""
        self._wanted = True
        self._wake.set()

    async def run(self) -> None:
        """Take up what a restart broke off, then wait to be asked."""
        patience = Patience(AGAIN_S, 600.0)
        while True:
            self._wake.clear()
            wait_s: float | None = AGAIN_S
            try:
                if not await self._step():
                    wait_s = None
                patience.reset()
                self._alarms.clear(_TROUBLE)
            except (PortalUnreachable, PortalRefused) as error:
                # Where it still wants them, it says so with the next heartbeat.
                self._wanted = False
                wait_s = patience.after(error)
                log.warning("the keys are not renewed now: %s", error)
            except (TrustBroken, StateUnusable) as error:
                log.error("the keys cannot be renewed: %s", error)
                self._alarms.put(_TROUBLE, f"this box's keys could not be renewed: {error}")
            try:
                await asyncio.wait_for(self._wake.wait(), wait_s)
            except TimeoutError:
                log.debug("on with the keys")

    async def _step(self) -> bool:
        """As far as it goes now; whether something remains. Raises as `Cloud.post_json` and `Orders.refresh`, StateUnusable."""
        identity = self._identity
        await asyncio.to_thread(identity.forget_former_signing)
        if identity.has_former:
            return not await self._finished()
        if not self._wanted:
            return False
        keys = await asyncio.to_thread(identity.next_keys)
        self._orders.keys = identity.keys
        if not self._is_stated(keys):
            offer = KeyOffer.sign(
                identity.tenant,
                identity.agent,
                identity.instance,
                keys.record_key,
                keys.transport_key,
                keys.box_public,
            )
            reply = _read(OfferReply.from_json, await self._cloud.post_json(PATH, offer.to_json()))
            if reply.state != STATED:
                return True
            await self._orders.refresh(self._cloud)
        if not self._is_stated(keys):
            raise TrustBroken("the portal says that the organisation stated them, and no statement does")
        await self._use(keys)
        return True

    def _is_stated(self, keys: BoxKeys) -> bool:
        agent = self._identity.agent
        try:
            stated = self._orders.trust.agent(agent)
        except UnknownSigner:
            return False
        return stated == AgentKeys(agent, keys.record_public, keys.transport_public, keys.box_public)

    async def _use(self, keys: BoxKeys) -> None:
        """From here on the new ones. Raises StateUnusable; the former ones stay then."""
        identity = self._identity
        await asyncio.to_thread(identity.roll_over, keys, self._clock.wall_us())
        self._sealing.signer = identity.record
        self._orders.keys = identity.keys
        self._wanted = False
        self._renew_publishes()
        log.info("this box has new keys: transport %s", identity.transport_key_id)

    # What the former keys leave behind

    async def _finished(self) -> bool:
        """Hand over what is sealed to the former box key, and forget it once nothing needs the former keys."""
        told = await self._tell()
        sealed = [item for source in told.sources if (item := self._sealed_anew(source)) is not None]
        if sealed:
            await self._tell(*sealed)
        age_s = (self._clock.wall_us() - self._identity.rolled_us) / 1e6
        if 0 <= age_s < FORMER_KEPT_S:
            return False
        if await asyncio.to_thread(self._waits) and 0 <= age_s < WAITED_FOR_MOST_S:
            return False
        await self._tell(finished=True)
        await asyncio.to_thread(self._identity.forget_former)
        self._orders.keys = self._identity.keys
        return True

    def _waits(self) -> bool:
        """Whether a record signed before the keys were rolled over is still to be sent."""
        found = self._spool.read(
            "SELECT 1 FROM records WHERE state = ? AND signed_us <= ? LIMIT 1",
            (RecordState.UNSENT, self._identity.rolled_us),
        )
        return bool(found)

    async def _tell(self, *sources: SealedSource, finished: bool = False) -> AdoptionReply:
        message = Adoption(self._identity.agent, sources, finished)
        return _read(AdoptionReply.from_json, await self._cloud.post_json(ADOPTION_PATH, message.to_json()))

    def _sealed_anew(self, source: SealedSource) -> SealedSource | None:
        keys = self._identity.keys
        anew = sealed_anew(self._identity.tenant, source, keys, keys.box_public)
        if anew is None:
            log.warning("an address of camera %s opens with no key of this box", source.camera)
        return anew


def _read(parse: Callable[[object], T], answer: object) -> T:
    try:
        return parse(answer)
    except ProtocolError as error:
        raise PortalRefused(
            f"the portal's reply about new keys makes no sense: {error.detail}", 200, "bad-reply"
        ) from error


def sealed_anew(
    tenant: uuid.UUID, source: SealedSource, keys: BoxKeys, box_public: bytes
) -> SealedSource | None:
    """A camera's address that `keys` open, sealed to the box key `box_public`; None where they do not open it."""
    try:
        stream = Stream(source.stream)
        url = open_source(tenant, source.camera, stream, source.sealed, *keys.box_for(source.sealed))
        anew = seal_source(tenant, source.camera, stream, url, box_public)
    except (SealingError, ProtocolError, ValueError):
        return None
    return SealedSource(source.camera, source.stream, anew)
