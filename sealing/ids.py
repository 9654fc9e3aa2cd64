"""Ids, fingerprints and the registries of SPEC.md sections 1.2 and 1.4."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from enum import IntEnum

from .errors import BadField


class Rendition(IntEnum):
    """What a part holds."""

    MAIN = 1
    SUB = 2
    AUDIO = 3
    THUMB = 4
    MOTION = 5
    MASKED = 6
    INDEX = 7


class Stream(IntEnum):
    """One video of a camera as recorded; equals the rendition of its video part."""

    MAIN = 1
    SUB = 2


class KeyPurpose(IntEnum):
    """What a period key or session key is for."""

    REC = 1
    LIVE = 2


class EnvelopePurpose(IntEnum):
    """What an envelope hands over."""

    REC = 1
    LIVE = 2
    RELEASE = 3
    CAMERA_SOURCE = 4
    CAMERA_SHARE = 5
    VAULT_SHARE = 6


class SealSuite(IntEnum):
    """How a part is sealed."""

    COBBLESTONE_256 = 1


class HpkeSuite(IntEnum):
    """How an envelope is sealed."""

    X25519_SHA256_AES256GCM = 1


class RecordKind(IntEnum):
    """Kinds of record; 6 rollover, 7 key-announce and 8 evict are reserved."""

    GENESIS = 1
    SEGMENT = 2
    GAP = 3
    BEAT = 4
    CLOCK = 5
    EVENT = 9


class StatementKind(IntEnum):
    """Kinds of statement; 6 policy and 7 witnesses are reserved."""

    ROOT = 1
    AGENT_KEYS = 2
    RECIPIENTS = 3
    COMMAND_KEY = 4
    DELETION_KEY = 5
    AGENT_REVOKED = 8
    ROOT_HANDOVER = 9
    CAMERA_KEYS = 10
    MEMBER_KEYS = 11


class CameraKeyKind(IntEnum):
    """What a key of a camera opens: seeing and hearing are rights of their own."""

    PICTURE = 0
    SOUND = 1


class RecipientKind(IntEnum):
    """Whom an envelope may be sealed to."""

    TENANT = 1
    CAMERA_GROUP = 2
    RECOVERY = 3
    PERSON = 4


class EventType(IntEnum):
    """What was noticed."""

    MOTION = 1
    TAMPER = 2
    DIGITAL_INPUT = 3
    LINE_CROSSING = 4
    SOUND = 5
    FROZEN_PICTURE = 6
    """The stream runs, and its picture stands still bit for bit."""
    OTHER_DEVICE = 7
    """Another device than before answers at the camera's address."""
    CAMERA_CLOCK = 8
    """The camera's own clock is wrong by more than 10 s."""


class GapReason(IntEnum):
    """Why there is no footage."""

    CAMERA_UNREACHABLE = 1
    CAMERA_REFUSED_CREDENTIALS = 2
    CAMERA_STALLED = 3
    CAMERA_STREAM_UNUSABLE = 4
    AGENT_STOPPED = 5
    AGENT_CRASHED = 6
    DISK_FULL = 7
    RECORDING_DISABLED = 8
    MEDIA_TIME_JUMPED = 9
    PACKETS_LOST = 10
    STREAM_PARAMETERS_CHANGED = 11
    CLOCK_STEPPED = 12
    SEALED_DATA_DAMAGED = 13
    BY_PLAN = 14


class GenesisReason(IntEnum):
    """Why a chain begins."""

    FIRST_START = 1
    RESTART = 2
    TIP_MISMATCH = 3
    ADOPTED = 4
    ROLLOVER = 5
    """The agent's record key is another one from here on."""


class ClockSource(IntEnum):
    """Where the agent's wall clock comes from."""

    UNKNOWN = 0
    SYSTEM_SYNCHRONISED = 1
    SYSTEM_NOT_SYNCHRONISED = 2
    PORTAL = 3


AUDIO_OF_SUB = 0x83
"""Rendition class of the audio that lies beside the sub stream."""


def rendition_class(stream: Stream, rendition: Rendition) -> int:
    """The class a period key belongs to: the video's stream (also for its index), 3 audio of main, 131 audio of sub."""
    if rendition is Rendition.AUDIO:
        return int(Rendition.AUDIO) if stream is Stream.MAIN else AUDIO_OF_SUB
    return int(stream)


def camera_key_kind(rendition_class: int) -> CameraKeyKind:
    """The kind of camera key to which period keys of this class are sealed."""
    sound = rendition_class in (Rendition.AUDIO, AUDIO_OF_SUB)
    return CameraKeyKind.SOUND if sound else CameraKeyKind.PICTURE


def uuid7(unix_ms: int, random: bytes | None = None) -> uuid.UUID:
    """A UUIDv7 (RFC 9562 section 5.7) for `unix_ms` milliseconds since 1970, from 10 random bytes (given only by tests)."""
    if not 0 <= unix_ms < 1 << 48:
        raise BadField(f"a UUIDv7 cannot hold the time {unix_ms} ms")
    tail = bytearray(secrets.token_bytes(10) if random is None else random)
    if len(tail) != 10:
        raise ValueError("a UUIDv7 takes exactly 10 random bytes")
    tail[0] = 0x70 | (tail[0] & 0x0F)
    tail[2] = 0x80 | (tail[2] & 0x3F)
    return uuid.UUID(bytes=unix_ms.to_bytes(6, "big") + bytes(tail))


def kid(public_key: bytes) -> bytes:
    """Key id (16 bytes) of a raw signing public key (32 bytes)."""
    return hashlib.sha256(b"vsaas-key-v1" + public_key).digest()[:16]


def box_kid(public_key: bytes) -> bytes:
    """Key id (16 bytes) of a raw X25519 public key (32 bytes)."""
    return hashlib.sha256(b"vsaas-box-v1" + public_key).digest()[:16]


def fingerprint(root_public_key: bytes) -> bytes:
    """Fingerprint (32 bytes) of the tenant root's raw public key."""
    return hashlib.sha256(b"vsaas-root-v1" + root_public_key).digest()


def show_fingerprint(value: bytes) -> str:
    """A fingerprint for people: 64 lower-case hex digits in groups of 4."""
    digits = value.hex()
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def read_fingerprint(text: str) -> bytes:
    """A fingerprint as people type it: hex digits of either case; spaces, dashes and colons are skipped. Raises BadField."""
    digits = "".join(char for char in text if char not in " -:\n\t")
    try:
        value = bytes.fromhex(digits)
    except ValueError:
        value = b""
    if len(value) != 32:
        raise BadField("a fingerprint is 64 hex digits")
    return value
