"""Opus packets (RFC 6716 section 3.1) and their description in MP4 (Opus in ISOBMFF, section 4.3.2). Pure; nothing decoded."""

from __future__ import annotations

import struct
from typing import Final

RATE: Final = 48_000
_LONGEST: Final = 5760
"""120 ms, which no packet exceeds."""
# Samples in one frame at 48 kHz, by the configuration in the packet's first byte.
_FRAMES: Final = (
    *(480, 960, 1920, 2880) * 3,  # SILK: 10, 20, 40, 60 ms
    *(480, 960) * 2,  # hybrid: 10, 20 ms
    *(120, 240, 480, 960) * 4,  # CELT: 2.5, 5, 10, 20 ms
)


def duration(packet: bytes | bytearray | memoryview) -> int:
    """How many samples at 48 kHz a packet sounds; 0 for one that is malformed."""
    if not packet:
        return 0
    kind = packet[0] & 3
    count = 1 if kind == 0 else 2
    if kind == 3:
        count = packet[1] & 63 if len(packet) > 1 else 0
    samples = _FRAMES[packet[0] >> 3] * count
    return samples if samples <= _LONGEST else 0


def head(channels: int) -> bytes:
    """The content of `dOps` for one or two channels. A camera's stream has no beginning, so nothing is skipped at it."""
    return struct.pack(">BBHIhB", 0, channels, 0, RATE, 0, 0)
