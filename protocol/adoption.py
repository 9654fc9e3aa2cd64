"""What a box tells and asks that took the place of another (`POST /agent/v1/adoption`, JSON).

It names the agent whose disk it has (`of`), the cameras' addresses it opened with the box key on that disk and sealed to its
own, and at the end that everything is brought. The portal answers with the addresses it has that are sealed to another box
than the one that asks. Records of the other agent go to `POST /agent/v1/records?of=<agent>`, signed as they are.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from protocol import b64
from protocol.errors import ProtocolError
from protocol.tips import uuid_of, whole

SOURCES_AT_ONCE = 512
"""How many addresses a message names at most: two of each camera."""
ADOPTION_BYTES_MAX = 4 * 1024 * 1024


@dataclass(frozen=True)
class SealedSource:
    """One stream's address, sealed to a box (`protocol.camera_source`)."""

    camera: uuid.UUID
    stream: int
    sealed: bytes = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        return {"camera": str(self.camera), "stream": self.stream, "sealed": b64.encode(self.sealed)}

    @classmethod
    def from_json(cls, value: object) -> SealedSource:
        """Raises ProtocolError `bad-field`."""
        if not isinstance(value, dict):
            raise ProtocolError("bad-field", "a source is not a JSON object")
        return cls(
            uuid_of(value.get("camera"), "camera"),
            whole(value.get("stream"), "stream"),
            b64.decode(value.get("sealed"), what="sealed"),
        )


@dataclass(frozen=True)
class Adoption:
    """`finished`: nothing is left to bring of what the disk held."""

    of: uuid.UUID
    sources: tuple[SealedSource, ...] = ()
    finished: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "of": str(self.of),
            "sources": [item.to_json() for item in self.sources],
            "finished": self.finished,
        }

    @classmethod
    def from_json(cls, data: object) -> Adoption:
        """Raises ProtocolError `bad-field`."""
        if not isinstance(data, dict) or not isinstance(data.get("finished"), bool):
            raise ProtocolError("bad-field", "this is not an adoption")
        return cls(uuid_of(data.get("of"), "of"), _sources(data), data["finished"])


@dataclass(frozen=True)
class AdoptionReply:
    """`name`: of the agent that is adopted. `sources`: what the box that asks cannot open."""

    name: str
    sources: tuple[SealedSource, ...]

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "sources": [item.to_json() for item in self.sources]}

    @classmethod
    def from_json(cls, data: object) -> AdoptionReply:
        """Raises ProtocolError `bad-field`."""
        if not isinstance(data, dict) or not isinstance(data.get("name"), str):
            raise ProtocolError("bad-field", "this is not the reply to an adoption")
        return cls(data["name"], _sources(data))


def _sources(data: dict[str, Any]) -> tuple[SealedSource, ...]:
    value = data.get("sources")
    if not isinstance(value, list) or len(value) > SOURCES_AT_ONCE:
        raise ProtocolError("bad-field", f"sources is not a list of at most {SOURCES_AT_ONCE}")
    return tuple(SealedSource.from_json(item) for item in value)
