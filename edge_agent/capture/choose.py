"""Which source reads a camera: our own reader, or PyAV where it needs more than that."""

from __future__ import annotations

import logging

from edge_agent.capture.native_source import NativeSource, NotForUs
from edge_agent.capture.pyav_source import PyAvSource
from edge_agent.capture.source import Source
from edge_agent.errors import SourceFailed
from sealing.ids import GapReason

logger = logging.getLogger(__name__)


def open_source(url: str, audio: bool, accepted: bytes | None = None) -> Source:
    """Open a camera's stream. `accepted`: SHA-256 of the only certificate it may show. Raises SourceFailed with the reason."""
    if url.startswith(("rtsp://", "rtsps://")):
        try:
            return NativeSource(url, audio=audio, accepted=accepted)
        except NotForUs as needs:
            if accepted is not None:
                raise SourceFailed(
                    GapReason.CAMERA_STREAM_UNUSABLE,
                    f"the camera needs the general source ({needs}), which cannot check the accepted certificate: forget the "
                    "certificate in the portal, or change the camera's settings",
                ) from None
            logger.info("a camera is read by the general source: %s", needs)
    return PyAvSource(url, audio=audio)
