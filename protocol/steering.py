"""Orders about one camera that was added: look at it again, and steer it (pan, tilt, zoom).

The agent takes the camera's own user and password, which it holds; the order names neither. Steering is obeyed in the order in
which it was asked: an act whose order ends earlier than that of one obeyed before is left. A movement ends by itself after
`MOVES_MS_MAX` at most, whatever becomes of the order that is to end it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from protocol import fields
from protocol.errors import ProtocolError
from protocol.finding import LOOK_CAUSES, REPORT_BYTES_MAX, check_service
from sealing.canonical import decode_canonical, encode_canonical

MOVE: Final = "move"
STOP: Final = "stop"
STEP: Final = "step"
HOME: Final = "home"
PRESETS: Final = "presets"
GO: Final = "go"
KEEP: Final = "keep"
REMOVE: Final = "remove"
ACTS: Final = frozenset({MOVE, STOP, STEP, HOME, PRESETS, GO, KEEP, REMOVE})
"""Move until stopped, stop, move a little, go to the home position, list presets, go to one, keep the position as one, remove one."""

FULL: Final = 1000
"""Full speed of a movement, or the whole way of a step, in either direction."""
MOVES_MS_MAX: Final = 1000
PRESETS_MAX: Final = 100
OLD: Final = "superseded"
CAUSES: Final = LOOK_CAUSES | {OLD}
"""Why a camera was not steered. `superseded`: something newer was asked of it first."""
_NAME_MAX: Final = 60
_TOKEN_MAX: Final = 200
_SERVICE_MAX: Final = 1000


@dataclass(frozen=True)
class LookAgain:
    """`service`: the camera's ONVIF device service; "": the usual place at its host."""

    camera: uuid.UUID
    service: str = ""

    def row(self) -> list[Any]:
        return [14, self.camera.bytes, self.service]

    @classmethod
    def of(cls, camera: object, service: object) -> LookAgain:
        """Raises ProtocolError."""
        return cls(fields.uid(camera, "camera"), _service(service))


@dataclass(frozen=True)
class Steer:
    """`pan`, `tilt`, `zoom`: -FULL to FULL, right, up and closer are positive. `ms`: after this long a movement ends by itself.
    `preset`: its token; `name`: of a position to be kept."""

    camera: uuid.UUID
    act: str
    service: str = ""
    pan: int = 0
    tilt: int = 0
    zoom: int = 0
    ms: int = 0
    preset: str = ""
    name: str = ""

    def row(self) -> list[Any]:
        ways = [self.pan, self.tilt, self.zoom, self.ms]
        return [15, self.camera.bytes, self.service, self.act, ways, self.preset, self.name]

    @classmethod
    def of(
        cls, camera: object, service: object, act: object, ways: object, preset: object, name: object
    ) -> Steer:
        """Raises ProtocolError."""
        word = fields.text(act, "act", most=20)
        if word not in ACTS:
            raise ProtocolError("bad-field", "steering by an act this agent does not know")
        pan, tilt, zoom, ms = fields.array(ways, "ways", length=4)
        token = fields.text(preset, "preset", most=_TOKEN_MAX)
        label = fields.text(name, "name", most=_NAME_MAX)
        if word in (GO, REMOVE) and not token:
            raise ProtocolError("bad-field", "it names no preset")
        if word == KEEP and not label:
            raise ProtocolError("bad-field", "it names no preset")
        lasts = fields.uint(ms, "time", most=MOVES_MS_MAX)
        if word == MOVE and lasts == 0:
            raise ProtocolError("bad-field", "a movement without an end")
        return cls(
            fields.uid(camera, "camera"),
            word,
            _service(service),
            _way(pan, "pan"),
            _way(tilt, "tilt"),
            _way(zoom, "zoom"),
            lasts,
            token,
            label,
        )


@dataclass(frozen=True)
class Preset:
    """A position a camera keeps. `name`: the camera's own words."""

    token: str
    name: str


@dataclass(frozen=True)
class Steered:
    """What became of an act. `cause`: "" or one of CAUSES. `presets`: what the camera keeps, where the act was about them."""

    cause: str = ""
    presets: tuple[Preset, ...] = ()

    def encode(self) -> bytes:
        return encode_canonical([self.cause, [[one.token, one.name] for one in self.presets]])

    @classmethod
    def decode(cls, report: bytes) -> Steered:
        """Raises ProtocolError or SealingError."""
        row = fields.array(decode_canonical(report, max_bytes=REPORT_BYTES_MAX), "steering", length=2)
        cause = fields.text(row[0], "cause", most=40)
        if cause and cause not in CAUSES:
            raise ProtocolError("bad-field", "steering with a cause that does not exist")
        return cls(cause, tuple(_presets(fields.array(row[1], "presets", most=PRESETS_MAX))))


def _presets(rows: list[Any]) -> Iterable[Preset]:
    for row in rows:
        token, name = fields.array(row, "preset", length=2)
        yield Preset(fields.text(token, "token", most=_TOKEN_MAX), fields.text(name, "name", most=_TOKEN_MAX))


def _way(value: object, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not -FULL <= value <= FULL:
        raise fields.bad(what, f"a number from -{FULL} to {FULL}")
    return value


def _service(value: object) -> str:
    url = fields.text(value, "service", most=_SERVICE_MAX)
    if url:
        check_service(url)
    return url
