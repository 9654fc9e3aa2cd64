"""Recording one stream of one camera: a thread that reads, segments, seals; and comes back after every failure."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from edge_agent.attention import Attention
from edge_agent.capture.camera_clock import CameraTime
from edge_agent.capture.source import (
    AccessUnit,
    Backoff,
    CameraClock,
    DeviceNamed,
    PacketsLost,
    Source,
    TrackChanged,
    TrackKind,
)
from edge_agent.capture.standing import StandingPicture
from edge_agent.capture.who import WhoAnswers
from edge_agent.clock import Clock, offset_us
from edge_agent.errors import DiskFailed, DiskFull, SourceFailed
from edge_agent.keys import PeriodKeys
from edge_agent.live import LiveFeed
from edge_agent.mp4 import AudioTrack, Sample, VideoTrack
from edge_agent.oddities import Oddities, clock_words
from edge_agent.planned import Gate, PlannedSegmenter
from edge_agent.preroll import PreRollMemory
from edge_agent.seal import Identity, SegmentSealer, StreamChain
from edge_agent.seeing.maps import MotionMaps
from edge_agent.seeing.watching import Eye
from edge_agent.segmenter import CLOCK_STEP_US, Limits
from edge_agent.spool import Spool
from protocol.health import StreamHealth
from protocol.plan import RecordingPlan
from sealing.ids import ClockSource, GapReason, Stream

logger = logging.getLogger(__name__)

SourceFactory = Callable[[str, bool, bytes | None], Source]
"""Opens an address, with sound or without, whose certificate must be this one (SHA-256) where one was accepted."""
_ROOM_WAIT_S = 1.0
_STEADY_S = 10.0
_WELL = ("recording", "by-plan", "waiting-for-event")
KEYLESS_S = 60.0
"""So long pictures may come before one that recording can begin with; encoders for still scenes send one a minute."""
_RETURN_WAIT_S = 2.5

_STATES = {
    GapReason.CAMERA_UNREACHABLE: "offline",
    GapReason.CAMERA_REFUSED_CREDENTIALS: "refused",
    GapReason.CAMERA_STALLED: "stalled",
    GapReason.CAMERA_STREAM_UNUSABLE: "unusable",
    GapReason.DISK_FULL: "disk-full",
    GapReason.RECORDING_DISABLED: "disabled",
}


@dataclass(frozen=True)
class StreamOrder:
    """What to record: one stream of one camera. `url` holds credentials and is never shown. Another name is no other
    order: a renamed camera is recorded on without a gap. Nor is another plan (`plan`, `has_sub`): it is followed meanwhile.

    `problem`: why the address cannot be opened here, so that nothing is recorded and the time is declared; `url` is empty then.
    """

    camera: uuid.UUID
    stream: Stream
    name: str = field(compare=False)
    url: str
    audio: bool
    limits: Limits
    enabled: bool = True
    problem: str = ""
    certificate: bytes | None = None
    plan: RecordingPlan | None = field(default=None, compare=False)
    has_sub: bool = field(default=False, compare=False)

    def __repr__(self) -> str:
        return f"StreamOrder({self.name}, {self.stream.name.lower()})"


class _Sink(SegmentSealer):
    """The sealer, with the live feed listening in."""

    def __init__(
        self,
        spool: Spool,
        clock: Clock,
        identity: Identity,
        keys: PeriodKeys,
        chain: StreamChain,
        feed: LiveFeed,
        maps: MotionMaps,
    ) -> None:
        super().__init__(spool, clock, identity, keys, chain, maps)
        self._feed = feed

    def live(self, kind: TrackKind, sample: Sample, capture_us: int) -> None:
        self._feed.sample(kind, sample, capture_us)

    def live_tracks(self, video: VideoTrack | None, audio: AudioTrack | None, *, new_run: bool) -> None:
        self._feed.tracks(video, audio, new_run=new_run)


class StreamRecorder:
    """Records one stream until stopped. `lock` guards the segmenter, the sink and the live feed."""

    def __init__(
        self,
        order: StreamOrder,
        *,
        spool: Spool,
        clock: Clock,
        identity: Identity,
        keys: PeriodKeys,
        open_source: SourceFactory,
        resume_reason: GapReason,
        attention: Attention | None = None,
        memory: PreRollMemory | None = None,
        eye: Eye | None = None,
    ) -> None:
        """`resume_reason`: why there is nothing between the last record of the stream and now. `attention`: what goes on
        before the camera; `memory`: what streams that wait for an event share; `eye`: who is shown the pictures."""
        self.order = order
        self.lock = threading.Lock()
        self.feed = LiveFeed()
        self.chain = StreamChain(spool, clock, identity, order.camera, order.stream)
        self._spool, self._clock, self._open_source = spool, clock, open_source
        self._eye = Eye(order.camera, 0) if eye is None else eye
        self._sink = _Sink(spool, clock, identity, keys, self.chain, self.feed, self._eye.maps)
        gate = Gate(order.stream, order.has_sub, clock, attention or Attention())
        self._segmenter = PlannedSegmenter(
            self._sink, clock, order.limits, gate, PreRollMemory() if memory is None else memory
        )
        self.follow_plan(order)
        self._resume_reason = resume_reason
        self._stop = threading.Event()
        self._backoff = Backoff()
        self._returning = Backoff(longest_s=_RETURN_WAIT_S)
        self._clock_offset_us = offset_us(clock)
        self._state, self._since_us, self._detail = "connecting", clock.wall_us(), ""
        self._codec = self._certificate = ""
        self._size = (0, 0)
        self._packets_lost, self._opened = 0, 0
        self._frame_ns: int | None = None
        self._camera_time, self._standing, self._who = CameraTime(), StandingPicture(), WhoAnswers()
        self._bytes = self._counted_bytes = 0
        self._counted_frames, self._counted_ns = 0, clock.mono_ns()
        self._bits_per_s, self._frames_per_s = 0, 0.0
        self._thread = threading.Thread(
            target=self._run, name=f"{order.name} {order.stream.name}", daemon=True
        )

    def follow_plan(self, order: StreamOrder) -> None:
        """Record by the plan of this order from the next picture on; a stream that is switched off has none."""
        plan = order.plan if order.enabled and not order.problem else None
        with self.lock:
            self._segmenter.follow(plan, order.has_sub)

    def start(self) -> None:
        """Open the chain and begin. Raises DiskFull when not even a record fits."""
        self.chain.open()
        covered_us = self._spool.covered_until(self.order.camera, self.order.stream)
        behind_us = 0 if covered_us is None else self._clock.wall_us() - covered_us
        if behind_us <= -CLOCK_STEP_US:
            # As on a box without a clock battery: what follows seems older than what came before, and says why.
            self.chain.clock_step(behind_us, "at the start the clock was behind the newest record")
        self._segmenter.resume_after(covered_us, self._resume_reason)
        if not self.order.enabled:
            self._interrupt(GapReason.RECORDING_DISABLED, "recording is switched off in the portal")
        elif self.order.problem:
            self._interrupt(GapReason.CAMERA_STREAM_UNUSABLE, self.order.problem)
        else:
            self._thread.start()

    def stop(self) -> None:
        """Close the open segment and end; returns when all is on disk."""
        self._stop.set()
        with self.lock:
            try:
                self._segmenter.stop()
            except DiskFull as error:
                self._sink.drop_open()
                logger.warning("%s: the open segment is lost: %s", self.order, error)
            except Exception:
                # The others must still be closed; what this one lost is declared at the next start.
                logger.exception("%s: the open segment could not be closed", self.order)

    def join(self, timeout_s: float) -> None:
        """Wait for the thread, which may be waiting for the camera."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    # The camera's thread

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                wait_s = self._round()
            except Exception as error:
                # This thread is the camera. What it could not even write down now (a spool that fails) it tries again.
                logger.exception("%s: recording failed and is tried again", self.order)
                self._set_state(_STATES[GapReason.CAMERA_STREAM_UNUSABLE], f"failed: {type(error).__name__}")
                wait_s = self._backoff.next_s()
            self._stop.wait(wait_s)

    def _round(self) -> float:
        """Record until something ends it; returns how many seconds to wait before the next round."""
        if not self._spool.room.may_record():
            self._interrupt(GapReason.DISK_FULL, self._spool.room.why_full)
            return _ROOM_WAIT_S
        try:
            self._record_once()
            return 0.0
        except SourceFailed as error:
            state = "wrong-certificate" if error.certificate else _STATES[error.reason]
            self._certificate = error.certificate or self._certificate
            self._interrupt(error.reason, str(error), state)
            if error.reason in (GapReason.CAMERA_UNREACHABLE, GapReason.CAMERA_STALLED) and not error.cause:
                # It is gone, and costs nothing to look for; one that answers with a refusal is asked more and more rarely.
                return self._returning.next_s()
        except DiskFull as error:
            self._drop(GapReason.DISK_FULL, str(error))
            # What concerns this file alone is tried again like a camera that fails: not at once, and for ever.
            return self._backoff.next_s() if isinstance(error, DiskFailed) else 0.0
        except Exception as error:
            logger.exception("%s: recording failed", self.order)
            self._drop(GapReason.CAMERA_STREAM_UNUSABLE, f"recording failed: {type(error).__name__}")
        return self._backoff.next_s()

    def _record_once(self) -> None:
        """Connect and record until the source fails."""
        self._opened += 1
        source = self._open_source(self.order.url, self.order.audio, self.order.certificate)
        self._certificate = source.certificate
        began_ns = self._clock.mono_ns()
        steady, beginning = False, _Beginning()
        try:
            for event in source.events():
                if isinstance(event, DeviceNamed):
                    self._who.told(event.name)
                    continue
                if isinstance(event, CameraClock):
                    self._camera_time.told(event.offset_us, self._clock.mono_ns())
                    continue
                with self.lock:
                    if self._stop.is_set():
                        return
                    self._segmenter.handle(event)
                    source.hurried = self.feed.watched
                if self._spool.room.why_full:
                    # In time: what is open can still be closed.
                    self._interrupt(GapReason.DISK_FULL, self._spool.room.why_full)
                    return
                if isinstance(event, AccessUnit):
                    self._bytes += len(event.data)
                    if event.kind == "video":
                        self._frame_ns = event.arrival_ns
                        beginning.check(event, recording=self._segmenter.began)
                        if beginning.track is not None:
                            self._standing.take(beginning.track.codec, event)
                        self._eye.take(event)
                        if state := self._segmenter.state:
                            self._set_state(state, "")
                    if not steady and event.arrival_ns - began_ns > _STEADY_S * 1e9:
                        steady = True
                        self._backoff.reset()
                        self._returning.reset()
                elif isinstance(event, TrackChanged) and isinstance(event.track, VideoTrack):
                    beginning.track = event.track
                    self._codec, self._size = event.track.codec_string, event.track.size
                    self._eye.shows(event.track)
                elif isinstance(event, PacketsLost):
                    self._packets_lost += event.count
        finally:
            self._standing = StandingPicture()
            self._eye.gone()
            source.close()

    def _interrupt(self, reason: GapReason, detail: str, state: str = "") -> None:
        with self.lock:
            if self._stop.is_set():
                return
            self.feed.offline()
            try:
                self._segmenter.interrupt(reason, detail)
            except DiskFull:
                # Not even the gap's record fits: what is not declared now is declared as soon as there is room.
                self._sink.drop_open()
                self._segmenter.abandon()
        self._set_state(state or _STATES[reason], detail)

    def _drop(self, reason: GapReason, detail: str) -> None:
        """The open segment cannot be completed: forget it, and declare its time as missing."""
        with self.lock:
            self._segmenter.abandon()
            self._sink.drop_open()
        self._interrupt(reason, detail)

    def _set_state(self, state: str, detail: str) -> None:
        if state != self._state or detail != self._detail:
            if state != self._state:
                self._since_us = self._clock.wall_us()
            self._state, self._detail = state, detail
            log = logger.info if state in _WELL else logger.warning
            log("%s: %s%s", self.order, state, f": {detail}" if detail else "")

    # Every second, from the agent's own thread

    def tick(self) -> None:
        """Declare lasting gaps, notice a stepped clock, sign a beat when all is quiet."""
        with self.lock:
            if self._stop.is_set():
                return
            try:
                self._notice_step()
                self._segmenter.tick()
                self.chain.beat_if_quiet()
            except DiskFull as error:
                logger.warning("%s: no record could be written: %s", self.order, error)

    def _notice_step(self) -> None:
        """Declare a wall clock that was set: at once by half a second or more, or by as much in small steps.

        Slewing moves both clocks alike and is no step. `step_us` is what came together since the last record that tells of one.
        """
        now_us = offset_us(self._clock)
        step_us = now_us - self._clock_offset_us
        if max(abs(step_us), abs(self._segmenter.clock_off_us(now_us))) < CLOCK_STEP_US:
            return
        self._segmenter.clock_stepped()
        self.chain.clock_step(step_us)
        self._clock_offset_us = now_us  # only now: what a full disk kept from being told is told later

    def health(self) -> StreamHealth:
        """Return the stream's state, with rates since the last call about ten seconds ago."""
        now_ns, frame_ns = self._clock.mono_ns(), self._frame_ns
        elapsed_s = (now_ns - self._counted_ns) / 1e9
        if elapsed_s >= 2:
            self._bits_per_s = int((self._bytes - self._counted_bytes) * 8 / elapsed_s)
            self._frames_per_s = round((self._segmenter.frames - self._counted_frames) / elapsed_s, 1)
            self._counted_bytes, self._counted_frames = self._bytes, self._segmenter.frames
            self._counted_ns = now_ns
        return StreamHealth(
            camera=self.order.camera,
            stream=int(self.order.stream),
            state=self._state,
            since_us=self._since_us,
            detail=self._detail[:200],
            bits_per_s=self._bits_per_s,
            frames_per_s=self._frames_per_s,
            codec=self._codec,
            certificate=self._certificate,
            width=self._size[0],
            height=self._size[1],
            packets_lost=self._packets_lost,
            restarts=max(0, self._opened - 1),
            last_frame_us=None if frame_ns is None else self._clock.wall_us() - (now_ns - frame_ns) // 1000,
            clock_offset_us=self._camera_time.offset_us,
            clock_drift_ppm=self._camera_time.drift_ppm,
        )

    @property
    def camera(self) -> uuid.UUID:
        return self.order.camera

    def oddities(self) -> Oddities:
        """What is wrong with the camera itself, by what its stream tells at the moment."""
        told_us = self._clock_wrong_us() if self._state in _WELL else None
        return Oddities(self._standing.stands_s, self._who.changed, told_us)

    def _clock_wrong_us(self) -> int | None:
        wrong_us = self._camera_time.wrong_us(self._clock.wall_us())
        return wrong_us if self._clock.source()[0] is ClockSource.SYSTEM_SYNCHRONISED else None

    def alarms(self) -> list[str]:
        """What a person must look at in this camera."""
        texts, stands_s = [], self._standing.stands_s
        if self._who.changed:
            texts.append(
                f"{self.order.name}: another device than before answers at its address: go and look; if the camera was replaced "
                "or reset, give it another password in the portal"
            )
        if stands_s is not None:
            texts.append(
                f"{self.order.name}: for {stands_s // 60} min its picture stands still, bit for bit, though its stream runs: "
                "look at the picture; if it hangs or is black, restart the camera or uncover it"
            )
        wrong_us = self._clock_wrong_us()
        if wrong_us is not None:
            texts.append(
                f"{self.order.name}: its own clock is {clock_words(wrong_us)}: "
                "set a time server (NTP) in the camera; recordings carry this box's time"
            )
        return texts


class _Beginning:
    """Watches over pictures that come before recording can begin. `track`: None until their parameter sets are known."""

    def __init__(self) -> None:
        self.track: VideoTrack | None = None
        self._waits_since_ns: int | None = None

    def check(self, unit: AccessUnit, *, recording: bool) -> None:
        """Raises SourceFailed when pictures came for so long and none could be begun with: connecting anew makes most
        cameras send a key frame."""
        if recording:
            self._waits_since_ns = None
        elif self._waits_since_ns is None:
            self._waits_since_ns = unit.arrival_ns
        elif unit.arrival_ns - self._waits_since_ns > KEYLESS_S * 1e9:
            what = "no key frame" if self.track is not None else "pictures without parameter sets"
            raise SourceFailed(
                GapReason.CAMERA_STREAM_UNUSABLE,
                f"for {KEYLESS_S:.0f} s the camera sends {what}: set a shorter key-frame interval in it, or restart it",
            )


class Ticker(threading.Thread):
    """Calls `tick` of every recorder once a second. `rounds` counts how often it came through all of them."""

    def __init__(self, recorders: Callable[[], list[StreamRecorder]]) -> None:
        super().__init__(name="ticker", daemon=True)
        self._recorders = recorders
        self._stopped = threading.Event()
        self.rounds = 0

    def run(self) -> None:
        while not self._stopped.wait(1.0):
            for recorder in self._recorders():
                try:
                    recorder.tick()
                except Exception:
                    # One camera's failing spool must not silence the beats and gaps of the others.
                    logger.exception("%s: the minute's record failed", recorder.order)
            self.rounds += 1

    def stop(self) -> None:
        self._stopped.set()
        self.join()
