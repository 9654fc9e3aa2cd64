"""Setting a camera by ONVIF: its encoders, its time server and time zone. What one of them lacks keeps no other from it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Final
from urllib.parse import urlsplit

from edge_agent.capture.rtsp import Address
from edge_agent.onvif.device import Device, Stream
from edge_agent.onvif.door import open_door
from edge_agent.onvif.errors import OnvifFailed
from protocol.finding import TIME, EncoderSetting, SetCamera

log = logging.getLogger(__name__)

SET_S: Final = 45.0


async def set_camera(
    task: SetCamera, source: str, accepted: frozenset[bytes] = frozenset()
) -> list[tuple[str, str]]:
    """(profile's token or TIME, "" or a cause) for each thing asked for. `source`: the address whose user and password
    count; `accepted`: as `open_door` takes it."""
    login = Address.of(source)
    wanted = [one.profile for one in task.encoders] + ([TIME] if task.ntp or task.time_zone else [])
    done: dict[str, str] = {}
    if login.host != (urlsplit(task.target.service).hostname or ""):
        return [(what, "forbidden-address") for what in wanted]
    cause = "timeout"
    try:
        async with (
            asyncio.timeout(SET_S),
            open_door(task.target.service, login.user, login.password, accepted) as door,
        ):
            await _set(Device(door), task, done)
    except OnvifFailed as failure:
        log.info("the camera at %s was not set: %s", login.host, failure)
        cause = failure.cause
    except TimeoutError:
        log.info("the camera at %s was not set in time", login.host)
    return [(what, done.get(what, cause)) for what in wanted]


async def _set(device: Device, task: SetCamera, done: dict[str, str]) -> None:
    """Raises OnvifFailed where nothing more can be set."""
    await device.prepare()
    await device.information()  # refuses a wrong password before anything is changed
    if task.ntp or task.time_zone:
        done[TIME] = await _tried(device, TIME, _time(device, task))
    await device.find_services()
    streams = {stream.token: stream for stream in await device.streams()}
    for setting in task.encoders:
        done[setting.profile] = await _tried(device, setting.profile, _encoder(device, streams, setting))


async def _tried(device: Device, what: str, work: Awaitable[None]) -> str:
    try:
        await work
    except OnvifFailed as failure:
        log.info("the camera at %s refused %s: %s", device.door.host, what, failure)
        return failure.cause
    return ""


async def _time(device: Device, task: SetCamera) -> None:
    if task.ntp:
        await device.follow(task.ntp)
    await device.set_time_zone(task.time_zone)


async def _encoder(device: Device, streams: dict[str, Stream], setting: EncoderSetting) -> None:
    stream = streams.get(setting.profile)
    if stream is None:
        raise OnvifFailed("unsupported", "the camera has no such profile")
    await device.set_encoder(stream.encoder, codec=setting.codec, kbit_s=setting.kbit_s, gop=setting.gop)
