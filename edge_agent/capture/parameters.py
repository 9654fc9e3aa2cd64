"""The parameter sets a stream uses now, as described and as they come in the stream; says when they change."""

from __future__ import annotations

from edge_agent import h26x
from edge_agent.errors import SourceFailed
from edge_agent.mp4 import VideoTrack
from sealing.ids import GapReason

_SETS_MAX = 64


class ParameterSets:
    """Keeps every set by its kind and id: cameras may use several picture parameter sets in turn."""

    def __init__(self, codec: h26x.Codec) -> None:
        self._codec: h26x.Codec = codec
        self._h264 = codec == "h264"
        kinds = (
            (h26x.H264_SPS, h26x.H264_PPS) if self._h264 else (h26x.H265_VPS, h26x.H265_SPS, h26x.H265_PPS)
        )
        self._sets: dict[int, dict[int, bytes]] = {kind: {} for kind in kinds}
        self._sps, self._pps = kinds[-2], kinds[-1]
        self._told: VideoTrack | None = None
        self._stale = False

    def take(self, nal: bytes) -> None:
        """Note a parameter set, NAL header included; other units are ignored."""
        if not nal:
            return
        kind = nal[0] & 31 if self._h264 else nal[0] >> 1 & 63
        known = self._sets.get(kind)
        if known is None or nal in known.values():
            return
        if kind == self._sps:
            # Picture parameter sets build on this one and follow it.
            known.clear()
            self._sets[self._pps].clear()
        if len(known) < _SETS_MAX:
            known[self._id(kind, nal)] = nal
        self._stale = True

    def changed(self) -> VideoTrack | None:
        """Return the new track when it changed since the last call. Raises SourceFailed when it cannot be read."""
        if not self._stale:
            return None
        groups = [
            tuple(self._sets[kind][number] for number in sorted(self._sets[kind])) for kind in self._sets
        ]
        if not all(groups):
            return None
        self._stale = False
        vps = () if self._h264 else groups[0]
        track = VideoTrack(self._codec, groups[-2], groups[-1], vps)
        if track == self._told:
            return None
        try:
            _ = track.codec_string, track.size
        except h26x.BitstreamError as error:
            raise SourceFailed(
                GapReason.CAMERA_STREAM_UNUSABLE, f"the camera's parameter sets cannot be read: {error}"
            ) from error
        self._told = track
        return track

    def _id(self, kind: int, nal: bytes) -> int:
        """A picture parameter set's own id; 0 for the others, of which one is in use at a time."""
        if kind != self._pps:
            return 0
        try:
            return h26x.BitReader(h26x.unescape(nal[1 if self._h264 else 2 :][:16])).ue()
        except h26x.BitstreamError:
            return 0
