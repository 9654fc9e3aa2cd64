"""Passwords of cameras: made on the box, set by ONVIF or a plug-in, and after a power cut at any point one is known and works."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from edge_agent.capture.rtsp import Address
from edge_agent.cloud import Cloud
from edge_agent.keys import BoxKeys
from edge_agent.passwords import journal, rules
from edge_agent.passwords.changing import Passwords
from edge_agent.passwords.stream_login import stream_takes
from edge_agent.passwords.ways import Login, OnvifWay, load_ways
from edge_agent.settings import BadSetting
from protocol.camera_source import seal_source
from protocol.command import CameraOrder
from protocol.errors import ProtocolError
from protocol.order import Answer, Order
from protocol.passwords import (
    ChangePassword,
    PasswordReport,
    RestorePassword,
    open_password,
    seal_password,
)
from sealing.canonical import encode_canonical
from sealing.errors import SealingError
from sealing.ids import Stream
from tests.edge_agent.box import wait_for
from tests.edge_agent.camera_front import listening
from tests.edge_agent.enrolled import EnrolledBox, enrolled_box
from tests.edge_agent.process import ROOT, agent_process
from tests.edge_agent.tiny_portal import Reply, Request, TinyPortal
from vsaas.onebox.demo_camera.onvif import LOCKED_AFTER, OnvifCamera, onvif_camera

USER, PASSWORD = "operator", "correct horse"


class Place:
    """A box with two channels of one device, and its portal, which takes reports as the real one does."""

    def __init__(
        self, folder: Path, portal: TinyPortal, rtsp_port: int = 554, password: str = PASSWORD
    ) -> None:
        self.box: EnrolledBox = enrolled_box(folder / "box", portal.url, portal.live_url)
        portal.accepts(self.box.identity.keys.transport_public)
        self.reports: list[PasswordReport] = []
        self.number = 1
        url = f"rtsp://{USER}:{quote(password)}@127.0.0.1:{rtsp_port}/main"
        self.cameras = [self._order(uuid.uuid4(), url) for _ in range(2)]
        self._number()
        portal.routes["POST /agent/v1/passwords"] = self._take
        portal.states(self.box.organisation, lambda: self.command)
        orders = self.box.orders()
        orders.offer_command(self.command)

    def _order(self, camera: uuid.UUID, url: str) -> CameraOrder:
        public = self.box.identity.keys.box_public
        main, sub = (
            seal_source(self.box.organisation.tenant, camera, stream, url, public)
            for stream in (Stream.MAIN, Stream.SUB)
        )
        return CameraOrder(camera, "gate", True, main, sub, True)

    def _number(self) -> None:
        self.number += 1
        self.command = self.box.organisation.command(self.number, tuple(self.cameras))

    def _take(self, request: Request) -> Reply:
        report = PasswordReport.decode(request.body)
        self.reports.append(report)
        by_id = {one.camera: one for one in report.cameras if one.main}
        if by_id and not report.cause:
            self.cameras = [
                replace(one, source_main=by_id[one.camera].main, source_sub=by_id[one.camera].sub)
                for one in self.cameras
            ]
            self._number()
        return Reply(200, encode_canonical([1]), "application/cbor")

    def revealed(self, report: PasswordReport) -> str:
        """The password as whoever holds the tenant's key reads it."""
        one = report.cameras[0]
        private = self.box.organisation.recipient_private.private_bytes_raw()
        return open_password(self.box.organisation.tenant, one.camera, report.change, one.password, private)


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyPortal]:
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)  # no certificates to read anew for each client
    with TinyPortal().serving() as portal:
        yield portal


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 another thread brings it about
        await asyncio.sleep(0.01)


async def carried_out(
    place: Place, *tasks: ChangePassword | RestorePassword, ways: str = ""
) -> tuple[Passwords, list[str]]:
    """The tasks done and told; the passwords the box records with afterwards."""
    orders = place.box.orders()
    passwords = Passwords(place.box.identity, orders, load_ways(ways))
    async with Cloud(place.box.identity) as cloud, asyncio.timeout(40):
        work = asyncio.create_task(passwords.run(cloud))
        for task in tasks:
            assert passwords.take(task) == passwords.take(task) == Answer("taken")
        while passwords._journal.all():
            await orders.refresh(cloud)
            passwords._wake.set()
            await asyncio.sleep(0.01)
        work.cancel()
    sources = [url for one in orders.cameras() for url in (one.source_main, one.source_sub) if url]
    return passwords, [Address.of(url).password for url in sources]


@contextmanager
def stream_door(users: dict[str, tuple[str, str]], tried: list[str] | None = None) -> Iterator[int]:
    """An RTSP server that describes its stream to whoever knows a user's password. `tried`: the passwords it was shown."""

    def handle(connection: Any) -> None:
        file = connection.makefile("rwb")
        while head := b"".join(iter(lambda: file.readline(), b"\r\n")):
            said = re.search(rb"Authorization: Basic (\S+)", head)
            user, _, password = base64.b64decode(said[1]).decode().partition(":") if said else ("", "", "")
            if tried is not None and password:
                tried.append(password)
            number = re.search(rb"CSeq: (\d+)", head)
            assert number is not None
            right = user in users and users[user][0] == password
            status = "200 OK" if right else '401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"'
            file.write(f"RTSP/1.0 {status}\r\nCSeq: {number[1].decode()}\r\n\r\n".encode())
            file.flush()

    with listening(handle) as port:
        yield port


async def test_a_new_password_is_set_tried_and_reported_for_all_channels_of_a_device(
    portal: TinyPortal, tmp_path: Path
) -> None:
    with onvif_camera() as camera, stream_door(camera.users) as port:
        place = Place(tmp_path, portal, port)
        change = ChangePassword(uuid.uuid4(), place.cameras[0].camera, camera.url)
        _passwords, used = await carried_out(place, change)
        new = camera.users[USER][0]
        assert used == [new] * 4
        assert camera.users[USER][1] == "Administrator"
        assert camera.wrong == {}
    (report,) = place.reports
    assert (report.change, report.cause, len(report.cameras)) == (change.change, "", 2)
    assert place.revealed(report) == new
    assert new != PASSWORD
    assert len(new) == 20
    left = [path.name for path in (place.box.state / journal.FOLDER).iterdir()]
    assert sorted(left) == ["former", "over"], "what is told is not kept"


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        ({"users": {USER: ("another", "Administrator")}}, "credentials"),
        ({"way": "nobody-knows"}, "unknown-way"),
        ({"camera": uuid.uuid4()}, "unknown-camera"),
        ({"service": "http://127.0.0.1:9/onvif/device_service"}, "refused"),
        ({"service": "http://localhost:9/onvif/device_service"}, "forbidden-address"),
        ({"service": "http://localhost:9/", "way": "clumsy"}, "forbidden-address"),
    ],
)
async def test_what_cannot_be_changed_stays_and_says_why(
    portal: TinyPortal, tmp_path: Path, given: dict[str, Any], cause: str
) -> None:
    place = Place(tmp_path, portal)
    with onvif_camera(OnvifCamera(**{"users": given.pop("users")} if "users" in given else {})) as camera:
        before = dict(camera.users)
        change = ChangePassword(uuid.uuid4(), place.cameras[0].camera, camera.url)
        ways = "clumsy=tests.edge_agent.test_passwords:Clumsy"
        _passwords, used = await carried_out(place, replace(change, **given), ways=ways)
        assert camera.users == before
        assert sum(camera.wrong.values()) <= 1
    assert [report.cause for report in place.reports] == [cause]
    assert used == [PASSWORD] * 4


async def test_a_camera_that_refuses_signs_gets_a_simpler_password(
    portal: TinyPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path, portal)
    monkeypatch.setattr(rules, "SIGNS", "!")
    monkeypatch.setattr(rules.Rules, "__init__", _long_rules)
    with onvif_camera() as camera:
        await carried_out(place, ChangePassword(uuid.uuid4(), place.cameras[0].camera, camera.url))
        assert re.fullmatch(r"[A-Za-z0-9]{16}", camera.users[USER][0])
    assert [report.cause for report in place.reports] == [""]


async def test_a_password_that_was_set_though_the_camera_answered_a_fault_is_known(
    portal: TinyPortal, tmp_path: Path
) -> None:
    place = Place(tmp_path, portal)
    with onvif_camera(OnvifCamera(faults_after_setting=True)) as camera:
        change = ChangePassword(uuid.uuid4(), place.cameras[0].camera, camera.url)
        _passwords, used = await carried_out(place, change)
        assert used == [camera.users[USER][0]] * 4 != [PASSWORD] * 4
        assert camera.asked.count("SetUser") == 1
    (report,) = place.reports
    assert (report.cause, place.revealed(report)) == ("", used[0])


def _long_rules(
    self: rules.Rules, length: int = 40, kinds: tuple[str, ...] = (rules.LOWER, rules.DIGITS, "!")
) -> None:
    """The camera of these tests takes 32 characters at the most, and does not say so."""
    object.__setattr__(self, "length", length)
    object.__setattr__(self, "kinds", kinds)


@pytest.mark.parametrize(
    ("former", "cause"), [("aB3-former-one", "separate-users"), (PASSWORD, "separate-kept")]
)
async def test_a_camera_whose_streams_have_users_of_their_own_gets_its_password_back(
    portal: TinyPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, former: str, cause: str
) -> None:
    """Unless it finds the former one too weak by now: then the new one is told, for whoever may see it."""
    monkeypatch.setattr("edge_agent.passwords.steps.APPLIES_S", 0.01)
    users = {USER: (former, "Administrator")}
    with onvif_camera(OnvifCamera(users=dict(users))) as camera, stream_door(users) as port:
        place = Place(tmp_path, portal, port, former)
        _passwords, used = await carried_out(
            place, ChangePassword(uuid.uuid4(), place.cameras[0].camera, camera.url)
        )
        holds = camera.users[USER][0]
    (report,) = place.reports
    assert (report.cause, used) == (cause, [former] * 4)
    if cause == "separate-kept":
        assert place.revealed(report) == holds != former
    else:
        assert (holds, report.cameras) == (former, ())


@pytest.mark.parametrize("begun", [journal.ASKED, journal.UNDOING])
async def test_who_records_gets_the_former_password_back_when_a_change_is_undone(
    portal: TinyPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: str
) -> None:
    """Begun here with other orders coming in midway, or found so at a start."""
    monkeypatch.setattr("edge_agent.passwords.steps.APPLIES_S", 0.01)
    former, new = "aB3-former-one", "aB3-not-for-streams"
    streams = {USER: (former, "Administrator")}
    users = {USER: (former if begun == journal.ASKED else new, "Administrator")}
    with onvif_camera(OnvifCamera(users=users)) as camera, stream_door(streams) as port:
        place = Place(tmp_path, portal, port, former)
        change = ChangePassword(uuid.uuid4(), place.cameras[0].camera, camera.url)
        orders = place.box.orders()
        passwords = Passwords(place.box.identity, orders, load_ways(""))
        put = passwords._journal.put

        def put_midway(entry: journal.Entry) -> journal.Entry:
            done = put(entry)
            if entry.state == journal.SET:
                orders.changed()
            return done

        monkeypatch.setattr(passwords._journal, "put", put_midway)
        seen: list[set[str]] = []

        async def follow() -> None:
            while True:
                version = orders.version
                seen.append({Address.of(one.source_main or "").password for one in orders.cameras()})
                await orders.wait_change(version)

        if begun == journal.ASKED:
            passwords.take(change)
        else:
            entry = journal.Entry(
                change.change, change.camera, camera.url, "onvif", begun, "127.0.0.1", USER, former, new
            )
            put(entry)
        async with Cloud(place.box.identity) as cloud, asyncio.timeout(40):
            following, work = asyncio.create_task(follow()), asyncio.create_task(passwords.run(cloud))
            await until(lambda: bool(place.reports) and not passwords._journal.all())
            await asyncio.sleep(0)
            work.cancel()
            following.cancel()
        assert camera.users[USER][0] == former
    assert [report.cause for report in place.reports] == ["separate-users"]
    assert any(former not in one for one in seen), "the new one was used meanwhile"
    assert seen[-1] == {former}


async def test_the_former_password_comes_back_and_no_other_does(portal: TinyPortal, tmp_path: Path) -> None:
    strong = "aB3-former-one"
    place = Place(tmp_path, portal, password=strong)
    former = place.cameras[0]
    with onvif_camera(OnvifCamera(users={USER: (strong, "Administrator")})) as camera:
        await carried_out(place, ChangePassword(uuid.uuid4(), former.camera, camera.url))
        assert camera.users[USER][0] != strong
        forged = place._order(former.camera, f"rtsp://{USER}:aB3-of-the-portal@127.0.0.1:554/main")
        back = RestorePassword(uuid.uuid4(), former.camera, former.source_main, camera.url)
        for envelope, cause in ((forged.source_main, "unknown-former"), (b"of another box", "unusable")):
            await carried_out(place, replace(back, change=uuid.uuid4(), former=envelope))
            assert place.reports[-1].cause == cause
            assert camera.users[USER][0] != "aB3-of-the-portal"
        _passwords, used = await carried_out(place, back)
        assert camera.users[USER][0] == strong
    assert used == [strong] * 4
    assert place.reports[-1].cause == ""


async def test_a_former_password_that_is_too_weak_by_now_is_refused_and_the_new_one_holds(
    portal: TinyPortal, tmp_path: Path
) -> None:
    place = Place(tmp_path, portal)
    former = place.cameras[0]
    with onvif_camera() as camera:
        await carried_out(place, ChangePassword(uuid.uuid4(), former.camera, camera.url))
        new = camera.users[USER][0]
        back = RestorePassword(uuid.uuid4(), former.camera, former.source_main, camera.url)
        _passwords, used = await carried_out(place, back)
        assert camera.users[USER][0] == new != PASSWORD
    assert used == [new] * 4
    assert place.reports[-1].cause == "refused-setting"


def test_killed_before_and_after_each_step_one_known_password_works(
    portal: TinyPortal, tmp_path: Path
) -> None:
    place = Place(tmp_path, portal)
    with onvif_camera() as camera:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.edge_agent.killed_passwords",
                place.box.state,
                str(place.cameras[0].camera),
                camera.url,
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=500,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        lives = [json.loads(line) for line in done.stdout.splitlines()]
        assert sum(camera.wrong.values()) < LOCKED_AFTER
    assert len(lives) == 12
    assert [life["point"] for life in lives if not (life["killed"] and life["works"])] == [], done.stderr[
        -3000:
    ]
    causes = {str(report.change): report.cause for report in place.reports}
    told = {tuple(life["point"]): causes.get(life["change"]) for life in lives}
    # Never written down: the portal hears nothing, and asks again after a while.
    assert told[journal.ASKED, "before"] is None
    for point in ((journal.ASKED, "after"), (journal.PLANNED, "after"), (journal.SETTING, "after")):
        assert told[point] == "interrupted", "the camera has the former one"
    for point in ((journal.SET, "before"), (journal.SET, "after"), (journal.VERIFIED, "before")):
        assert told[point] == "", "the camera has the new one"
    assert done.stderr.count(PASSWORD) == 0


def test_after_a_power_cut_the_agent_records_with_the_password_the_camera_has_and_tries_no_other(
    portal: TinyPortal, tmp_path: Path
) -> None:
    new, tried = "aB3-set-before-cut", list[str]()
    with onvif_camera(OnvifCamera(users={USER: (new, "Administrator")})) as camera:
        with stream_door(camera.users, tried) as port:
            place = Place(tmp_path, portal, port)
            entry = journal.Entry(
                uuid.uuid4(), place.cameras[0].camera, camera.url, "onvif", journal.SETTING, "127.0.0.1", USER
            )
            cut = journal.Journal(place.box.state, place.box.identity.keys)
            cut.put(replace(entry, old=PASSWORD, new=new))
            with agent_process(place.box.state, tmp_path / "log") as agent:
                wait_for(lambda: place.reports and len(tried) > 2, 60, what="the report and the recorders")
                assert agent.stop() == 0
        assert set(tried) == {new}
        assert camera.wrong == {}
    assert [report.cause for report in place.reports] == [""]
    assert new not in agent.text()


async def test_a_camera_that_takes_neither_password_is_tried_twice_and_a_person_told(
    portal: TinyPortal, tmp_path: Path
) -> None:
    place = Place(tmp_path, portal)
    orders = place.box.orders()
    passwords = Passwords(place.box.identity, orders, load_ways(""))
    with onvif_camera(OnvifCamera(users={USER: ("a third one", "Administrator")})) as camera:
        entry = journal.Entry(
            uuid.uuid4(), place.cameras[0].camera, camera.url, "onvif", journal.SETTING, "127.0.0.1", USER
        )
        passwords._journal.put(replace(entry, old=PASSWORD, new="aB3-new-password"))
        assert passwords.busy
        async with Cloud(place.box.identity) as cloud, asyncio.timeout(20):
            work = asyncio.create_task(passwords.run(cloud))
            await passwords.settled.wait()
            await until(lambda: bool(place.reports))
            work.cancel()
        assert camera.wrong == {USER: 2}
    assert [report.cause for report in place.reports] == ["neither"]
    assert "takes neither its former password nor the new one" in passwords.alarms[0]


def test_the_journal_shows_no_password_and_no_other_box_reads_it(tmp_path: Path) -> None:
    own, others = BoxKeys.new(), BoxKeys.new()
    first = journal.Journal(tmp_path, own)
    entry = journal.Entry(
        uuid.uuid4(), uuid.uuid4(), "", "onvif", journal.SET, "10.0.0.7", USER, "old-secret", "new-secret"
    )
    first.put(entry)
    (file,) = (tmp_path / journal.FOLDER).iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"secret" not in file.read_bytes()
    assert "secret" not in repr(entry)
    assert journal.Journal(tmp_path, own).all() == [entry]
    other = journal.Journal(tmp_path, others)
    assert (other.all(), other.unreadable) == ([], [file.name])
    assert not first.is_over(entry.change)
    first.drop(entry)
    assert first.is_over(entry.change)
    assert journal.Journal(tmp_path, own).is_over(entry.change), "after a restart too"


def test_passwords_keep_to_what_a_device_takes() -> None:
    for longest in (8, 12, 20):
        password = rules.make_password(rules.Rules().within(longest=longest))
        assert len(password) == longest
        assert all(any(char in kind for char in password) for kind in rules.Rules().kinds)
        assert not set(password) & set("0O1lI")
    assert rules.Rules().within(shortest=32).length == 32
    assert len({rules.make_password(rules.Rules()) for _ in range(50)}) == 50


def test_orders_and_reports_are_read_as_they_were_written() -> None:
    ids = [uuid.uuid4() for _ in range(4)]
    for task in (
        ChangePassword(ids[0], ids[1], "http://10.0.0.7/onvif/device_service"),
        RestorePassword(ids[0], ids[1], b"sealed", "", "axis"),
    ):
        order = Order(ids[2], ids[3], ids[0], 7, task)
        assert Order.from_payload(order.payload()) == order
    with pytest.raises(ProtocolError):
        ChangePassword.of(ids[0].bytes, ids[1].bytes, "", "Not A Way")
    for broken in (b"", b"\x80", encode_canonical([1, ids[0].bytes, "no cause", b"", []])):
        with pytest.raises((ProtocolError, SealingError)):
            PasswordReport.decode(broken)
    with pytest.raises(ProtocolError):
        open_password(ids[0], ids[1], ids[2], seal_password(ids[0], ids[1], ids[3], "x", _PUBLIC), _PRIVATE)


_PRIVATE = bytes(31) + b"\x40"
_PUBLIC = bytes.fromhex("2fe57da347cd62431528daac5fbb290730fff684afc4cfc2ed90995f58cb3b74")


class _Axis(BaseHTTPRequestHandler):
    """The two requests of the documented example, with the make's own answers."""

    password = PASSWORD

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
        self._answer(form | parse_qs(urlsplit(self.path).query))

    do_GET = do_POST

    def _answer(self, form: dict[str, list[str]]) -> None:
        header = self.headers.get("Authorization", "")
        right = f'username="{USER}"' in header and _digest_holds(header, self.command, type(self).password)
        if right and form.get("action") == ["update"]:
            type(self).password = form["pwd"][0]
        body = b"Modified account." if right else b""
        self.send_response(200 if right else 401)
        if not right:
            self.send_header("WWW-Authenticate", 'Digest realm="AXIS", nonce="n1", qop="auth"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def _digest_holds(header: str, method: str, password: str) -> bool:
    said = {
        key: quoted or plain for key, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', header)
    }

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    first, second = md5(f"{USER}:AXIS:{password}"), md5(f"{method}:{said['uri']}")
    return md5(f"{first}:n1:{said['nc']}:{said['cnonce']}:auth:{second}") == said["response"]


async def test_the_documented_plug_in_changes_a_camera_without_onvif_users(
    portal: TinyPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "docs/camera-passwords.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", text, re.S)
    (tmp_path / "vsaas_axis.py").write_text(example)
    monkeypatch.syspath_prepend(str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Axis)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        place = Place(tmp_path, portal)
        change = ChangePassword(
            uuid.uuid4(), place.cameras[0].camera, f"http://127.0.0.1:{server.server_port}/", "axis"
        )
        _passwords, used = await carried_out(place, change, ways="axis=vsaas_axis:AxisWay")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert [report.cause for report in place.reports] == [""]
    assert used == [_Axis.password] * 4
    assert len(_Axis.password) == 20


async def test_a_change_under_way_at_another_host_is_settled_at_the_camera_itself(
    portal: TinyPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def takes(self: OnvifWay, login: Login) -> bool:
        asked.append(login.service)
        return login.password == PASSWORD

    monkeypatch.setattr(OnvifWay, "takes", takes)
    place = Place(tmp_path, portal)
    entry = journal.Entry(
        uuid.uuid4(),
        place.cameras[0].camera,
        "http://mine.example/",
        "onvif",
        journal.SETTING,
        "127.0.0.1",
        USER,
    )
    before = journal.Journal(place.box.state, place.box.identity.keys)
    before.put(replace(entry, old=PASSWORD, new="aB3-new-password"))
    _passwords, used = await carried_out(place)
    assert set(asked) == {""}
    assert [report.cause for report in place.reports] == ["interrupted"]
    assert used == [PASSWORD] * 4


class Clumsy:
    """A plug-in with a mistake."""

    async def rules(self, login: Any) -> rules.Rules:
        raise KeyError(login.password)

    takes = set = rules


async def test_a_plug_in_that_breaks_leaves_the_password_and_the_agent_as_they_are(
    portal: TinyPortal, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = Place(tmp_path, portal)
    change = ChangePassword(uuid.uuid4(), place.cameras[0].camera, "", "clumsy")
    ways = "clumsy=tests.edge_agent.test_passwords:Clumsy"
    _passwords, used = await carried_out(place, change, ways=ways)
    assert [report.cause for report in place.reports] == ["unusable"]
    assert used == [PASSWORD] * 4
    assert PASSWORD not in caplog.text


async def test_a_camera_that_answers_what_nobody_foresaw_leaves_the_password_and_the_agent_as_they_are(
    portal: TinyPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("edge_agent.passwords.ways.OnvifWay.rules", Clumsy().rules)
    place = Place(tmp_path, portal)
    _passwords, used = await carried_out(place, ChangePassword(uuid.uuid4(), place.cameras[0].camera, ""))
    assert [report.cause for report in place.reports] == ["unusable"]
    assert used == [PASSWORD] * 4
    assert PASSWORD not in caplog.text


async def test_an_address_that_gets_too_long_stays_and_the_new_password_is_told_and_used(
    portal: TinyPortal, tmp_path: Path
) -> None:
    place = Place(tmp_path, portal)
    url = f"rtsp://{USER}:x@127.0.0.1:554/"
    place.cameras = [place._order(one.camera, url.ljust(1995, "a")) for one in place.cameras]
    place._number()
    orders = place.box.orders()
    orders.offer_command(place.command)
    new = "aB3-new-password"
    entry = journal.Entry(
        uuid.uuid4(), place.cameras[0].camera, "", "onvif", journal.VERIFIED, "127.0.0.1", USER
    )
    passwords = Passwords(place.box.identity, orders, load_ways(""))
    passwords._journal.put(replace(entry, old="x", new=new))
    async with Cloud(place.box.identity) as cloud, asyncio.timeout(20):
        work = asyncio.create_task(passwords.run(cloud))
        await until(lambda: passwords._journal.all()[0].state == journal.REPORTED or work.done())
        assert not work.done()
        work.cancel()
    (report,) = place.reports
    assert [one.main for one in report.cameras] == [b"", b""]
    assert place.revealed(report) == new
    assert Address.of(orders.cameras()[0].source_main or "").password == new


async def test_a_length_of_thousands_of_digits_ends_nothing() -> None:
    def handle(connection: Any) -> None:
        connection.recv(4096)
        connection.sendall(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n")

    with listening(handle) as port:
        assert await stream_takes(f"rtsp://{USER}:x@127.0.0.1:{port}/main") is True


async def test_an_address_typed_meanwhile_stays_and_the_new_password_is_told(
    portal: TinyPortal, tmp_path: Path
) -> None:
    place = Place(tmp_path, portal)
    entry = journal.Entry(
        uuid.uuid4(), place.cameras[0].camera, "", "onvif", journal.VERIFIED, "127.0.0.1", USER
    )
    before = journal.Journal(place.box.state, place.box.identity.keys)
    before.put(replace(entry, old="what it was", new="aB3-new-password"))
    orders = place.box.orders()
    orders.offer_command(place.command)
    _passwords, used = await carried_out(place)
    (report,) = place.reports
    assert (report.cause, [one.main for one in report.cameras]) == ("", [b""])
    assert place.revealed(report) == "aB3-new-password"
    assert used == [PASSWORD] * 4


@pytest.mark.parametrize(
    "setting", ["axis", "axis=nowhere:X", "axis=json:loads", "onvif=json:JSONDecoder", "A B=json:JSONDecoder"]
)
def test_a_plug_in_that_cannot_be_used_is_said_at_the_start(setting: str) -> None:
    with pytest.raises(BadSetting, match="password_ways"):
        load_ways(setting)
