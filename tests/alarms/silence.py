"""Time that passes while agents speak or are silent, with the worker looking every five seconds."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tenants.scope import tenant_scope
from tests.boxes import Box
from tests.cameras.place import Place
from tests.mailbox import letters
from vsaas.agents import heard
from vsaas.alarms import tasks, watching
from vsaas.alarms.models import Alarm
from vsaas.audit.services import system
from vsaas.cameras.models import Camera
from vsaas.cameras.services import NewCamera, camera_add
from vsaas.common import clock
from vsaas.common.redis import client
from vsaas.mail.letters import Letter


@dataclass
class Silence:
    """`at`: seconds since the test began."""

    place: Place
    at: float = 0.0

    @contextlib.contextmanager
    def _now(self) -> Iterator[None]:
        with clock.shifted(dt.timedelta(seconds=self.at)):
            yield

    def go_on(self, seconds: float, beat: Callable[[], Any] | None = None) -> None:
        """Time passes: a heartbeat every ten seconds where there is one, and the worker looks every five."""
        end = self.at + seconds
        while self.at < end:
            with self._now():
                if beat is not None and self.at % 10 == 0:
                    beat()
                self.look()
            self.at += watching.EVERY_S

    def look(self) -> None:
        own = self.place.cast.tenant_a.id
        if own in watching.tenants_to_look_at(clock.now_us() / 1e6):
            tasks.look_at_tenant(str(own))

    def beat(self, states: dict[Camera, str] | None = None, box: Box | None = None) -> None:
        """The box speaks: its cameras in these states (recording when nothing is said) since now, where that is news."""
        (box or self.place.box).beat(streams=[self.stream(*one) for one in (states or {}).items()])

    def stream(self, camera: Camera, state: str) -> dict[str, Any]:
        key = (camera.id, state)
        since = self._since.setdefault(key, clock.now_us())
        for other in [one for one in self._since if one[0] == camera.id and one[1] != state]:
            del self._since[other]
        return {
            "camera": str(camera.id),
            "stream": 1,
            "state": state,
            "since_us": since,
            "detail": "",
            "bits_per_s": 0,
            "frames_per_s": 0,
            "codec": "",
        }

    def __post_init__(self) -> None:
        self._since: dict[tuple[Any, str], int] = {}

    def recording(self) -> None:
        self.beat({self.place.camera: "recording"})

    def offline(self) -> None:
        self.beat({self.place.camera: "offline"})

    def alarms(self) -> list[Alarm]:
        with tenant_scope(self.place.cast.tenant_a.id):
            return list(Alarm.objects.order_by("noticed_at", "camera_id"))

    def open(self) -> list[Alarm]:
        return [one for one in self.alarms() if one.ended_at is None]

    def mails(self, to: str = "alice@example.org") -> list[Letter]:
        with self._now():
            return letters(self.place.cast.tenant_a.id, to, "alarms")

    def more_cameras(self, count: int) -> list[Camera]:
        with tenant_scope(self.place.cast.tenant_a.id):
            agent = self.place.box.agent()
            return [
                camera_add(agent, NewCamera(f"Hall {n}", f"rtsp://10.0.1.{n}/main"), system("tests"))
                for n in range(1, count + 1)
            ]


def start(place: Place) -> Silence:
    """Nothing was heard before, and the portal hears for a minute already."""
    client().delete(heard.LAST, heard.TO_LOOK_AT, watching._LOOKED, watching._HEARING)
    silence = Silence(place)
    silence.go_on(60, silence.recording)
    return silence
