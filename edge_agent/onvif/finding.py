"""Finding cameras: WS-Discovery and the probing of address ranges, put together by address."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from edge_agent.onvif.device import Device as Camera
from edge_agent.onvif.discovery import Answered, discover, interfaces
from edge_agent.onvif.door import open_door
from edge_agent.onvif.errors import OnvifFailed
from edge_agent.onvif.probing import Speaks, probe
from protocol.finding import DEVICES_MAX, OPEN_RTSP, Device, FindCameras, addresses_of

_ASKED_AT_ONCE: Final = 16
_PROBED_SHARE: Final = 80
"""Hundredths of a search after which every address was tried; then those that speak RTSP are asked for ONVIF."""

Tell = Callable[[int, list[Device]], Awaitable[None]]
"""Hears how many hundredths are done, and what was found so far."""


class Search:
    """One search. `known`: cameras of this agent by the host in their address."""

    def __init__(self, task: FindCameras, known: Mapping[str, UUID], tell: Tell) -> None:
        self._task, self._known, self._tell = task, known, tell
        self._found: dict[str, Device] = {}
        self._done = 0

    async def run(self) -> list[Device]:
        """Everything that was found, by address."""
        async with asyncio.TaskGroup() as group:
            if self._task.multicast:
                group.create_task(self._discover())
            group.create_task(self._probe(addresses_of(self._task.ranges)))
        await self._ask_for_onvif()
        return self._devices()

    def _devices(self) -> list[Device]:
        def order(device: Device) -> tuple[int, bytes]:
            address = ipaddress.ip_address(device.address)
            return address.version, address.packed

        return sorted(self._found.values(), key=order)[:DEVICES_MAX]

    async def _discover(self) -> None:
        for one in await discover(interfaces()):
            self._merge_answered(one)
        await self._tell(self._done, self._devices())

    def _merge_answered(self, one: Answered) -> None:
        before = self._found.get(one.address, self._new(one.address))
        self._found[one.address] = replace(before, service=one.service, name=one.name, model=one.model)

    async def _probe(self, addresses: Sequence[str]) -> None:
        steps = len(addresses) * len(self._task.ports)

        async def step(done: int, speaks: Speaks | None) -> None:
            self._done = done * _PROBED_SHARE // steps
            if speaks is not None:
                self._merge_speaks(speaks)
            await self._tell(self._done, self._devices())

        await probe(addresses, self._task.ports, step)

    def _merge_speaks(self, speaks: Speaks) -> None:
        before = self._found.get(speaks.address, self._new(speaks.address))
        findings = set(before.findings) | ({OPEN_RTSP} if speaks.open else set())
        self._found[speaks.address] = replace(
            before,
            rtsp_port=before.rtsp_port or speaks.port,
            name=before.name or speaks.server,
            findings=tuple(sorted(findings)),
        )

    def _new(self, address: str) -> Device:
        return Device(address, camera=self._known.get(address))

    async def _ask_for_onvif(self) -> None:
        gate = asyncio.Semaphore(_ASKED_AT_ONCE)

        async def one(device: Device) -> None:
            async with gate:
                service = await _service_at(device.address)
            if service:
                self._found[device.address] = replace(self._found[device.address], service=service)

        async with asyncio.TaskGroup() as group:
            for device in self._devices():
                if not device.service:
                    group.create_task(one(device))


async def _service_at(address: str) -> str:
    """The device service at the place where most cameras have it (ONVIF Core 5.1.1); "" where none answers."""
    host = f"[{address}]" if ":" in address else address
    for scheme in ("http", "https"):
        url = f"{scheme}://{host}/onvif/device_service"
        try:
            async with open_door(url) as door:
                await Camera(door).prepare()
        except OnvifFailed:
            continue  # an answer in itself: no ONVIF there
        return url
    return ""
