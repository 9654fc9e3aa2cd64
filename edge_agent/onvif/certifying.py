"""Giving a camera a certificate of the organisation's authority: a key made in the camera, its request signed by way of the
portal, the certificate put into the camera, and a look whether it shows it. A stop at any step leaves a camera that shows the
former certificate or the new one; the portal, which issued that, knows both.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import ssl
import time
import uuid
from typing import Final
from urllib.parse import unquote, urlsplit

from edge_agent.cloud import Cloud
from edge_agent.errors import PortalRefused, PortalUnreachable
from edge_agent.networks import towards_cameras
from edge_agent.onvif.device import Device
from edge_agent.onvif.door import Door, open_door
from edge_agent.onvif.errors import OnvifFailed
from edge_agent.onvif.events import service_of
from edge_agent.onvif.keystore import Keystore
from edge_agent.orders import Orders
from protocol.camera_certificate import (
    NOT_SIGNED,
    OTHER_SHOWN,
    PATH,
    CertificateEnd,
    CertificateRequest,
    IssueCertificate,
    Issued,
)
from protocol.errors import ProtocolError
from protocol.order import TAKEN, Answer
from sealing.errors import SealingError

log = logging.getLogger(__name__)

WHOLE_S: Final = 240.0
SHOWN_S: Final = 30.0
"""How long a camera may take to show the certificate it was given: many restart their server."""
_LOOK_AGAIN_S: Final = 1.0


class Certifying:
    """Used from the event loop. One change per camera at a time."""

    def __init__(self, orders: Orders, cloud: Cloud) -> None:
        self._orders, self._cloud = orders, cloud
        self._tasks: dict[uuid.UUID, asyncio.Task[None]] = {}

    def take(self, task: IssueCertificate) -> Answer:
        """Begin; how it ends is told to the portal."""
        if task.camera in self._tasks:
            return Answer("busy")
        work = asyncio.get_running_loop().create_task(self._carry_out(task))
        self._tasks[task.camera] = work
        work.add_done_callback(lambda _: self._tasks.pop(task.camera, None))
        return Answer(TAKEN)

    async def _carry_out(self, task: IssueCertificate) -> None:
        """Never raises for what the camera does."""
        cause = ""
        try:
            async with asyncio.timeout(WHOLE_S):
                await self._issue(task)
        except OnvifFailed as failure:
            cause = failure.cause
            log.warning("camera %s gets no certificate: %s", task.camera, failure)
        except TimeoutError:
            cause = "timeout"
        except Exception as error:  # noqa: BLE001 a stranger's camera stops nothing else
            # Its kind alone: its text may quote what the camera said, or a login.
            log.error("a camera gets no certificate: unexpected %s", type(error).__name__)
            cause = "unusable"
        try:
            await self._cloud.post_cbor(PATH, CertificateEnd(task.change, cause).encode())
        except (PortalUnreachable, PortalRefused) as error:
            # It sees by itself which certificate the camera shows.
            log.info("the end of a camera's certificate is not told: %s", error)

    async def _issue(self, task: IssueCertificate) -> None:
        source = next((one.source_main for one in self._orders.cameras() if one.camera == task.camera), None)
        if source is None:
            raise OnvifFailed("unusable", "its address cannot be opened here")
        parts = urlsplit(source)
        url = service_of(parts.hostname or "", task.service)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        async with open_door(url, user, password, self._orders.accepted(source)) as door:
            device = Device(door)
            await device.prepare()
            await device.find_services()
            store = Keystore(device)
            former = (await store.assigned())[:1]
            alias = f"vsaas-{task.change.hex[:12]}"
            key = await store.make_key(alias)
            try:
                issued = await self._signed(task, door.host, await store.request(key, door.host))
                path = await store.make_path(await store.upload(issued.certificate, alias), alias)
            except OnvifFailed:
                await store.forget_key(key)
                raise
            shown = hashlib.sha256(issued.certificate).digest()
            door.accept(shown)
            await store.assign(path, former[0] if former else None)
            port = await device.enable_https()
            await _await_shown(door, port, shown)
            for one in former:
                await store.forget_path(one)

    async def _signed(self, task: IssueCertificate, host: str, request: bytes) -> Issued:
        message = CertificateRequest(task.change, host, request)
        try:
            return Issued.decode(await self._cloud.post_cbor(PATH, message.encode()))
        except (PortalUnreachable, PortalRefused, ProtocolError, SealingError) as error:
            raise OnvifFailed(NOT_SIGNED, f"the portal did not sign: {error}") from error


async def _await_shown(door: Door, port: int, expected: bytes) -> None:
    """Raises OnvifFailed `other-certificate`, or why nothing answers in TLS."""
    ends_s = time.monotonic() + SHOWN_S
    while True:
        try:
            shown = await _shown(door.address, port)
            failure = OnvifFailed(OTHER_SHOWN, "the camera shows another certificate than it was given")
            if shown == expected:
                return
        except (OSError, TimeoutError):
            failure = OnvifFailed("tls", "the camera does not answer in TLS")
        if time.monotonic() >= ends_s:
            raise failure
        await asyncio.sleep(_LOOK_AGAIN_S)


async def _shown(address: str, port: int) -> bytes:
    """SHA-256 of the certificate whatever listens there shows. Raises OSError or TimeoutError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with towards_cameras():
        async with asyncio.timeout(10):
            _reader, writer = await asyncio.open_connection(address, port, ssl=context)
    try:
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return hashlib.sha256(certificate or b"").digest()
    finally:
        writer.close()
