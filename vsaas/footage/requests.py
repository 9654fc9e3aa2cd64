"""Reading what browsers ask for: pure, each refusal names its field."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from protocol import b64
from protocol.errors import ProtocolError
from protocol.limits import LAST_US
from sealing.ids import Stream
from vsaas.common.errors import InvalidFields
from vsaas.footage.playback import STREAMS_MOST
from vsaas.footage.stills import STILLS_MOST, Wish
from vsaas.footage.timeline import MAX_CAMERAS, MAX_RANGE_US
from vsaas.footage.times import HOUR_US, US, from_iso

MAPS_MOST_US = HOUR_US
CLIP_MOST_US = 24 * 3600 * US
STREAMS = {"main": Stream.MAIN, "sub": Stream.SUB}


def refused(field: str, message: str) -> InvalidFields:
    """The error to raise for one wrong field."""
    return InvalidFields(f"{field} {message}", extra={"errors": [{"field": field, "message": str(message)}]})


@dataclass(frozen=True)
class TimelineRequest:
    """`GET timeline`: which cameras, which stream, which range, how fine."""

    cameras: list[uuid.UUID]
    stream: Stream
    from_us: int
    to_us: int
    resolution_us: int


@dataclass(frozen=True)
class StreamAsked:
    """One stream of one camera."""

    camera: uuid.UUID
    stream: Stream


@dataclass(frozen=True)
class PlaybackRequest:
    """`POST playback`: streams, range, audio wanted, and the browser's ephemeral X25519 key (32 bytes)."""

    streams: list[StreamAsked]
    from_us: int
    to_us: int
    audio: bool
    hpke_public: bytes


@dataclass(frozen=True)
class ClipRequest:
    """`POST clips`: the stretch to save, or (with the `ticket` of the first answer) the next part of it."""

    camera: uuid.UUID
    stream: Stream
    from_us: int
    to_us: int
    audio: bool
    hpke_public: bytes
    ticket: str | None


@dataclass(frozen=True)
class StillsRequest:
    """`POST stills`: up to STILLS_MOST pictures, and the browser's ephemeral X25519 key (32 bytes)."""

    wishes: list[Wish]
    hpke_public: bytes


@dataclass(frozen=True)
class MapsRequest:
    """`POST motion-maps`: of which camera and range, and the browser's ephemeral X25519 key (32 bytes)."""

    camera: uuid.UUID
    from_us: int
    to_us: int
    hpke_public: bytes


def timeline_request(query: Mapping[str, str]) -> TimelineRequest:
    """Raises InvalidFields. Times are ISO 8601 with a zone, or UTC microseconds."""
    cameras, from_us, to_us = range_request(query)
    return TimelineRequest(
        cameras,
        _stream(query.get("stream", "main")),
        from_us,
        to_us,
        _resolution(query.get("resolution", "0")),
    )


def range_request(query: Mapping[str, str]) -> tuple[list[uuid.UUID], int, int]:
    """Cameras, and from when to when. Raises InvalidFields."""
    from_us, to_us = _instant(query.get("from"), "from"), _instant(query.get("to"), "to")
    if not from_us < to_us <= from_us + MAX_RANGE_US:
        raise refused(
            "to",
            _("must lie after from, at most %(days)s days later") % {"days": MAX_RANGE_US // (86_400 * US)},
        )
    cameras = list(dict.fromkeys(_id(part, "cameras") for part in query.get("cameras", "").split(",")))
    if len(cameras) > MAX_CAMERAS:
        raise refused(
            "cameras",
            _("names %(cameras)s cameras, at most %(most)s are answered at once")
            % {"cameras": len(cameras), "most": MAX_CAMERAS},
        )
    return cameras, from_us, to_us


def playback_request(data: Any) -> PlaybackRequest:
    """Raises InvalidFields."""
    if not isinstance(data, dict):
        raise refused("body", _("is not a JSON object"))
    rows = data.get("streams")
    if not isinstance(rows, list) or not 1 <= len(rows) <= STREAMS_MOST:
        raise refused("streams", _("must list 1 to %(most)s streams") % {"most": STREAMS_MOST})
    streams = [stream_asked(row) for row in rows]
    if len(set(streams)) != len(streams):
        raise refused("streams", _("names a stream twice"))
    from_us, to_us = whole(data, "from_us"), whole(data, "to_us")
    if to_us <= from_us:
        raise refused("to_us", _("must lie after from_us"))
    return PlaybackRequest(streams, from_us, to_us, flag(data, "audio"), hpke_public(data))


def clip_request(data: Any) -> ClipRequest:
    """Raises InvalidFields."""
    if not isinstance(data, dict):
        raise refused("body", _("is not a JSON object"))
    asked = stream_asked(data)
    from_us, to_us = whole(data, "from_us"), whole(data, "to_us")
    if not from_us < to_us <= from_us + CLIP_MOST_US:
        raise refused(
            "to_us",
            _("must lie after from_us, at most %(hours)s hours later")
            % {"hours": CLIP_MOST_US // (3600 * US)},
        )
    ticket = data.get("clip")
    if ticket is not None and not isinstance(ticket, str):
        raise refused("clip", _("must be the ticket of the first answer, or absent"))
    return ClipRequest(
        asked.camera, asked.stream, from_us, to_us, flag(data, "audio"), hpke_public(data), ticket
    )


def stills_request(data: Any) -> StillsRequest:
    """Raises InvalidFields."""
    if not isinstance(data, dict):
        raise refused("body", _("is not a JSON object"))
    rows = data.get("stills")
    if not isinstance(rows, list) or not 1 <= len(rows) <= STILLS_MOST:
        raise refused("stills", _("must list 1 to %(most)s pictures") % {"most": STILLS_MOST})
    return StillsRequest([_wish(row) for row in rows], hpke_public(data))


def maps_request(data: Any) -> MapsRequest:
    """Raises InvalidFields."""
    if not isinstance(data, dict):
        raise refused("body", _("is not a JSON object"))
    from_us, to_us = whole(data, "from_us"), whole(data, "to_us")
    if not from_us < to_us <= from_us + MAPS_MOST_US:
        raise refused("to_us", _("must lie after from_us, at most an hour later"))
    return MapsRequest(_id(data.get("camera"), "camera"), from_us, to_us, hpke_public(data))


def _wish(row: Any) -> Wish:
    if not isinstance(row, dict):
        raise refused("stills", _("must hold objects with camera, and at_us or stream where wished"))
    at_us = None if row.get("at_us") is None else whole(row, "at_us")
    stream = None if row.get("stream") is None else _stream(row["stream"])
    return Wish(_id(row.get("camera"), "camera"), at_us, stream)


def stream_asked(row: Any) -> StreamAsked:
    """`{"camera", "stream"}`."""
    if not isinstance(row, dict):
        raise refused("streams", _("must hold objects with camera and stream"))
    return StreamAsked(_id(row.get("camera"), "camera"), _stream(row.get("stream")))


def hpke_public(data: dict[str, Any]) -> bytes:
    """The browser's ephemeral X25519 public key."""
    try:
        return b64.decode(data.get("hpke_public"), length=32, what="hpke_public")
    except ProtocolError as error:
        raise refused("hpke_public", _("must be 32 bytes as base64url without padding")) from error


def whole(data: dict[str, Any], field: str) -> int:
    """UTC microseconds as a JSON number."""
    value = data.get(field)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LAST_US:
        raise refused(field, _("must be UTC microseconds"))
    return value


def flag(data: dict[str, Any], field: str) -> bool:
    """True or false; false when absent."""
    value = data.get(field, False)
    if not isinstance(value, bool):
        raise refused(field, _("must be true or false"))
    return value


def _instant(text: str | None, field: str) -> int:
    if text is None:
        raise refused(field, _("is missing"))
    try:
        value = int(text) if text.isascii() and text.isdigit() else from_iso(text)
    except (ValueError, OverflowError):
        raise refused(field, _("must be ISO 8601 with a zone, or UTC microseconds")) from None
    if not 0 <= value <= LAST_US:
        raise refused(field, _("lies outside the years 1970 to 9999"))
    return value


def _id(value: Any, field: str) -> uuid.UUID:
    try:
        return uuid.UUID(value)
    except (ValueError, TypeError, AttributeError):
        raise refused(field, _("holds something that is not an id")) from None


def _stream(value: Any) -> Stream:
    if not isinstance(value, str) or value not in STREAMS:
        raise refused("stream", _("must be main or sub"))
    return STREAMS[value]


def _resolution(text: str) -> int:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        raise refused("resolution", _("must be seconds, from 0 to 86400"))
    return int(seconds * US)
