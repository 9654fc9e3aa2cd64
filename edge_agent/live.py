"""Live view: the current group of pictures kept in memory, and publishes that seal it as it comes.

A publish begins with the current group as a burst. Fragments hold 100 to 250 ms. The uplink has a bounded queue: when
it is full nothing more is sealed until a key frame comes and there is room, so what is sent is always one chain.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from edge_agent.capture.source import TrackKind
from edge_agent.clock import Clock
from edge_agent.errors import TrustBroken
from edge_agent.mp4 import AudioTrack, Sample, Track, VideoTrack, fragment_head, init_segment
from sealing.cose import Signer
from sealing.ids import EnvelopePurpose, Rendition, Stream, camera_key_kind, rendition_class
from sealing.keys import EnvelopeInfo, LiveScope, PeriodKey, seal_envelope
from sealing.live import MAX_FRAGMENT_BYTES, LivePublisher, Publish
from sealing.statement import Trust

logger = logging.getLogger(__name__)

GROUP_BYTES_MAX = 16 * 1024 * 1024
FRAGMENT_S = 0.12
BURST_FRAGMENT_S = 1.0
PROOF_NS = 1_000_000_000
QUEUE_BYTES_MAX = 1_500_000
REKEY_WAIT_NS = 2_000_000_000


class Tap(NamedTuple):
    """One sample of the current group, with its wall clock in UTC µs."""

    kind: TrackKind
    sample: Sample
    capture_us: int


@dataclass(frozen=True)
class SessionKeys:
    """Fresh keys of a publish, per rendition, with their envelopes to whom the statements name for the camera."""

    keys: dict[Rendition, PeriodKey]
    envelopes: dict[Rendition, bytes]


def new_session_keys(
    tenant: uuid.UUID, camera: uuid.UUID, stream: Stream, publish_id: bytes, trust: Trust
) -> SessionKeys:
    """Make session keys for picture and sound. Raises TrustBroken when no statement names a recipient."""
    keys: dict[Rendition, PeriodKey] = {}
    envelopes: dict[Rendition, bytes] = {}
    for rendition in (Rendition(stream), Rendition.AUDIO):
        to = trust.recipient_for(camera, camera_key_kind(rendition_class(stream, rendition)))
        if to is None:
            raise TrustBroken("no statement names a recipient: nothing can be sealed, so nothing is shown")
        key = keys[rendition] = PeriodKey.new()
        info = EnvelopeInfo(
            EnvelopePurpose.LIVE,
            tenant,
            LiveScope(camera, stream, rendition, publish_id),
            key.key_id,
            to.kid,
            to.epoch,
        )
        envelopes[rendition] = seal_envelope(info, key.key, to.public_key)
    return SessionKeys(keys, envelopes)


class Uplink:
    """Messages on their way to the hub, bounded in bytes. Filled by the camera's thread, emptied by the event loop."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake` is called (from the camera's thread) when there is something to send."""
        self._wake = wake
        self._lock = threading.Lock()
        self._messages: deque[bytes] = deque()
        self._bytes = 0
        self._bound = QUEUE_BYTES_MAX

    def put(self, message: bytes) -> None:
        with self._lock:
            self._messages.append(message)
            self._bytes += len(message)
            first = len(self._messages) == 1
        if first:
            self._wake()

    def take(self) -> bytes | None:
        """Return the next message, or None."""
        with self._lock:
            if not self._messages:
                return None
            message = self._messages.popleft()
            self._bytes -= len(message)
            if self._bytes <= QUEUE_BYTES_MAX:
                self._bound = QUEUE_BYTES_MAX
            return message

    def allow_burst(self) -> None:
        """What waits now is a group sent at once, which may be larger than the bound: only what follows counts against it."""
        with self._lock:
            self._bound = max(self._bound, self._bytes + QUEUE_BYTES_MAX)

    @property
    def empty(self) -> bool:
        return not self._messages

    @property
    def full(self) -> bool:
        return self._bytes > self._bound


class Publisher:
    """One publish of one stream. Everything but the constructor and `rekey` runs under the stream's lock."""

    def __init__(
        self, publish: Publish, signer: Signer, clock: Clock, keys: SessionKeys, uplink: Uplink
    ) -> None:
        self.publish = publish
        self.skipped_groups = 0
        self.failed = False
        self._clock = clock
        self._live = LivePublisher(publish, signer)
        self._keys = keys
        self._next_keys: SessionKeys | None = None
        self._rekey_ns = 0
        self._uplink = uplink
        self._tracks: dict[TrackKind, Track] = {}
        self._pending: dict[TrackKind, list[Tap]] = {"video": [], "audio": []}
        self._pending_s: dict[TrackKind, float] = {"video": 0.0, "audio": 0.0}
        self._sequence = 0
        self._proof_ns = 0
        self._unproven = False
        self._waiting = True

    def rekey(self, keys: SessionKeys) -> None:
        """Use these keys from the next key frame on, or after two seconds, whichever comes first."""
        self._rekey_ns = time.monotonic_ns()
        self._next_keys = keys

    def tracks(self, video: VideoTrack | None, audio: AudioTrack | None) -> None:
        """A run begins, or sound comes or goes: new init segments where a track is new."""
        wanted: dict[TrackKind, Track | None] = {"video": video, "audio": audio}
        for kind, track in wanted.items():
            if track is None:
                self._tracks.pop(kind, None)
            elif self._tracks.get(kind) != track:
                self._flush(kind)
                self._tracks[kind] = track
                self._send_init(kind)

    def new_run(self) -> None:
        """Media times start anew: players need init segments again, and a key frame."""
        for kind in self._pending:
            self._pending[kind], self._pending_s[kind] = [], 0.0
        self._tracks.clear()
        self._waiting = True

    def burst(self, group: list[Tap]) -> None:
        """Send the current group at once."""
        for tap in group:
            self._take(tap, BURST_FRAGMENT_S)
            self._uplink.allow_burst()
        self._flush("video")
        self._flush("audio")
        self._uplink.allow_burst()

    def sample(self, tap: Tap) -> None:
        """Take the next sample."""
        self._take(tap, FRAGMENT_S)

    def end(self, reason: str) -> None:
        """Send what waits and say goodbye."""
        self._flush("video")
        self._flush("audio")
        if self._unproven:
            self._prove()
        self._uplink.put(self._live.end(reason))

    def _take(self, tap: Tap, fragment_s: float) -> None:
        kind, sample = tap.kind, tap.sample
        track = self._tracks.get(kind)
        if track is None:
            return
        if kind == "video":
            if sample.sync:
                self._flush("video")
                self._at_key_frame()
            elif self._next_keys is not None and time.monotonic_ns() - self._rekey_ns > REKEY_WAIT_NS:
                self._flush("video")
                self._change_keys()
            elif self._uplink.full and not self._waiting:
                self._waiting = True
                self.skipped_groups += 1
                self._pending = {"video": [], "audio": []}
                self._pending_s = {"video": 0.0, "audio": 0.0}
        if self._waiting:
            return
        self._pending[kind].append(tap)
        self._pending_s[kind] += sample.duration / track.timescale
        if self._pending_s[kind] >= fragment_s - 0.001:
            self._flush(kind)

    def _at_key_frame(self) -> None:
        self._waiting = self._uplink.full
        if self._next_keys is not None and not self._waiting:
            self._change_keys()

    def _change_keys(self) -> None:
        assert self._next_keys is not None
        self._flush("audio")
        self._keys, self._next_keys = self._next_keys, None
        for kind in self._tracks:
            self._send_init(kind)

    def _send_init(self, kind: TrackKind) -> None:
        track, rendition = self._tracks[kind], self._rendition(kind)
        self._uplink.put(
            self._live.init(rendition, self._keys.keys[rendition], track.codec_string, init_segment(track))
        )

    def _rendition(self, kind: TrackKind) -> Rendition:
        return Rendition(self.publish.stream) if kind == "video" else Rendition.AUDIO

    def _flush(self, kind: TrackKind) -> None:
        taps = self._pending[kind]
        if not taps:
            return
        self._pending[kind], self._pending_s[kind] = [], 0.0
        samples = [tap.sample for tap in taps]
        self._sequence += 1
        data = b"".join((fragment_head(self._sequence, samples), *[item.data for item in samples]))
        if len(data) > MAX_FRAGMENT_BYTES:
            half = len(taps) // 2
            if half == 0:
                self._waiting = True  # a single picture too large to send: wait for the next key frame
                return
            for part in (taps[:half], taps[half:]):
                self._pending[kind] = part
                self._flush(kind)
            return
        self._uplink.put(
            self._live.fragment(self._rendition(kind), taps[0].capture_us, samples[0].sync, data)
        )
        self._unproven = True
        now_ns = time.monotonic_ns()
        if now_ns - self._proof_ns >= PROOF_NS:
            self._proof_ns = now_ns
            self._prove()

    def _prove(self) -> None:
        self._uplink.put(self._live.proof(self._clock.wall_us()))
        self._unproven = False


class LiveFeed:
    """The live side of one stream: the current group, and whoever publishes it. Calls under the stream's lock."""

    def __init__(self) -> None:
        self.video: VideoTrack | None = None
        self.audio: AudioTrack | None = None
        self._group: list[Tap] = []
        self._group_bytes = 0
        self._publishers: list[Publisher] = []

    def tracks(self, video: VideoTrack | None, audio: AudioTrack | None, *, new_run: bool) -> None:
        """A run begins with these tracks, or sound comes or goes."""
        self.video, self.audio = video, audio
        if new_run:
            self._group, self._group_bytes = [], 0

        def give(publisher: Publisher) -> None:
            if new_run:
                publisher.new_run()
            publisher.tracks(video, audio)

        self._each(give)

    def sample(self, kind: TrackKind, sample: Sample, capture_us: int) -> None:
        """A sample is complete."""
        tap = Tap(kind, sample, capture_us)
        if kind == "video" and sample.sync:
            self._group, self._group_bytes = [], 0
        elif self._group_bytes > GROUP_BYTES_MAX:
            self._group = []  # without its key frame the rest is of no use: wait for the next
        if self._group or (kind == "video" and sample.sync):
            self._group.append(tap)
            self._group_bytes += len(sample.data)
        self._each(lambda publisher: publisher.sample(tap))

    def _each(self, give: Callable[[Publisher], None]) -> None:
        """A publish that fails ends alone: recording must not suffer from it."""
        for publisher in tuple(self._publishers):
            try:
                give(publisher)
            except Exception:
                logger.exception("publish %s failed and ends", publisher.publish.publish_id.hex())
                publisher.failed = True
                self._publishers.remove(publisher)

    @property
    def watched(self) -> bool:
        """Whether anybody publishes this stream now."""
        return bool(self._publishers)

    def offline(self) -> None:
        """The camera is gone: the group is stale."""
        self.video = self.audio = None
        self._group, self._group_bytes = [], 0

    def attach(self, publisher: Publisher) -> None:
        """Begin a publish with the current group, or move one over from another recorder of the stream."""
        publisher.new_run()
        publisher.tracks(self.video, self.audio)
        publisher.burst(self._group)
        self._publishers.append(publisher)

    def leave(self, publisher: Publisher) -> None:
        """Give this publish no more samples."""
        if publisher in self._publishers:
            self._publishers.remove(publisher)
