"""Finding cameras in the portal: an agent's box answers the orders with a real ONVIF camera beside it."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest

from edge_agent.onvif import discovery
from edge_agent.onvif.asked import AskedOfCameras
from edge_agent.orders import CameraSetup
from edge_agent.steering import Steering
from protocol.camera_source import open_source, seal_source
from protocol.finding import FindCameras, LookAt, SetCamera, Target
from protocol.order import Answer, Order
from protocol.steering import LookAgain, Steer
from sealing.cose import parse1
from sealing.ids import Stream
from tenants.permissions import OPERATOR, VIEWER
from tenants.scope import tenant_scope
from tests.cameras.place import Place, call
from tests.cast import make_account, sign_in
from tests.reading import text
from vsaas.agents.asking import answer_key
from vsaas.agents.commands import NEWS_ORDER, channel_of
from vsaas.agents.presence import presence_key
from vsaas.audit.models import AuditInbox
from vsaas.cameras.models import Camera
from vsaas.common.redis import client
from vsaas.onebox.demo_camera.onvif import Encoder, OnvifCamera, answering_probes, onvif_camera

USER, PASSWORD = "operator", "correct horse"


@dataclass
class BoxOrders:
    """What an agent knows of its orders, with the keys of the place's box."""

    place: Place
    setups: tuple[CameraSetup, ...] = ()

    def refresh(self) -> None:
        self.setups = tuple(
            CameraSetup(one.camera, name, True, False, self.place.source(one), None)
            for name, one in self.place.orders().items()
        )

    def cameras(self) -> tuple[CameraSetup, ...]:
        return self.setups

    def accepted(self, url: str) -> frozenset[bytes]:
        """No certificate was accepted of any camera."""
        return frozenset()

    def open_target(self, target: Target) -> str:
        keys = self.place.box.box
        public = keys.public_key().public_bytes_raw()
        assert self.place.box.tenant_id is not None
        return open_source(
            self.place.box.tenant_id,
            target.scope,
            Stream.MAIN,
            target.source,
            keys.private_bytes_raw(),
            public,
        )

    def seal_to_self(self, scope: UUID, stream: Stream, url: str) -> bytes:
        assert self.place.box.tenant_id is not None
        return seal_source(
            self.place.box.tenant_id, scope, stream, url, self.place.box.box.public_key().public_bytes_raw()
        )


class Agent:
    """The agent of the place, connected: obeys one order at a time when it is told to."""

    def __init__(self, place: Place) -> None:
        assert place.box.agent_id is not None
        self.agent: UUID = place.box.agent_id
        self.orders: list[bytes] = []
        self._box = BoxOrders(place)
        self._asked = AskedOfCameras(self._box)  # type: ignore[arg-type]
        self._pubsub = client().pubsub()
        client().set(presence_key(self.agent), "tests", ex=120)
        self._pubsub.subscribe(channel_of(self.agent))

    def obey(self) -> Order:
        """The next order, done and answered as the hub keeps it."""
        # Among the messages are the subscription itself and news of command documents.
        waiting = (one["data"] for one in iter(lambda: self._pubsub.get_message(timeout=5), None))
        sent = (data for data in waiting if isinstance(data, bytes) and data.startswith(NEWS_ORDER))
        signed = next(sent).removeprefix(NEWS_ORDER)
        self.orders.append(signed)
        self._box.refresh()
        order = Order.from_payload(parse1(signed).payload)

        async def tell(answer: Answer) -> None:
            client().set(answer_key(self.agent, order.order), answer.encode(), ex=120)

        async def work() -> None:
            match order.task:
                case Steer():
                    await tell(await Steering(self._box).steer(order.task, order.expires_us))  # type: ignore[arg-type]
                case FindCameras():
                    await tell(await self._asked.find(order.task, tell))
                case LookAt():
                    await tell(await self._asked.look_at(order.task, tell))
                case SetCamera():
                    await tell(await self._asked.set(order.task))
                case LookAgain():
                    await tell(await self._asked.look_again(order.task))
                case other:
                    raise AssertionError(other)

        asyncio.run(work())
        return order

    def close(self) -> None:
        self._pubsub.close()


@pytest.fixture
def agent(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    monkeypatch.setenv(discovery.OLD_CAMERA_INTERFACES, "lo")
    agent = Agent(place)
    yield agent
    agent.close()


@contextmanager
def camera_beside(**values: Any) -> Iterator[OnvifCamera]:
    """A camera that answers probes on loopback."""
    with (
        onvif_camera(OnvifCamera(**values)) as camera,
        answering_probes(camera),
        patch.object(discovery, "LISTENS_S", 1.5),
    ):
        yield camera


def look_at(place: Place, agent: Agent, camera: OnvifCamera, **fields: Any) -> dict[str, Any]:
    body = {
        "agent": str(agent.agent),
        "cameras": [{"service": camera.url, "user": USER, "password": PASSWORD} | fields],
    }
    begun = call(place.alice, place, "POST", "camera-looks", body)
    assert begun.status_code == 202, begun.content
    agent.obey()
    looked = call(place.alice, place, "GET", f"camera-looks/{begun.json()['id']}")
    assert looked.status_code == 200
    found: dict[str, Any] = looked.json()
    return found


def test_a_program_finds_looks_at_and_adds_a_camera(place: Place, agent: Agent) -> None:
    with camera_beside() as camera:
        begun = call(place.alice, place, "POST", "camera-searches", {"agent": str(agent.agent)})
        assert begun.status_code == 202
        assert begun.json()["state"] == "waiting"
        agent.obey()
        search = call(place.alice, place, "GET", f"camera-searches/{begun.json()['id']}").json()
        assert (search["state"], search["done_percent"]) == ("done", 100)
        (device,) = search["devices"]
        assert (device["service"], device["name"], device["camera"]) == (camera.url, "ACME Dome", None)
        look = look_at(place, agent, camera)
    (seen,) = look["cameras"]
    assert (seen["make"], seen["model"], seen["firmware"]) == ("Acme", "Dome 4", "5.51.7")
    assert [one["finding"] for one in seen["findings"]] == ["plain-http"]
    main, sub = seen["profiles"]
    assert (main["codec"], main["width"], main["frames_per_s"], main["gop"]) == ("h264", 2560, 25.0, 50)
    for signed in agent.orders:
        assert PASSWORD.encode() not in signed
    chosen = {"id": seen["id"], "name": "Lobby", "main": main["token"], "sub": sub["token"], "audio": False}
    other = {"id": seen["id"], "name": "Twice", "main": main["token"]}
    added = call(
        place.alice, place, "POST", f"camera-looks/{look['id']}/cameras", {"cameras": [chosen, other]}
    )
    assert added.status_code == 200
    first, second = added.json()["items"]
    assert first == {"name": "Lobby", "camera": seen["id"], "problem": None}
    assert second["problem"]["problem"] == "camera-added-already"
    order = place.orders()["Lobby"]
    assert str(order.camera) == seen["id"]
    assert place.source(order) == "rtsp://operator:correct%20horse@127.0.0.1:554/main"
    assert place.source(order, Stream.SUB) == "rtsp://operator:correct%20horse@127.0.0.1:554/sub"
    with tenant_scope(place.cast.tenant_a.id):
        told = set(AuditInbox.objects.values_list("act", flat=True))
    assert {"camera.searched", "camera.looked-at", "camera.added"} <= told


def fields_of(page: str) -> dict[str, str]:
    """What the page's form would send: ticked boxes, texts, chosen options."""
    fields: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", page):
        name, value = re.search(r' name="([^"]*)"', tag), re.search(r' value="([^"]*)"', tag)
        if name and ('type="checkbox"' not in tag or " checked" in tag):
            fields[name[1]] = html.unescape(value[1]) if value else "on"
    for name_, inside in re.findall(r'<select[^>]* name="([^"]*)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', inside)
        fields[name_] = chosen[1] if chosen else ""
    return fields


def test_somebody_finds_cameras_and_adds_them_by_the_pages(place: Place, agent: Agent) -> None:
    encoders = [
        Encoder("big", "H265", 3840, 2160, 25, 8192, 50, "/big"),
        Encoder("still", "JPEG", 640, 480, 5, 900, 1, "/still"),
        Encoder("small", "H264", 640, 360, 10, 512, 20, "/small"),
    ]
    with camera_beside(encoders=encoders) as camera:
        assert "Find cameras" in text(place.alice.get(place.url("sites")))
        form = place.alice.get(place.url(f"cameras/find?agent={agent.agent}"))
        assert "No password is tried" in text(form)
        sent = {"agent": str(agent.agent), "multicast": "on", "ranges": ""}
        begun = place.alice.post(place.url("cameras/find"), sent)
        assert begun.status_code == 302
        waiting = place.alice.get(begun["Location"]).content.decode()
        assert 'data-fresh="2000"' in waiting
        agent.obey()
        found = place.alice.get(begun["Location"])
        assert "data-fresh" not in found.content.decode()
        assert "ACME Dome" in text(found)
        none = place.alice.post(begun["Location"], {"user": USER, "password": PASSWORD})
        assert none.status_code == 422
        assert "Choose 1 to 16 cameras" in text(none)
        picked = {"pick": "127.0.0.1", "user": USER, "password": PASSWORD}
        looking = place.alice.post(begun["Location"], picked)
        assert looking.status_code == 302
        assert PASSWORD not in place.alice.get(looking["Location"]).content.decode()
        agent.obey()
    page = place.alice.get(looking["Location"])
    assert "It is spoken to without encryption" in text(page)
    assert "5.51.7" in text(page)
    fields = fields_of(page.content.decode())
    scope = next(name for name in fields if name.startswith("pick_")).removeprefix("pick_")
    assert (fields[f"main_{scope}"], fields[f"sub_{scope}"]) == ("profile_big", "profile_small")
    assert camera.url.split("/")[2] in fields[f"name_{scope}"]
    taken = place.alice.post(looking["Location"], fields | {f"name_{scope}": "Door"})
    assert taken.status_code == 422
    assert "has a camera called Door already" in text(taken)
    assert fields_of(taken.content.decode())[f"name_{scope}"] == "Door"
    added = place.alice.post(looking["Location"], fields | {f"name_{scope}": "Lobby"})
    assert added.status_code == 302
    assert "Added: Lobby" in text(place.alice.get(added["Location"]))
    assert place.source(place.orders()["Lobby"]).endswith("/big")
    again = place.alice.post(looking["Location"], fields | {f"name_{scope}": "Lobby 2"})
    assert again.status_code == 422
    with tenant_scope(place.cast.tenant_a.id):
        assert not Camera.objects.filter(name="Lobby 2").exists()


def test_a_look_says_what_stands_in_the_way(place: Place, agent: Agent) -> None:
    with onvif_camera() as camera:
        look = look_at(place, agent, camera, password="wrong")
        (seen,) = look["cameras"]
        assert (seen["cause"], seen["profiles"]) == ("credentials", [])
        assert "users of their own for ONVIF" in seen["next_step"]
        row = {"id": seen["id"], "name": "X", "main": "profile_main"}
        body = {"cameras": [row]}
        refused = call(place.alice, place, "POST", f"camera-looks/{look['id']}/cameras", body).json()[
            "items"
        ][0]
        assert refused["problem"]["problem"] == "not-ready"
    page = place.alice.get(place.url(f"cameras/look/{look['id']}"))
    assert "refuses the user name or the password" in text(page)
    assert "Add the ticked cameras" not in text(page)


def test_streams_and_clock_of_a_camera_are_set_by_the_pages(place: Place, agent: Agent) -> None:
    with onvif_camera() as camera:
        look = look_at(place, agent, camera)
        (seen,) = look["cameras"]
        shown = text(place.alice.get(place.url(f"cameras/look/{look['id']}")))
        assert "Set its streams and clock" in shown
        address = place.url(f"cameras/look/{look['id']}/{seen['id']}")
        form = place.alice.get(address)
        assert "CET-1CEST,M3.5.0,M10.5.0/3" in text(form)
        fields = fields_of(form.content.decode()) | {"ntp": "", "time_zone": ""}
        assert (fields["s0-codec"], fields["s0-kbit_s"], fields["s1-gop"]) == ("h264", "4096", "20")
        nothing = place.alice.post(address, fields)
        assert nothing.status_code == 422
        assert "There is nothing to set" in text(nothing)
        wrong = place.alice.post(address, fields | {"ntp": "no server"})
        assert "The time server is no address and no name" in text(wrong)
        changes = {"s0-codec": "h265", "s0-gop": "25", "s1-kbit_s": "1", "ntp": "ntp.example.org"}
        begun = place.alice.post(address, fields | changes | {"time_zone": "America/New_York"})
        assert begun.status_code == 302, text(begun)
        assert "data-fresh" in place.alice.get(begun["Location"]).content.decode()
        agent.obey()
        done = text(place.alice.get(begun["Location"]))
        assert "Stream profile_main : set." in done
        assert "Stream profile_sub : The camera refuses what it was asked." in done
        assert "Clock : set." in done
        main, sub = camera.encoders
        assert (main.codec, main.gop, main.kbit_s, sub.kbit_s) == ("H265", 25, 4096, 512)
        assert (camera.ntp, camera.time_source, camera.time_zone) == (
            "ntp.example.org",
            "NTP",
            "EST5EDT,M3.2.0,M11.1.0",
        )
        path = f"camera-looks/{look['id']}/cameras/{seen['id']}/settings"
        told = call(place.alice, place, "POST", path, {"time_zone": "Etc/Nowhere"})
        assert told.status_code == 422
        told = call(place.alice, place, "POST", path, {"encoders": [{"profile": "profile_sub", "gop": 10}]})
        assert told.status_code == 202
        agent.obey()
        result = call(place.alice, place, "GET", f"camera-settings/{told.json()['id']}").json()
        assert result["results"] == [{"profile": "profile_sub", "cause": None, "reason": "", "next_step": ""}]
        assert camera.encoders[1].gop == 10


def test_a_camera_of_this_agent_is_marked(place: Place, agent: Agent) -> None:
    new = {"agent": str(agent.agent), "name": "Known", "main_url": "rtsp://127.0.0.1/x"}
    known = call(place.alice, place, "POST", "cameras", new).json()["id"]
    with camera_beside():
        begun = call(place.alice, place, "POST", "camera-searches", {"agent": str(agent.agent)}).json()["id"]
        agent.obey()
    assert call(place.alice, place, "GET", f"camera-searches/{begun}").json()["devices"][0]["camera"] == known
    shown = text(place.alice.get(place.url(f"cameras/find/{begun}")))
    assert "Added already: Known" in shown
    add = place.alice.get(place.url(f"cameras/add?agent={agent.agent}&url=rtsp://u:p@10.0.0.9/"))
    assert 'value="rtsp://10.0.0.9/"' in add.content.decode()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"ranges": ["8.8.8.0/24"]}, "private networks"),
        ({"ranges": ["10.0.0.0/8"]}, "1024"),
        ({"multicast": False}, "choose a way"),
    ],
)
def test_a_search_that_cannot_be_made_is_refused(
    place: Place, agent: Agent, fields: dict[str, Any], why: str
) -> None:
    reply = call(place.alice, place, "POST", "camera-searches", {"agent": str(agent.agent)} | fields)
    assert reply.status_code == 422
    assert why in reply.content.decode()
    form = {"agent": str(agent.agent), "ranges": " ".join(fields.get("ranges", []))}
    page = place.alice.post(place.url("cameras/find"), form)
    assert page.status_code == 422


def test_a_service_in_a_cloud_s_own_network_is_not_looked_at(place: Place, agent: Agent) -> None:
    for service in ("http://169.254.169.254/latest", "gopher://10.0.0.1/", "http://u:p@10.0.0.1/"):
        body = {"agent": str(agent.agent), "cameras": [{"service": service}]}
        assert call(place.alice, place, "POST", "camera-looks", body).status_code == 422


def test_searches_are_their_askers_own_and_need_a_connected_agent(place: Place, agent: Agent) -> None:
    begun = call(place.alice, place, "POST", "camera-searches", {"agent": str(agent.agent)}).json()["id"]
    olga = sign_in(place.cast.olga)
    assert call(olga, place, "GET", f"camera-searches/{begun}").status_code in (403, 404)
    assert call(place.alice, place, "GET", f"camera-looks/{begun}").status_code == 404
    client().delete(presence_key(agent.agent))
    offline = place.alice.post(place.url("cameras/find"), {"agent": str(agent.agent), "multicast": "on"})
    assert offline.status_code == 422
    assert "is not connected now" in text(offline)


def test_what_a_camera_offers_is_kept_when_it_is_added_and_asked_anew(place: Place, agent: Agent) -> None:
    with camera_beside() as camera:
        look = look_at(place, agent, camera)
        row = {"id": look["cameras"][0]["id"], "name": "Yard", "main": "profile_main"}
        added = call(place.alice, place, "POST", f"camera-looks/{look['id']}/cameras", {"cameras": [row]})
        path = f"cameras/{added.json()['items'][0]['camera']}/offers"
        first = call(place.alice, place, "GET", path).json()["offers"]
        assert (first["firmware"], first["scopes"]) == ("5.51.7", ["S", "T"])
        assert first["steers"] == ["move", "step", "home", "presets"]
        camera.firmware, camera.ptz = "6.0", False
        page = place.alice.post(place.url(path), follow=True)
        assert "The agent is asking the camera." in text(page)
        agent.obey()
        page = place.alice.get(page.redirect_chain[-1][0].partition("#")[0])
        assert "6.0" in text(page)
        assert "The agent is asking" not in text(page)
        camera.users["operator"] = ("another one", "Administrator")
        begun = call(place.alice, place, "POST", path, {}).json()
        agent.obey()
        asked = call(place.alice, place, "GET", f"{path}/{begun['id']}").json()
    assert (asked["state"], asked["cause"]) == ("failed", "credentials")
    assert asked["offers"]["firmware"] == "6.0", "a failure takes nothing away"
    assert asked["offers"]["steers"] == []
    assert "rtsp://" not in str(asked)


def steer(place: Place, camera: str, client: Any = None, **wish: Any) -> Any:
    return call(client or place.alice, place, "POST", f"cameras/{camera}/steering", wish)


def test_a_camera_is_steered_by_one_person_at_a_time_and_each_stretch_is_written_down(
    place: Place, agent: Agent
) -> None:
    with camera_beside() as camera:
        look = look_at(place, agent, camera)
        row = {"id": look["cameras"][0]["id"], "name": "Yard", "main": "profile_main"}
        added = call(place.alice, place, "POST", f"camera-looks/{look['id']}/cameras", {"cameras": [row]})
        turns = added.json()["items"][0]["camera"]
        seen = call(place.alice, place, "GET", f"cameras/{turns}").json()
        assert seen["steers"] == ["move", "step", "home", "presets"]
        for wish in ({"act": "move", "pan": 0.5, "ms": 1000}, {"act": "home"}):
            begun = steer(place, turns, **wish)
            assert begun.status_code == 202, begun.content
            agent.obey()
            told = call(place.alice, place, "GET", f"cameras/{turns}/steering/{begun.json()['id']}").json()
            assert (told["state"], told["cause"]) == ("done", None)
        with tenant_scope(place.cast.tenant_a.id):
            olga = make_account("Otto", role=OPERATOR)
        other = sign_in(olga)
        taken = steer(place, turns, other, act="move", tilt=1)
        assert taken.status_code == 409
        assert taken.json()["type"] == "urn:vsaas:problem:somebody-steers"
        assert "Alice steers Yard" in taken.json()["detail"]
        assert steer(place, turns, other, act="move", tilt=1, take_over=True).status_code == 202
        agent.obey()
        assert steer(place, turns, act="stop").status_code == 409
        kept = steer(place, turns, act="keep", name="Gate", take_over=True)
        agent.obey()
        told = call(place.alice, place, "GET", f"cameras/{turns}/steering/{kept.json()['id']}").json()
        assert [one["name"] for one in told["presets"]] == ["Gate"]
        assert steer(place, turns, other, act="keep", name="Mine", take_over=True).status_code == 403
    with tenant_scope(place.cast.tenant_a.id):
        acts = AuditInbox.objects.filter(act__startswith="camera.").order_by("id")
        told = [
            (one.act, one.actor_name) for one in acts if one.act in ("camera.steered", "camera.preset-kept")
        ]
    assert told == [
        ("camera.steered", "Alice"),
        ("camera.steered", "Otto"),
        ("camera.steered", "Alice"),
        ("camera.preset-kept", "Alice"),
    ]


def test_who_may_only_watch_does_not_steer_and_what_cannot_turn_says_so(place: Place, agent: Agent) -> None:
    with tenant_scope(place.cast.tenant_a.id):
        viewer = sign_in(make_account("Vera", role=VIEWER))
        Camera.objects.filter(id=place.camera.id).update(offers={"steers": ["move"]})
    here = str(place.camera.id)
    assert steer(place, here, viewer, act="move", pan=1).status_code == 403
    assert call(viewer, place, "GET", f"cameras/{here}").json()["steers"] == []
    unable = steer(place, here, act="home")
    assert (unable.status_code, unable.json()["type"]) == (409, "urn:vsaas:problem:cannot-steer")
    for wish in (
        {"act": "dance"},
        {"act": "move", "pan": 2},
        {"act": "move", "ms": 5000},
        {"act": "move", "ms": 0},
    ):
        assert steer(place, here, **wish).status_code == 422, wish
