"""Which source reads a camera: our own reader, or PyAV where it needs more than that."""

from __future__ import annotations

import logging

from edge_agent.capture.native_source import NativeSource, NotForUs
from edge_agent.capture.pyav_source import PyAvSource
from edge_agent.capture.source import Source
from edge_agent.errors import SourceFailed
from sealing.ids import GapReason

logger = logging.getLogger(__name__)


def open_source(url: str, audio: bool, accepted: bytes | None = None, *, interface: str = "") -> Source:
    """Open a camera's stream. Raises SourceFailed with the reason.

    `accepted`: SHA-256 of the only certificate it may show. `interface`: the only one to reach it by.
    """
    needed = "its address is neither rtsp:// nor rtsps://"
    if url.startswith(("rtsp://", "rtsps://")):
        try:
            return NativeSource(url, audio=audio, accepted=accepted, interface=interface)
        except NotForUs as needs:
            needed = str(needs)
            if accepted is not None:
                raise SourceFailed(
                    GapReason.CAMERA_STREAM_UNUSABLE,
                    f"the camera needs the general source ({needs}), which cannot check the accepted certificate: forget the "
                    "certificate in the portal, or change the camera's settings",
                ) from None
            logger.info("a camera is read by the general source: %s", needs)
    if interface:
        # FFmpeg's RTSP cannot be bound to an interface, and going out by another one is what the setting forbids.
        raise SourceFailed(
            GapReason.CAMERA_STREAM_UNUSABLE,
            f"this camera is not read while the setting 'camera_interface' is {interface!r}: it needs the general source "
            f"({needed}), which cannot be bound to one",
        )
    return PyAvSource(url, audio=audio)
