"""Cameras by ONVIF: looked at, set, found; and what a hostile one cannot do to the agent."""

from __future__ import annotations

import socket
import ssl
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.onvif import discovery, soap
from edge_agent.onvif.device import MEDIA, Device
from edge_agent.onvif.discovery import discover, read_match
from edge_agent.onvif.door import open_door
from edge_agent.onvif.errors import OnvifFailed
from edge_agent.onvif.factory import FactoryPasswords
from edge_agent.onvif.finding import Search
from edge_agent.onvif.looking import look
from edge_agent.onvif.setting import set_camera
from edge_agent.passwords.ways import Login, OnvifWay
from protocol.errors import ProtocolError
from protocol.finding import (
    CLOCK_WRONG,
    FACTORY_LOGIN,
    LOOK_CAUSES,
    OPEN_ONVIF,
    OPEN_RTSP,
    PLAIN_HTTP,
    TIME,
    EncoderSetting,
    FindCameras,
    Looked,
    SetCamera,
    Target,
    addresses_of,
    check_service,
    decode_devices,
    decode_looks,
    decode_set,
    encode_devices,
    encode_looks,
    encode_set,
)
from sealing.errors import SealingError
from sealing.ids import Stream
from tests.edge_agent.camera_front import fingerprint_of, self_signed
from vsaas.onebox.demo_camera.onvif import (
    LOCKED_AFTER,
    OnvifCamera,
    answering_probes,
    onvif_camera,
    probe_match,
)

USER, PASSWORD = "operator", "correct horse"


def seal(stream: Stream, url: str) -> bytes:
    """In place of sealing: what would be sealed."""
    return f"{stream.name} {url}".encode()


async def looked_at(
    camera: OnvifCamera,
    user: str = USER,
    password: str = PASSWORD,
    factory: FactoryPasswords | None = None,
    said: str = "",
) -> Looked:
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
    target = Target(uuid.uuid4(), b"", camera.url, said)
    return await look(target, f"rtsp://{login}{camera.host}/", seal, factory)


@pytest.mark.parametrize("profile_t", [True, False])
@pytest.mark.parametrize("auth", ["ws", "http"])
async def test_a_camera_says_what_it_is_and_where_its_streams_are(profile_t: bool, auth: str) -> None:
    with onvif_camera(OnvifCamera(profile_t=profile_t, auth=frozenset({auth}))) as camera:
        found = await looked_at(camera)
    assert (found.cause, found.make, found.model, found.firmware) == ("", "Acme", "Dome 4", "5.51.7")
    assert (found.ptz, found.events, found.snapshot) == (True, True, True)
    assert found.time_zone.startswith("CET-1CEST")
    main, sub = found.profiles
    assert (main.token, main.codec, main.width, main.height) == ("profile_main", "h264", 2560, 1440)
    assert (main.rate, main.kbit_s, main.gop, sub.gop) == (25_000, 4096, 50, 20)
    assert main.main == b"MAIN rtsp://operator:correct%20horse@127.0.0.1:554/main", "at the camera's own host"
    assert sub.sub == b"SUB rtsp://operator:correct%20horse@127.0.0.1:554/sub"
    assert PLAIN_HTTP in found.findings
    assert OPEN_ONVIF not in found.findings
    assert decode_looks(encode_looks([found])) == (found,)


async def test_a_camera_whose_clock_is_hours_off_is_spoken_to_by_its_own_clock() -> None:
    with onvif_camera(OnvifCamera(auth=frozenset({"ws"}), offset=timedelta(hours=-7))) as camera:
        found = await looked_at(camera)
    assert found.cause == ""
    assert CLOCK_WRONG in found.findings


async def test_a_wrong_password_is_shown_to_a_camera_once_and_no_other_after_it() -> None:
    for auth in ("ws", "http"):
        with onvif_camera(OnvifCamera(auth=frozenset({auth}), make="Hikvision")) as camera:
            found = await looked_at(camera, password="wrong", factory=FactoryPasswords(), said="HIKVISION")
            assert found.cause == "credentials"
            assert not found.profiles
            assert camera.wrong == {USER: 1}


async def test_what_is_not_safe_is_said() -> None:
    with onvif_camera(OnvifCamera(open_information=True)) as camera:
        assert OPEN_ONVIF in (await looked_at(camera)).findings
    with open_rtsp() as port, onvif_camera(OnvifCamera(rtsp=f"rtsp://127.0.0.1:{port}")) as camera:
        assert OPEN_RTSP in (await looked_at(camera)).findings


async def test_a_factory_password_is_tried_once_a_day_and_never_locks_a_camera() -> None:
    clock = [0.0]
    factory = FactoryPasswords(lambda: clock[0])
    users = {USER: (PASSWORD, "Administrator"), "admin": ("changed", "Administrator")}
    with onvif_camera(OnvifCamera(make="HIKVISION", users=users)) as camera:
        for _again in range(LOCKED_AFTER + 2):
            assert FACTORY_LOGIN not in (await looked_at(camera, factory=factory)).findings
        assert camera.wrong == {"admin": 1}
        camera.users["admin"] = ("12345", "Administrator")
        clock[0] = 25 * 3600
        assert FACTORY_LOGIN in (await looked_at(camera, factory=factory)).findings
        # Without a password of one's own the make is known by what it said when it was found.
        clock[0] = 50 * 3600
        unknown = await looked_at(camera, user="", password="", factory=factory, said="HIKVISION DS-2CD")
        assert unknown.cause == "credentials"
        assert FACTORY_LOGIN in unknown.findings
        # What a person typed is told without a try.
        assert FACTORY_LOGIN in (await looked_at(camera, "admin", "12345", FactoryPasswords())).findings
    with onvif_camera(OnvifCamera(make="Nobody knows")) as camera:
        await looked_at(camera, factory=FactoryPasswords())
        assert camera.wrong == {}


@pytest.mark.parametrize("profile_t", [True, False])
async def test_encoder_clock_and_password_are_set(profile_t: bool) -> None:
    with onvif_camera(OnvifCamera(profile_t=profile_t)) as camera:
        async with open_door(camera.url, USER, PASSWORD) as door:
            device = Device(door)
            await device.prepare()
            await device.find_services()
            assert device.offers(MEDIA)
            codec = "h265" if profile_t else "h264"
            await device.set_encoder("main", codec=codec, kbit_s=2048, gop=40, rate=20)
            main = (await device.streams())[0]
            assert (main.codec, main.kbit_s, main.gop, main.rate) == (codec, 2048, 40, 20_000)
            with pytest.raises(OnvifFailed) as refused:
                await device.set_encoder("main", kbit_s=2)
            assert refused.value.cause == "refused-setting"
            await device.set_time_zone("UTC0")
            assert (camera.time_zone, camera.time_source) == ("UTC0", "Manual")
            await device.follow("ntp.example.org")
            await device.set_time_zone("EST5EDT,M3.2.0,M11.1.0")
            assert (camera.ntp, camera.time_source) == ("ntp.example.org", "NTP")
            assert camera.time_zone == "EST5EDT,M3.2.0,M11.1.0"
            await device.follow("192.0.2.5")
            assert camera.ntp == "192.0.2.5"
            assert await device.users() == [(USER, "Administrator")]
            with pytest.raises(OnvifFailed):
                await device.set_password(USER, "short", "Administrator")
            await device.set_password(USER, "n0w another one", "Administrator")
            with pytest.raises(OnvifFailed) as old:
                await device.users()
            assert old.value.cause == "credentials"
            door.be(USER, "n0w another one")
            assert await device.users() == [(USER, "Administrator")]


async def test_each_thing_that_is_set_says_what_became_of_it() -> None:
    with onvif_camera() as camera:
        target = Target(uuid.uuid4(), b"", camera.url)
        encoders = (
            EncoderSetting("profile_main", "h265", 2048, 40),
            EncoderSetting("profile_sub", "", 1),
            EncoderSetting("no such"),
        )
        task = SetCamera(target, encoders, "ntp.example.org", "UTC0")
        assert SetCamera.of(*task.row()[1:]) == task
        done = await set_camera(task, "rtsp://operator:correct%20horse@127.0.0.1/")
        assert done == [
            ("profile_main", ""),
            ("profile_sub", "refused-setting"),
            ("no such", "unsupported"),
            (TIME, ""),
        ]
        assert decode_set(encode_set(done)) == tuple(done)
        assert (camera.encoders[0].codec, camera.encoders[0].gop) == ("H265", 40)
        assert (camera.ntp, camera.time_zone) == ("ntp.example.org", "UTC0")
        refused = await set_camera(task, "rtsp://operator:wrong@127.0.0.1/")
        assert {cause for _what, cause in refused} == {"credentials"}
        assert camera.wrong == {USER: 1}
        elsewhere = await set_camera(task, "rtsp://operator:wrong@127.0.0.2/")
        assert {cause for _what, cause in elsewhere} == {"forbidden-address"}


@pytest.mark.parametrize(("ntp", "zone"), [("a b", ""), ("-x", ""), ("", "UTC0;"), ("x<y", "")])
def test_a_time_server_or_zone_that_is_none_is_refused(ntp: str, zone: str) -> None:
    target = Target(uuid.uuid4(), b"", "http://10.0.0.1/")
    with pytest.raises(ProtocolError):
        SetCamera.of(target.row(), [], ntp, zone)


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><Envelope><Body><x>&c;</x></Body></Envelope>"""
OUTSIDE = (
    b"""<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><Envelope><Body><x>&a;</x></Body></Envelope>"""
)


@pytest.mark.parametrize(
    ("raw", "cause"),
    [
        (LAUGHS, "not-onvif"),
        (OUTSIDE, "not-onvif"),
        (b"<a>" * 300_000, "not-onvif"),
        (b"x" * (soap.XML_BYTES_MAX + 1), "too-large"),
        pytest.param(b"<a>" * 65 + b"</a>" * 65, "too-large", id="deep"),
        pytest.param(b"<a>" + b"<b/>" * 60_000 + b"</a>", "too-large", id="many"),
        (b"<html>Welcome</html>", "not-onvif"),
        (b"", "not-onvif"),
    ],
)
async def test_a_hostile_answer_is_refused_with_its_cause(raw: bytes, cause: str) -> None:
    for action in ("GetSystemDateAndTime", "GetProfiles"):
        with onvif_camera(OnvifCamera(raw={action: raw})) as camera:
            found = await looked_at(camera)
            assert found.cause == cause
            assert not found.profiles


async def test_a_redirect_is_not_followed_and_no_other_host_is_gone_to() -> None:
    with onvif_camera(OnvifCamera(redirect="http://169.254.169.254/latest/meta-data/")) as camera:
        assert (await looked_at(camera)).cause == "redirect"
    services = (
        b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><R><Service><Namespace>%s</Namespace>'
        b"<XAddr>http://169.254.169.254/onvif/media</XAddr></Service></R></s:Body></s:Envelope>"
    )
    with onvif_camera(OnvifCamera(profile_t=False, raw={"GetServices": services % MEDIA.encode()})) as camera:
        found = await looked_at(camera)
        assert "GetStreamUri" in camera.asked, "the camera itself was asked, at the path it named"
        assert found.cause == ""
        assert len(found.profiles) == 2
    target = Target(uuid.uuid4(), b"", "http://127.0.0.1/onvif/device_service")
    assert (await look(target, "rtsp://u:p@127.0.0.2/", seal, None)).cause == "forbidden-address"
    for url in (
        "http://169.254.169.254/x",
        "http://[fd00:ec2::254]/x",
        "http://u:p@10.0.0.1/x",
        "ftp://10.0.0.1/",
    ):
        with pytest.raises(ProtocolError):
            check_service(url)


def endless_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(20_000):
        connection.sendall(b"X-%d: %s\r\n" % (number, b"a" * 1000))


def packed(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd")


def no_http(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH\r\n")


@contextmanager
def serving(answer: object) -> Iterator[int]:
    """A server that answers each connection by `answer`, and hangs up. Yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                try:
                    connection, _peer = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(5)
                    connection.recv(65536)
                    try:
                        answer(connection)  # type: ignore[operator]
                    except OSError:
                        continue  # the agent has hung up, as it should

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            done.set()
            thread.join(10)


@contextmanager
def open_rtsp() -> Iterator[int]:
    """An RTSP server that describes its stream to everybody."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: Acme RTSP\x07\r\n\r\n")
        connection.recv(65536)
        connection.sendall(b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 0\r\n\r\n")

    with serving(answer) as port:
        yield port


@pytest.mark.parametrize("answer", [endless_headers, packed, no_http])
async def test_a_server_that_does_not_keep_to_http_is_left_in_time(answer: object) -> None:
    with serving(answer) as port:
        async with open_door(f"http://127.0.0.1:{port}/") as door:
            with pytest.raises(OnvifFailed) as failed:
                await Device(door).prepare()
    assert failed.value.cause in ("closed", "unusable")


async def test_nothing_at_the_address_is_said_to_be_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    found = await look(
        Target(uuid.uuid4(), b"", f"http://127.0.0.1:{port}/"), "rtsp://127.0.0.1/", seal, None
    )
    assert found.cause == "refused"
    nowhere = Target(uuid.uuid4(), b"", "http://camera.invalid/")
    assert (await look(nowhere, "rtsp://camera.invalid/", seal, None)).cause == "unknown-name"


async def test_cameras_are_found_by_a_probe_and_by_their_answers_alone() -> None:
    with onvif_camera() as camera, answering_probes(camera):
        found = await discover(["lo"], listens_s=1.5)
    assert [(one.service, one.name, one.model) for one in found] == [(camera.url, "ACME Dome", "Dome 4")]
    assert await discover(["no-such-interface"], listens_s=1.0) == []


async def test_a_search_tries_a_range_and_marks_what_is_added_already(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(discovery.OLD_CAMERA_INTERFACES, "lo")
    told: list[int] = []

    async def tell(done: int, devices: object) -> None:
        told.append(done)

    known = uuid.uuid4()
    with open_rtsp() as port:
        task = FindCameras(False, ("127.0.0.1-127.0.0.4",), (port,))
        found = await Search(task, {"127.0.0.1": known}, tell).run()
    assert [(one.address, one.rtsp_port, one.name, one.camera) for one in found] == [
        ("127.0.0.1", port, "Acme RTSP", known)
    ]
    assert found[0].findings == (OPEN_RTSP,)
    assert told[-1] == 80
    assert told == sorted(told)
    assert decode_devices(encode_devices(found)) == tuple(found)


@pytest.mark.parametrize(
    ("ranges", "count"),
    [(["192.168.1.0/30"], 2), (["10.0.0.1", "10.0.0.1"], 1), (["10.0.0.5-10.0.0.9"], 5), (["fd12::1"], 1)],
)
def test_ranges_are_read(ranges: list[str], count: int) -> None:
    assert len(addresses_of(ranges)) == count


@pytest.mark.parametrize(
    "bad",
    [
        "8.8.8.8",
        "10.0.0.0/8",
        "10.0.0.9-10.0.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "fd00::/64",
        "door",
        "",
        "0.0.0.0",
    ],
)
def test_ranges_that_are_none_or_too_large_or_public_are_refused(bad: str) -> None:
    with pytest.raises(ProtocolError):
        addresses_of([bad])
    with pytest.raises(ProtocolError):
        addresses_of(["10.0.0.0/23", "10.1.0.0/23", "10.2.0.0/23"])


async def test_only_the_accepted_certificate_will_do_and_no_way_leads_out_of_tls(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    accepted = frozenset({fingerprint_of(certificate)})
    with onvif_camera(tls=context) as camera:
        target = Target(uuid.uuid4(), b"", camera.url)
        camera.scheme = "http"  # the services it names lead out of TLS
        source = "rtsp://operator:correct%20horse@127.0.0.1/"
        right = await look(target, source, seal, None, accepted)
        asked = len(camera.asked)
        other = await look(target, source, seal, None, frozenset({bytes(32)}))
        assert (right.cause, len(right.profiles)) == ("", 2)
        assert other.cause == "certificate"
        way = OnvifWay(lambda url: frozenset({bytes(32)}) if url == target.service else frozenset())
        with pytest.raises(OnvifFailed) as refused:
            await way.takes(Login("127.0.0.1", target.service, USER, PASSWORD))
        assert refused.value.cause == "certificate"
        assert len(camera.asked) == asked, "nothing was said to whoever shows another certificate"


def test_an_answer_to_somebody_elses_probe_and_another_machines_address_are_not_taken() -> None:
    camera = OnvifCamera(host="10.0.0.5", port=80)
    reply = probe_match(camera, "urn:uuid:mine", "Gate")
    assert read_match(reply, "10.0.0.5", ["yours"]) is None
    seen = read_match(reply, "10.0.0.6", ["mine"])
    assert seen is not None
    assert urlsplit(seen.service).hostname == "10.0.0.6"


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_an_answer_or_refused(data: bytes) -> None:
    for wrapped in (data, b"<Envelope><Body>" + data + b"</Body></Envelope>"):
        for parse in (soap.answer_of, lambda data: read_match(data, "10.0.0.1", ["x"])):
            try:
                parse(wrapped)
            except OnvifFailed as failed:
                assert failed.cause in LOOK_CAUSES


@given(st.binary(max_size=200))
def test_any_report_is_read_or_refused(data: bytes) -> None:
    for decode in (decode_devices, decode_looks):
        try:
            decode(data)
        except (ProtocolError, SealingError):
            continue
        assert data.startswith(b"\x80"), "only an empty list is met by chance"


def test_looks_with_words_of_a_later_release_are_read_without_them() -> None:
    look = Looked(uuid.uuid4(), findings=(PLAIN_HTTP,))
    later = replace(look, findings=("of-a-later-release", PLAIN_HTTP))
    assert decode_looks(encode_looks([later])) == (look,)
