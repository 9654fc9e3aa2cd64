"""Camera sources: an RTSP URL with its credentials, sealed to the one agent that records the camera.

The portal seals a source at once when a person types it and cannot open it again; the command document carries it.
"""

from __future__ import annotations

import uuid
from typing import Final
from urllib.parse import urlsplit

from protocol.errors import ProtocolError
from sealing.ids import EnvelopePurpose, Stream, box_kid
from sealing.keys import CameraScope, EnvelopeInfo, open_envelope, seal_envelope

SOURCE_BYTES_MAX: Final = 2000
SCHEMES: Final = ("rtsp", "rtsps")
_EPOCH: Final = 0


def check_url(url: str) -> None:
    """Raises ProtocolError `bad-source`, which says what is wrong and never quotes the URL: it holds a password."""
    if not url or len(url.encode("utf-8", "replace")) > SOURCE_BYTES_MAX:
        raise ProtocolError("bad-source", f"the address must have 1 to {SOURCE_BYTES_MAX} bytes")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ProtocolError(
            "bad-source", "the address holds a space or another character that must be written as %XX"
        )
    if "#" in url:
        raise ProtocolError("bad-source", "the address holds a #: write it as %23")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        # Not chained: the cause quotes parts of the address.
        raise ProtocolError("bad-source", "the host or port in the address cannot be read") from None
    if parts.scheme not in SCHEMES:
        raise ProtocolError("bad-source", "the address must begin with rtsp:// or rtsps://")
    if not host:
        raise ProtocolError("bad-source", "the address names no host: rtsp://user:password@host:554/path")
    if port == 0:
        raise ProtocolError("bad-source", "the port in the address must be 1 to 65535")


def seal_source(tenant: uuid.UUID, camera: uuid.UUID, stream: Stream, url: str, box_public: bytes) -> bytes:
    """The envelope around `url` for the agent's box key (X25519, 32 raw bytes). Raises ProtocolError `bad-source`."""
    check_url(url)
    return seal_envelope(_info(tenant, camera, stream, box_public), url.encode(), box_public)


def open_source(
    tenant: uuid.UUID,
    camera: uuid.UUID,
    stream: Stream,
    envelope: bytes,
    box_private: bytes,
    box_public: bytes,
) -> str:
    """The URL in `envelope`, on the agent. Raises SealingError (`wrong-envelope` and others) or ProtocolError."""
    secret = open_envelope(envelope, _info(tenant, camera, stream, box_public), box_private)
    try:
        url = secret.decode()
    except UnicodeDecodeError as error:
        raise ProtocolError("bad-source", "the address is not text") from error
    check_url(url)
    return url


def _info(tenant: uuid.UUID, camera: uuid.UUID, stream: Stream, box_public: bytes) -> EnvelopeInfo:
    return EnvelopeInfo(
        purpose=EnvelopePurpose.CAMERA_SOURCE,
        tenant=tenant,
        scope=CameraScope(camera),
        key_id=int(stream).to_bytes(16, "big"),
        recipient=box_kid(box_public),
        epoch=_EPOCH,
    )
