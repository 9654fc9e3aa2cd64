"""The agent's half against the real portal and hub over real sockets: enrolled, ordered, heard, watched, revoked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import uuid
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from av import CodecContext, Packet
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.db import connections
from django.test import Client
from websockets.asyncio.client import connect

from edge_agent.__main__ import main
from edge_agent.asked import Asked
from edge_agent.clock import SystemClock
from edge_agent.cloud import Cloud
from edge_agent.control import Control
from edge_agent.errors import PortalRefused
from edge_agent.health import Health
from edge_agent.identity import Identity
from edge_agent.orders import Orders
from edge_agent.passwords.changing import Passwords
from edge_agent.passwords.ways import load_ways
from edge_agent.publishing import Publishing
from edge_agent.spool import Spool
from protocol import b64
from protocol.order import picture_info
from sealing.canonical import decode_canonical
from sealing.ids import EnvelopePurpose, Rendition, Stream, box_kid
from sealing.keys import EnvelopeInfo, LiveScope, PeriodKey, Release, open_envelope, parse_envelope
from sealing.live import LivePlayer, OpenedFragment, OpenedInit, Publish
from tenants.access import actor_of
from tenants.scope import tenant_scope
from tests import environment
from tests.boxes import make_code, make_keys
from tests.cast import Cast, sign_in
from tests.edge_agent.hub import a_moment, until
from tests.edge_agent.test_health import Facts
from tests.edge_agent.test_live import Camera
from tests.services import ROOT, _listens
from vsaas.agents.models import Agent, AgentHealth
from vsaas.agents.revocation import revoke
from vsaas.audit.models import AuditInbox
from vsaas.audit.services import system
from vsaas.cameras.addresses import split_credentials
from vsaas.cameras.models import PasswordChange, PasswordRun
from vsaas.cameras.passwords import begin, reveal, set_way
from vsaas.cameras.services import CameraChange, NewCamera, camera_add, camera_update, cameras_of_agent
from vsaas.onebox.demo_camera import DemoCameraConfig, demo_camera_thread
from vsaas.onebox.demo_camera.onvif import onvif_camera
from vsaas.onebox.processes import Program

pytestmark = pytest.mark.real_time

SOURCE = "rtsp://viewer:s3cret@10.0.0.7:554/stream"
T = TypeVar("T")


@dataclass(frozen=True)
class Served:
    """Portal and hub of the test's database, each in a process of its own."""

    portal: str
    hub: str


@pytest.fixture(scope="module")
def served(database: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    ports = environment.free_port(), environment.free_port()
    served = Served(f"http://127.0.0.1:{ports[0]}", f"ws://127.0.0.1:{ports[1]}")
    env = os.environ | {"VSAAS_PUBLIC_URL": served.portal, "VSAAS_LIVE_URL": served.hub}
    folder = tmp_path_factory.mktemp("served")
    uvicorn = [sys.executable, "-m", "uvicorn", "--log-level", "warning", "--app-dir", str(ROOT)]
    programs = [
        Program(
            "portal",
            [*uvicorn, "vsaas.asgi:application", "--ws", "none", "--port", str(ports[0])],
            env=env,
            log=folder / "portal.log",
        ),
        Program(
            "hub",
            [
                *(*uvicorn, "vsaas.live.asgi:application", "--port", str(ports[1])),
                *("--ws", "websockets-sansio", "--ws-per-message-deflate", "false"),
            ],
            env=env,
            log=folder / "hub.log",
        ),
    ]
    try:
        for program, port in zip(programs, ports, strict=True):
            program.start()
            program.wait_ready(lambda port=port: _listens(f"127.0.0.1:{port}"), 60)
        yield served
    finally:
        for program in programs:
            program.stop()


@pytest.fixture
def box(cast: Cast, served: Served, tmp_path: Path) -> Identity:
    """A box enrolled through the command line with a code of tenant A."""
    make_keys(cast.tenant_a)
    code = make_code(cast.tenant_a, cast.site_a)
    assert main(["enrol", served.portal, code.text, "--state", str(tmp_path / "box"), "--name", "Gate"]) == 0
    return Identity.load(tmp_path / "box")


async def in_portal(work: Callable[[], T]) -> T:
    """Do something in the portal's database, apart from the event loop."""

    def apart() -> T:
        try:
            return work()
        finally:
            connections.close_all()

    return await asyncio.to_thread(apart)


class Running:
    """The agent's parts beside recording, at work."""

    def __init__(self, box: Identity, cloud: Cloud, facts: Facts) -> None:
        self.cloud, self.camera = cloud, Camera()
        self.orders = Orders.load(box)
        self.publishing = Publishing(
            box, self.orders, cloud, SystemClock(), lambda camera, stream: self.camera
        )
        self.urged: list[tuple[uuid.UUID, int, int]] = []
        self.passwords = Passwords(box, self.orders, load_ways(""))
        asked = Asked(self.orders, cloud, self.urge, self.passwords)
        self.control = Control(cloud, self.orders, self.publishing, lambda: None, asked)
        self.health = Health(box, self.orders, cloud, SystemClock(), facts, lambda: self.control.connected)

    async def urge(self, camera: uuid.UUID, from_us: int, to_us: int) -> int:
        self.urged.append((camera, from_us, to_us))
        return 3

    async def during(self, work: Callable[[Running], Coroutine[Any, Any, None]]) -> None:
        async with asyncio.timeout(60):
            work_of = (self.control.run(), self.health.run(), self.passwords.run(self.cloud))
            jobs = [asyncio.create_task(job) for job in work_of]
            try:
                await until(lambda: self.control.connected)
                await work(self)
            finally:
                await self.publishing.close()
                for job in jobs:
                    job.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.gather(*jobs)


def run(box: Identity, work: Callable[[Running], Coroutine[Any, Any, None]]) -> None:
    """Run the agent's parts while `work` looks at them."""

    async def all_of_it() -> None:
        spool = Spool(box.state / "spool", budget_bytes=1_000_000_000, floor_bytes=0)
        try:
            async with Cloud(box) as cloud:
                await Running(box, cloud, Facts(spool)).during(work)
        finally:
            spool.close()

    asyncio.run(all_of_it())


def add_camera(cast: Cast, box: Identity) -> uuid.UUID:
    with tenant_scope(cast.tenant_a.id):
        agent = Agent.objects.get(id=box.agent)
        return camera_add(agent, NewCamera("Door", SOURCE, audio=False), system("tests")).id


def test_the_portal_hears_the_box_and_the_box_its_orders(cast: Cast, box: Identity) -> None:
    async def look(running: Running) -> None:
        def heard() -> AgentHealth | None:
            with tenant_scope(cast.tenant_a.id):
                return AgentHealth.objects.filter(agent_id=box.agent).first()

        health = None
        while health is None:
            await a_moment()
            health = await in_portal(heard)
        assert health.instance == box.instance
        camera = await in_portal(lambda: add_camera(cast, box))
        await until(lambda: running.orders.cameras())
        (setup,) = running.orders.cameras()
        assert (setup.camera, setup.name, setup.source_main) == (camera, "Door", SOURCE)

        def switch_off() -> None:
            with tenant_scope(cast.tenant_a.id):
                (found,) = cameras_of_agent(box.agent).values()
                camera_update(found, CameraChange(enabled=False), system("tests"))

        number = running.orders.command_number
        await in_portal(switch_off)
        await until(lambda: running.orders.command_number > number)
        assert not running.orders.cameras()[0].enabled
        await running.orders.refresh(running.cloud)
        assert running.orders.alarms == ()

    run(box, look)
    assert len(Orders.load(box).cameras()) == 1


def test_the_portal_has_a_cameras_password_changed_and_knows_it_then(cast: Cast, box: Identity) -> None:
    with onvif_camera() as device:

        def begin_run() -> PasswordRun:
            with tenant_scope(cast.tenant_a.id):
                agent = Agent.objects.get(id=box.agent)
                source = "rtsp://operator:correct%20horse@127.0.0.1:9/main"
                camera = camera_add(agent, NewCamera("Door", source), system("tests"))
                set_way(camera, system("tests"), service=device.url, way="onvif")
                return begin([camera], "Door", system("tests"))

        def ended(run: PasswordRun) -> PasswordChange | None:
            with tenant_scope(cast.tenant_a.id):
                rows = PasswordChange.objects.filter(run=run, ended_at__isnull=False)
                return rows.select_related("camera").first()

        def seen(change: PasswordChange) -> str:
            with tenant_scope(cast.tenant_a.id):
                return reveal(change.camera, actor_of(cast.alice))

        async def look(running: Running) -> None:
            run = await in_portal(begin_run)
            change = None
            while change is None:
                await a_moment()
                change = await in_portal(lambda: ended(run))
            assert (change.state, change.cause) == ("done", "")
            new = device.users["operator"][0]
            assert new != "correct horse"
            assert await in_portal(lambda: seen(change)) == new
            expected = f"rtsp://operator:{new}@127.0.0.1:9/main"
            await until(lambda: [one.source_main for one in running.orders.stored()] == [expected])

        run(box, look)


class Watcher:
    """A browser's side of the hub, in Python."""

    def __init__(self, reply: dict[str, Any], private: X25519PrivateKey, record_public: bytes) -> None:
        self.reply, self.private = reply, private
        self.record_public = record_public
        self.player: LivePlayer | None = None
        self.opened: list[OpenedFragment] = []
        self.words: list[str] = []

    def take(self, frame: bytes) -> None:
        message = decode_canonical(frame, 8 << 20)
        assert isinstance(message, list)
        if message[0] == 10:
            self._take_keys(message)
        elif message[0] == 11:
            assert isinstance(message[1], str)
            self.words.append(message[1])
        else:
            assert self.player is not None
            took = self.player.receive(frame)
            if isinstance(took, OpenedInit):
                assert took.data is not None
            if isinstance(took, OpenedFragment):
                assert took.data is not None
                self.opened.append(took)

    def _take_keys(self, message: list[Any]) -> None:
        _, publish, camera, stream, _agent, record_public, rows = message
        assert record_public == self.record_public
        tenant, camera = uuid.UUID(self.reply["tenant"]), uuid.UUID(bytes=camera)
        if self.player is None:
            self.player = LivePlayer(Publish(tenant, camera, Stream(stream), publish), self.record_public)
        for rendition, key_id, envelope in rows:
            info, _ = parse_envelope(envelope)
            assert info.release is not None
            release = Release(
                b64.decode(self.reply["session"]), uuid.UUID(self.reply["account"]), info.release.expires_us
            )
            expected = EnvelopeInfo(
                EnvelopePurpose.RELEASE,
                tenant,
                LiveScope(camera, Stream(stream), Rendition(rendition), publish),
                key_id,
                box_kid(self.private.public_key().public_bytes_raw()),
                0,
                release,
            )
            key = open_envelope(envelope, expected, self.private.private_bytes_raw())
            self.player.add_key(PeriodKey(key_id, key))


def test_a_signed_in_person_opens_what_the_box_seals(cast: Cast, box: Identity, served: Served) -> None:
    camera = add_camera(cast, box)
    browser = sign_in(cast.alice)
    private = X25519PrivateKey.generate()

    def ticket() -> dict[str, Any]:
        reply = browser.post(
            "/api/v1/live",
            json.dumps(
                {
                    "camera": str(camera),
                    "stream": "main",
                    "hpke_public": b64.encode(private.public_key().public_bytes_raw()),
                }
            ),
            content_type="application/json",
            headers={"VSaaS-Tenant": cast.tenant_a.slug, "Accept": "application/json"},
        )
        assert reply.status_code == 200, reply.content
        answer: dict[str, Any] = reply.json()
        return answer

    async def watch(running: Running) -> None:
        await until(lambda: running.orders.cameras())
        running.camera.begin()
        running.camera.show(5)
        watcher = Watcher(await in_portal(ticket), private, box.keys.record_public)
        async with connect(f"{served.hub}/live", origin=served.portal, compression=None) as socket:  # type: ignore[arg-type]
            await socket.send(json.dumps({"ticket": watcher.reply["ticket"]}))

            async def take_all() -> None:
                async for frame in socket:
                    assert isinstance(frame, bytes)
                    watcher.take(frame)

            taking = asyncio.create_task(take_all())
            while len(watcher.opened) < 5 or watcher.player is None or watcher.player.proven_through is None:
                assert not taking.done(), taking
                running.camera.show(1)
                await a_moment()
            taking.cancel()
        assert watcher.opened[0].sync
        assert running.publishing.count == 1
        await until(lambda: running.publishing.count == 0, seconds=30)

    run(box, watch)


def test_a_revoked_box_is_let_in_no_more(cast: Cast, box: Identity) -> None:
    async def look(running: Running) -> None:
        def end() -> None:
            with tenant_scope(cast.tenant_a.id, keys=True):
                revoke(Agent.objects.get(id=box.agent), system("tests"))

        await in_portal(end)
        await until(lambda: not running.control.connected)
        with pytest.raises(PortalRefused) as refused:
            await running.orders.refresh(running.cloud)
        assert (refused.value.status, refused.value.name) == (401, "unknown-agent")
        assert "enrol it with a new code" in str(refused.value)

    run(box, look)


def _send(browser: Client, cast: Cast, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    headers = {"VSaaS-Tenant": cast.tenant_a.slug, "Accept": "application/json"}
    if body is None:
        reply = browser.get(f"/api/v1/{path}", headers=headers)
    else:
        reply = browser.post(
            f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers=headers
        )
    return reply.status_code, reply.json()


def test_an_address_is_tried_by_the_box_and_its_picture_opens_for_the_asking_browser_alone(
    cast: Cast, box: Identity
) -> None:
    browser = sign_in(cast.alice)
    private = X25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()

    def begin(url: str, password: str = "") -> tuple[int, Any]:
        body = {"agent": str(box.agent), "url": url, "password": password, "hpke_public": b64.encode(public)}
        return _send(browser, cast, "camera-tests", body)

    async def result(url: str, password: str = "") -> Any:
        status, test = await in_portal(lambda: begin(url, password))
        assert status == 202, test
        async with asyncio.timeout(40):
            while test["state"] == "waiting":
                await a_moment()
                _, test = await in_portal(partial(_send, browser, cast, f"camera-tests/{test['id']}"))
        return test

    status, offline = begin("rtsp://127.0.0.1:9/main")
    assert (status, offline["type"].rpartition(":")[2]) == (409, "agent-offline")

    async def look(running: Running) -> None:
        with demo_camera_thread(DemoCameraConfig()) as camera:
            address, _user, _password = split_credentials(camera.url("sub"))
            good = camera.url("sub")
            shown = await result(good)
            assert shown["state"] == "picture", shown
            facts = shown["facts"]
            assert facts["codec"].startswith("avc1.")
            assert facts["width"] > 100
            assert facts["frames_per_s"] > 1
            sealed = b64.decode(shown["sealed"])
            info = picture_info(cast.tenant_a.id, box.agent, uuid.UUID(shown["id"]), public)
            suite = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
            codec, configuration, picture = decode_canonical(suite.decrypt(sealed, private, info), 1_000_000)
            decoder = CodecContext.create("h264", "r")
            decoder.extradata = configuration
            (frame,) = [*decoder.decode(Packet(picture)), *decoder.decode(None)]
            assert (frame.width, frame.height) == (facts["width"], facts["height"])
            assert codec == facts["codec"]
            with pytest.raises(InvalidTag):
                suite.decrypt(sealed, X25519PrivateKey.generate(), info)
            wrong = await result(address, "wrong")
            assert (wrong["state"], wrong["cause"]) == ("no-picture", "credentials")
            assert wrong["next_step"]
            lost = await result(good.rpartition("/")[0] + "/nothing-here")
            assert lost["cause"] == "no-path"
        assert (await result(good))["cause"] == "refused"
        assert (await result("rtsp://camera.invalid/main"))["cause"] == "unknown-name"
        assert (await result(served_http(box)))["cause"] == "not-rtsp"

    run(box, look)
    with tenant_scope(cast.tenant_a.id):
        written = [str(row.details) for row in AuditInbox.objects.filter(act="camera.address-tried")]
    assert written
    assert not any("127.0.0.1" in text for text in written)


def served_http(box: Identity) -> str:
    """The portal's own port, where no camera answers."""
    return "rtsp://" + box.portal.removeprefix("http://") + "/main"


def test_a_stretch_asked_for_reaches_the_box(cast: Cast, box: Identity) -> None:
    camera = add_camera(cast, box)
    browser = sign_in(cast.alice)
    path = f"cameras/{camera}/uploads"

    async def look(running: Running) -> None:
        span = {"from_us": 1_000_000, "to_us": 61_000_000}
        status, asked = await in_portal(lambda: _send(browser, cast, path, span))
        assert status == 202, asked
        said = asked
        async with asyncio.timeout(20):
            while said["segments"] is None:
                await a_moment()
                _, said = await in_portal(lambda: _send(browser, cast, f"{path}/{asked['id']}"))
        assert (said["segments"], running.urged) == (3, [(camera, 1_000_000, 61_000_000)])
        status, problem = await in_portal(
            lambda: _send(browser, cast, path, span | {"to_us": 4 * 3600 * 1_000_000})
        )
        assert (status, problem["errors"][0]["field"]) == (422, "to_us")

    run(box, look)


def test_a_search_and_a_look_reach_the_box_and_come_back(cast: Cast, box: Identity) -> None:
    alice = sign_in(cast.alice)

    def ask(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        reply = alice.generic(
            method,
            f"/api/v1/{path}",
            json.dumps(body).encode() if body else b"",
            content_type="application/json",
            headers={"VSaaS-Tenant": cast.tenant_a.slug, "Accept": "application/json"},
        )
        assert reply.status_code in (200, 202), reply.content
        return reply.json()

    async def ended(kind: str, body: dict[str, Any]) -> Any:
        told = await in_portal(lambda: ask("POST", kind, body))
        while told["state"] in ("waiting", "working"):
            await a_moment()
            told = await in_portal(partial(ask, "GET", f"{kind}/{told['id']}"))
        return told

    async def look(running: Running) -> None:
        agent = str(box.agent)
        with demo_camera_thread(DemoCameraConfig()) as streams:
            port = int(streams.url("main").rpartition(":")[2].partition("/")[0])
            fields = {"agent": agent, "multicast": False, "ranges": ["127.0.0.1"], "ports": [port]}
            search = await ended("camera-searches", fields)
            assert [(one["address"], one["rtsp_port"]) for one in search["devices"]] == [("127.0.0.1", port)]
        with onvif_camera() as camera:
            wanted = {"service": camera.url, "user": "operator", "password": "correct horse"}
            told = await ended("camera-looks", {"agent": agent, "cameras": [wanted]})
        assert [one["model"] for one in told["cameras"]] == ["Dome 4"]

    run(box, look)
