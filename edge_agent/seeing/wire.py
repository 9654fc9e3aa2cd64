"""What goes between the agent and the process that looks at pictures: messages behind a head of fixed size."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final

from edge_agent.h26x import Codec
from protocol import fields
from protocol.detection import Detection
from protocol.errors import ProtocolError
from sealing.canonical import decode_canonical, encode_canonical

HEAD: Final = struct.Struct(">BHQI")
"""Kind, slot (one per camera), time in ns of the monotonic clock, bytes that follow."""
LOOK, KEY, DELTA, GONE = 1, 2, 3, 4
"""To the eye: what to look for and how to decode; a picture that decoding can start with; another; no picture for a while."""
AT, TOLD, MOVED = 5, 6, 7
"""From it: whose picture is looked at now; something began or ended; what moved in the picture of that time (nothing: no bytes)."""
UNIT_BYTES_MOST: Final = 4 * 1024 * 1024
TOLD_BYTES_MOST: Final = 1000
CONFIG_BYTES_MOST: Final = 200_000


def message(
    kind: int, slot: int, at_ns: int = 0, data: bytes | bytearray = b""
) -> tuple[bytes, bytes | bytearray]:
    return HEAD.pack(kind, slot, at_ns, len(data)), data


@dataclass(frozen=True)
class Look:
    """`config`: avcC or hvcC."""

    codec: Codec
    config: bytes
    order: Detection

    def encode(self) -> bytes:
        return encode_canonical([self.codec, self.config, self.order.to_map()])

    @classmethod
    def decode(cls, data: bytes) -> Look:
        """Raises ProtocolError or SealingError."""
        row: list[Any] = fields.array(decode_canonical(data), "what to look for", length=3)
        codec: Codec
        match fields.text(row[0], "codec", most=10):
            case "h264":
                codec = "h264"
            case "h265":
                codec = "h265"
            case unknown:
                raise ProtocolError("bad-field", f"pictures coded as {unknown} cannot be decoded here")
        return cls(
            codec,
            fields.data(row[1], "decoder configuration", most=CONFIG_BYTES_MOST),
            Detection.from_map(row[2]),
        )


@dataclass(frozen=True)
class Told:
    """`kind`: a happening's, motion or tamper. `what`: the zone, or how it was tampered with."""

    kind: str
    what: str
    active: bool

    def encode(self) -> bytes:
        return encode_canonical([self.kind, self.what, self.active])

    @classmethod
    def decode(cls, data: bytes) -> Told:
        """Raises ProtocolError or SealingError: the eye decodes what strangers send, and is believed no more than they are."""
        row: list[Any] = fields.array(decode_canonical(data), "what is seen", length=3)
        kind = fields.text(row[0], "kind", most=10)
        if kind not in ("motion", "tamper"):
            raise ProtocolError("bad-field", "what is seen is of no kind known here")
        return cls(kind, fields.text(row[1], "zone", most=40), fields.boolean(row[2], "active"))
