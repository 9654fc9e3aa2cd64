"""What somebody asks of this agent once: an address to be tried, a stretch to be uploaded now, cameras to be found, looked at and
steered (`protocol.order`)."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Final

from edge_agent.address_test import NoPicture, try_address
from edge_agent.cloud import Cloud
from edge_agent.errors import TrustBroken
from edge_agent.onvif.asked import AskedOfCameras
from edge_agent.onvif.certifying import Certifying
from edge_agent.orders import Orders
from edge_agent.passwords.changing import Passwords
from edge_agent.publishing import ControlLost
from edge_agent.steering import Steering
from protocol.camera_certificate import IssueCertificate
from protocol.control import AgentMessage, OrderAnswer
from protocol.errors import ProtocolError
from protocol.finding import FindCameras, LookAt, SetCamera
from protocol.order import PICTURE, TAKEN, Answer, Order, TryAddress, UploadNow, seal_picture
from protocol.passwords import ChangePassword, RestorePassword
from protocol.steering import LookAgain, Steer
from sealing.errors import SealingError

log = logging.getLogger(__name__)

TRIED_AT_ONCE: Final = 2
_REMEMBERED: Final = 500

Urge = Callable[[uuid.UUID, int, int], Awaitable[int]]
"""Moves what waits of a camera and stretch to the head of the queue; returns how many segments."""


class Asked:
    """`take` never waits: what is asked goes on beside the control socket."""

    def __init__(self, orders: Orders, cloud: Cloud, urge: Urge, passwords: Passwords) -> None:
        self._orders, self._cloud, self._urge = orders, cloud, urge
        self._passwords = passwords
        self._seen: dict[uuid.UUID, None] = {}
        self._of_cameras = AskedOfCameras(orders)
        self._steering = Steering(orders)
        self._certifying = Certifying(orders, cloud)
        self._trying = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, signed: bytes, say: Callable[[AgentMessage], Awaitable[None]]) -> None:
        """Obey an order that holds, once; anything else is logged and left."""
        try:
            order = self._orders.read_order(signed)
            left_s = (order.expires_us - self._cloud.portal_time_us()) / 1e6
            if left_s <= 0:
                raise TrustBroken("it came after its time")
            if order.order in self._seen:
                raise TrustBroken("it came before")
        except TrustBroken as error:
            log.warning("an order is not obeyed: %s", error)
            return
        self._seen[order.order] = None
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        task = asyncio.get_running_loop().create_task(self._answer(order, left_s, say))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(
        self, order: Order, left_s: float, say: Callable[[AgentMessage], Awaitable[None]]
    ) -> None:
        async def tell(answer: Answer) -> None:
            await say(OrderAnswer(order.order, answer.encode()))

        async def tell_progress(answer: Answer) -> None:
            try:
                await tell(answer)
            except ControlLost:
                log.info(
                    "the progress of an order is not told: the control socket is gone; its end is told later"
                )

        try:
            async with asyncio.timeout(left_s):
                await tell(await self._do(order, tell_progress))
        except (TimeoutError, ControlLost) as error:
            log.warning("an order was not answered in time: %s", error or "it took too long")

    async def _do(self, order: Order, tell: Callable[[Answer], Awaitable[None]]) -> Answer:
        match order.task:
            case UploadNow(camera, from_us, to_us):
                return Answer(TAKEN, await self._urge(camera, from_us, to_us))
            case TryAddress():
                return await self._try(order, order.task)
            case FindCameras():
                return await self._of_cameras.find(order.task, tell)
            case LookAt():
                return await self._of_cameras.look_at(order.task, tell)
            case SetCamera():
                return await self._of_cameras.set(order.task)
            case ChangePassword() | RestorePassword():
                return self._passwords.take(order.task)
            case LookAgain():
                return await self._of_cameras.look_again(order.task)
            case IssueCertificate():
                return self._certifying.take(order.task)
            case Steer():
                return await self._steering.steer(order.task, order.expires_us)

    async def _try(self, order: Order, task: TryAddress) -> Answer:
        if self._trying >= TRIED_AT_ONCE:
            return Answer("busy")
        self._trying += 1
        try:
            return await asyncio.to_thread(self._tried, order, task)
        finally:
            self._trying -= 1

    def _tried(self, order: Order, task: TryAddress) -> Answer:
        try:
            url = self._orders.open_tried(task)
            found = try_address(url, task.audio, interface=self._cloud.network.camera_interface)
        except (SealingError, ProtocolError) as error:
            log.warning("an address to be tried cannot be opened here (%s)", error.name)
            return Answer("unusable")
        except NoPicture as why:
            return Answer(why.cause, why.number, why.facts)
        try:
            sealed = seal_picture(order, found.facts.codec, found.configuration, found.picture)
        except ProtocolError as error:
            log.warning("the picture of a tried address is not sent along: %s", error)
            sealed = b""
        return Answer(PICTURE, facts=found.facts, sealed=sealed)
