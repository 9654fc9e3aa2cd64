"""Looking at cameras somebody chose: what they are, their streams, and what is not safe about them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final
from urllib.parse import quote, urlsplit

from edge_agent.capture.rtsp import Address
from edge_agent.onvif.device import EVENTS, PTZ, Device, Stream
from edge_agent.onvif.door import Door, open_door
from edge_agent.onvif.errors import OnvifFailed
from edge_agent.onvif.factory import FactoryPasswords
from edge_agent.onvif.probing import speaks
from edge_agent.onvif.ptz import Ptz
from protocol.camera_source import check_url
from protocol.errors import ProtocolError
from protocol.finding import (
    CLOCK_WRONG,
    FACTORY_LOGIN,
    OLD_TLS,
    OPEN_ONVIF,
    OPEN_RTSP,
    PLAIN_HTTP,
    Looked,
    Profile,
    Target,
)
from sealing.ids import Stream as StreamKind

log = logging.getLogger(__name__)

LOOK_S: Final = 45.0

Seal = Callable[[StreamKind, str], bytes]
"""Seals an address with its credentials to this agent, for the target's scope and a stream."""


async def look(
    target: Target,
    source: str,
    seal: Seal,
    factory: FactoryPasswords | None,
    accepted: frozenset[bytes] = frozenset(),
) -> Looked:
    """How one camera is. `source`: the address whose user and password count; `accepted`: as `open_door` takes it.

    Never raises for what the camera does.
    """
    login = Address.of(source)
    blank = Looked(target.scope)
    if login.host != (urlsplit(target.service).hostname or ""):
        return replace(blank, cause="forbidden-address")
    try:
        async with (
            asyncio.timeout(LOOK_S),
            open_door(target.service, login.user, login.password, accepted) as door,
        ):
            return await _Look(door, blank, seal).run(factory, target.said)
    except OnvifFailed as failure:
        log.info("the camera at %s was not looked at: %s", login.host, failure)
        return replace(blank, cause=failure.cause)
    except TimeoutError:
        return replace(blank, cause="timeout")


class _Look:
    def __init__(self, door: Door, blank: Looked, seal: Seal) -> None:
        self._door, self._blank, self._seal = door, blank, seal
        self._device = Device(door)
        self._findings: set[str] = set()

    async def run(self, factory: FactoryPasswords | None, said: str) -> Looked:
        device = self._device
        await device.prepare()
        if device.clock_is_wrong:
            self._findings.add(CLOCK_WRONG)
        if self._door.scheme == "http":
            self._findings.add(PLAIN_HTTP)
        await self._is_open()
        try:
            told = await self._told()
        except OnvifFailed as failure:
            log.info("the camera at %s tells no more: %s", self._door.host, failure)
            told = replace(self._blank, cause=failure.cause)
        # A camera that has just refused a password is not shown another one: that may lock it.
        refused = told.cause in ("credentials", "locked") and self._door.user != ""
        if factory is not None and not refused and await factory.opens(device, f"{told.make} {said}"):
            self._findings.add(FACTORY_LOGIN)
        return replace(told, findings=self._sorted())

    def _sorted(self) -> tuple[str, ...]:
        if self._door.old_tls:
            self._findings.add(OLD_TLS)
        return tuple(sorted(self._findings))

    async def _is_open(self) -> None:
        """Whether it tells what it is to somebody without a password. An answer of another kind than "no" is no finding."""
        try:
            await self._device.information(signed=False)
        except OnvifFailed as failure:
            if failure.cause not in ("credentials", "refused-setting", "unsupported", "not-onvif", "locked"):
                raise
        else:
            self._findings.add(OPEN_ONVIF)

    async def _told(self) -> Looked:
        device = self._device
        information = await device.information()
        await device.find_services()
        streams = await device.streams()
        if streams and await self._stream_is_open(streams[0]):
            self._findings.add(OPEN_RTSP)
        steers = await Ptz(device).steers() if device.offers(PTZ) else ()
        return replace(
            self._blank,
            cause="" if streams else "no-video",
            make=information.make,
            model=information.model,
            firmware=information.firmware,
            serial=information.serial,
            time_zone=device.time_zone,
            ptz=bool(steers),
            events=device.offers(EVENTS),
            snapshot=await self._has_snapshot(streams),
            profiles=tuple(self._profile(stream) for stream in streams),
            services=device.services,
            scopes=await device.scopes(),
            steers=steers,
        )

    async def _has_snapshot(self, streams: list[Stream]) -> bool:
        try:
            return bool(streams) and bool(await self._device.snapshot_uri(streams[0].token))
        except OnvifFailed:
            return False

    async def _stream_is_open(self, stream: Stream) -> bool:
        parts = urlsplit(stream.uri)
        if parts.scheme != "rtsp":
            return False
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        found = await speaks(self._door.address, parts.port or 554, path)
        return found is not None and found.open

    def _profile(self, stream: Stream) -> Profile:
        scheme, _, rest = stream.uri.partition("://")
        user, password = quote(self._door.user, safe=""), quote(self._door.password, safe="")
        url = f"{scheme}://{user}:{password}@{rest}" if user else stream.uri
        main = sub = b""
        try:
            check_url(url)
        except ProtocolError as error:
            log.warning("a stream of the camera at %s cannot be used: %s", self._door.host, error.detail)
        else:
            main, sub = self._seal(StreamKind.MAIN, url), self._seal(StreamKind.SUB, url)
        return Profile(
            stream.token,
            stream.name,
            stream.codec,
            stream.width,
            stream.height,
            stream.rate,
            stream.kbit_s,
            stream.gop,
            scheme == "rtsps",
            main,
            sub,
        )
