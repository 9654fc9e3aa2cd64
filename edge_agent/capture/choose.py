"""Which source reads a camera: our own reader, or PyAV where it needs more than that."""

from __future__ import annotations

import logging

from edge_agent.capture.native_source import NativeSource, NotForUs
from edge_agent.capture.pyav_source import PyAvSource
from edge_agent.capture.source import Source

logger = logging.getLogger(__name__)


def open_source(url: str, audio: bool) -> Source:
    """Open a camera's stream. Raises SourceFailed with the reason."""
    if url.startswith(("rtsp://", "rtsps://")):
        try:
            return NativeSource(url, audio=audio)
        except NotForUs as needs:
            logger.info("a camera is read by the general source: %s", needs)
    return PyAvSource(url, audio=audio)
