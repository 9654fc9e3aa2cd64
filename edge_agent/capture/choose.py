"""Which source reads a camera: our own reader, or PyAV where it needs more than that."""

from __future__ import annotations

import logging

from edge_agent.capture.native_source import NativeSource, NotForUs
from edge_agent.capture.pyav_source import PyAvSource
from edge_agent.capture.source import Source
from edge_agent.errors import SourceFailed
from sealing.ids import GapReason

logger = logging.getLogger(__name__)


def open_source(url: str, audio: bool, interface: str = "") -> Source:
    """Open a camera's stream; where an interface is named, by that one alone. Raises SourceFailed with the reason."""
    needed = "its address is not rtsp://"
    if url.startswith("rtsp://"):
        try:
            return NativeSource(url, audio=audio, interface=interface)
        except NotForUs as needs:
            needed = str(needs)
            logger.info("a camera is read by the general source: %s", needed)
    if interface:
        # FFmpeg's RTSP cannot be bound to an interface, and going out by another one is what the setting forbids.
        raise SourceFailed(
            GapReason.CAMERA_STREAM_UNUSABLE,
            f"this camera is not read while the setting 'camera_interface' is {interface!r}: {needed}",
        )
    return PyAvSource(url, audio=audio)
