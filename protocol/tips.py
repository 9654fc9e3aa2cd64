"""Tips of chains as messages name them: the newest record the portal accepted of each."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from protocol import b64
from protocol.errors import ProtocolError


@dataclass(frozen=True)
class ChainTip:
    """The newest record of a chain the portal accepted."""

    chain: bytes
    camera: uuid.UUID
    stream: int
    seq: int
    hash: bytes

    def to_json(self) -> dict[str, Any]:
        return {
            "chain": b64.encode(self.chain),
            "camera": str(self.camera),
            "stream": self.stream,
            "seq": self.seq,
            "hash": b64.encode(self.hash),
        }

    @classmethod
    def from_json(cls, value: object) -> ChainTip:
        """Raises ProtocolError `bad-field`."""
        if not isinstance(value, dict):
            raise ProtocolError("bad-field", "a tip is not a JSON object")
        return cls(
            chain=b64.decode(value.get("chain"), length=16, what="chain"),
            camera=uuid_of(value.get("camera"), "camera"),
            stream=whole(value.get("stream"), "stream"),
            seq=whole(value.get("seq"), "seq"),
            hash=b64.decode(value.get("hash"), length=32, what="hash"),
        )


def uuid_of(value: object, what: str) -> uuid.UUID:
    """A UUID in its text form; ProtocolError `bad-field` otherwise."""
    try:
        if not isinstance(value, str):
            raise ValueError
        return uuid.UUID(value)
    except ValueError as error:
        raise ProtocolError("bad-field", f"{what} is not a UUID") from error


def whole(value: object, what: str) -> int:
    """A number from 0 to 2^63 - 1; ProtocolError `bad-field` otherwise."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ProtocolError("bad-field", f"{what} is not a whole number")
    return value
