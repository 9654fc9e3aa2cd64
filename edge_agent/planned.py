"""Recording one stream as its camera's plan says, without a word to the camera: it goes on sending, and live view goes on.

Between the source and the segmenter of the recording. What the plan keeps is handed on; by event, the newest pictures are
held in memory until something happens (`preroll`). Time of which nothing is kept is a gap `by plan`, and no other.
"""

from __future__ import annotations

import uuid
from enum import Enum
from typing import Final

from edge_agent.attention import Attention
from edge_agent.capture.source import AccessUnit, Event, PacketsLost, TrackChanged, TrackKind
from edge_agent.clock import Clock, offset_us
from edge_agent.mp4 import AudioTrack, Sample, VideoTrack
from edge_agent.preroll import Held, PreRoll, PreRollMemory
from edge_agent.segmenter import Limits, Segmenter, Sink
from protocol.plan import Mode, Quality, RecordingPlan, Rule
from sealing.ids import GapReason, Stream

_MINUTE_US: Final = 60_000_000
_JITTER_US: Final = 2_000_000
"""A key frame may come so much later than the pictures after it, which tell when it was taken."""


class Verdict(Enum):
    """What becomes of a picture now."""

    ALL = "all"
    KEY_FRAMES = "key frames"
    HOLD = "hold"
    NONE = "none"


_RECORDED: Final = (Verdict.ALL, Verdict.KEY_FRAMES)


class Gate:
    """Says what becomes of the pictures of one stream. `has_sub`: whether the camera has a sub stream: without one, main is
    kept where the plan would keep sub alone."""

    def __init__(self, stream: Stream, has_sub: bool, clock: Clock, attention: Attention) -> None:
        self._stream, self._clock, self._attention = stream, clock, attention
        self._has_sub = has_sub
        self._plan: RecordingPlan | None = None
        self._rule, self._minute = Rule(), -1

    @property
    def plan(self) -> RecordingPlan | None:
        return self._plan

    def follow(self, plan: RecordingPlan | None, has_sub: bool) -> None:
        self._plan, self._has_sub = plan, has_sub
        self._rule, self._minute = Rule(), -1

    def verdict(self) -> Verdict:
        plan = self._plan
        if plan is None:
            return Verdict.ALL
        minute = self._clock.wall_us() // _MINUTE_US
        if minute != self._minute:
            self._rule, self._minute = plan.at(minute * _MINUTE_US), minute
        rule = self._rule
        main_not_kept = self._stream is Stream.MAIN and self._has_sub and rule.quality is Quality.SUB
        if rule.mode is Mode.OFF or main_not_kept:
            return Verdict.NONE
        if rule.mode is Mode.EVENT and not self._attention.calls(
            plan.triggers, plan.post_roll_s, self._clock.mono_ns()
        ):
            return Verdict.HOLD
        key_frames = self._stream is Stream.MAIN and rule.quality is Quality.KEY_FRAMES
        return Verdict.KEY_FRAMES if key_frames else Verdict.ALL

    @property
    def by_event(self) -> bool:
        """Whether it is an event that lets pictures be kept now."""
        return self._rule.mode is Mode.EVENT

    @property
    def pre_roll_s(self) -> int:
        return 0 if self._plan is None else self._plan.pre_roll_s


class _LiveOnly:
    """A sink that keeps nothing: what its segmenter tells goes to live view alone."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def open_segment(
        self, start_us: int, run: bytes, continuation_of: uuid.UUID | None, track: VideoTrack
    ) -> uuid.UUID:
        return uuid.UUID(int=0)

    def open_audio(self, track: AudioTrack) -> None:
        """Nothing is kept."""

    def fragment(self, kind: TrackKind, samples: list[Sample], duration: int) -> None:
        """Nothing is kept."""

    def close_segment(self, start_us: int, end_us: int) -> None:
        """Nothing is kept."""

    def gap(self, start_us: int, end_us: int, reason: GapReason, detail: str) -> None:
        """Nothing is kept."""

    def live(self, kind: TrackKind, sample: Sample, capture_us: int) -> None:
        self._sink.live(kind, sample, capture_us)

    def live_tracks(self, video: VideoTrack | None, audio: AudioTrack | None, *, new_run: bool) -> None:
        self._sink.live_tracks(video, audio, new_run=new_run)


class _Kept:
    """The recording's sink. From the moment live view has a segmenter of its own (`apart`), this one tells it nothing."""

    def __init__(self, sink: Sink) -> None:
        self.apart = False
        self.open_segment, self.open_audio = sink.open_segment, sink.open_audio
        self.fragment, self.close_segment, self.gap = sink.fragment, sink.close_segment, sink.gap
        self._sink = sink

    def live(self, kind: TrackKind, sample: Sample, capture_us: int) -> None:
        if not self.apart:
            self._sink.live(kind, sample, capture_us)

    def live_tracks(self, video: VideoTrack | None, audio: AudioTrack | None, *, new_run: bool) -> None:
        if not self.apart:
            self._sink.live_tracks(video, audio, new_run=new_run)


class PlannedSegmenter:
    """A segmenter that records by plan; without one, everything. Not thread-safe; raises what the sink raises."""

    def __init__(self, sink: Sink, clock: Clock, limits: Limits, gate: Gate, memory: PreRollMemory) -> None:
        self._kept = _Kept(sink)
        self._sink, self._clock, self._limits = sink, clock, limits
        self._recording = Segmenter(self._kept, clock, limits)
        self._live: Segmenter | None = None
        self._gate = gate
        self._held = PreRoll(memory)
        self._now: Verdict | None = None
        self._failure: tuple[GapReason, str] | None = None
        self._tracks: dict[TrackKind, TrackChanged] = {}

    @property
    def state(self) -> str:
        """The word of `protocol.health.CAMERA_STATES` for what becomes of the pictures that come; "" while none came."""
        if self._now is Verdict.NONE:
            return "by-plan"
        if self._now is Verdict.HOLD:
            return "waiting-for-event"
        return "recording" if self._now is not None and self._recording.recording else ""

    @property
    def began(self) -> bool:
        """Whether a picture came that recording can begin with, whatever becomes of it."""
        return (self._recording if self._live is None else self._live).recording

    @property
    def frames(self) -> int:
        """Pictures that came, recorded or not."""
        return self._recording.frames if self._live is None else self._live.frames

    def resume_after(self, covered_until_us: int | None, reason: GapReason) -> None:
        """As `Segmenter.resume_after`; what follows is by plan at once where the plan keeps nothing now."""
        self._recording.resume_after(covered_until_us, reason)
        if self._gate.verdict() is Verdict.NONE:
            self._keep_nothing()

    def follow(self, plan: RecordingPlan | None, has_sub: bool) -> None:
        """Another plan holds from the next picture or tick on."""
        self._gate.follow(plan, has_sub)

    def handle(self, event: Event) -> None:
        """Take the next event of the source."""
        if self._gate.plan is not None and self._live is None:
            self._part_live()
        if self._live is not None:
            self._live.handle(event)
        if isinstance(event, TrackChanged):
            if self._tracks.get(event.kind) != event:
                self._tracks[event.kind] = event
                self._held.clear()
            self._recording.handle(event)
        elif isinstance(event, AccessUnit) and event.kind == "video":
            self._turn(self._gate.verdict(), event)
            self._put(event)
        elif isinstance(event, AccessUnit | PacketsLost):
            self._put(event)

    def _put(self, event: Held) -> None:
        if self._now in _RECORDED:
            self._recording.handle(event)
        elif self._now is Verdict.HOLD:
            self._held.add(event, self._gate.pre_roll_s)

    def _turn(self, wanted: Verdict, unit: AccessUnit) -> None:
        """Go over to what becomes of pictures from this one on. A recording ends and changes at key frames, so that what
        follows can be shown; only where nothing is to be kept, at once."""
        self._failure = None
        before = self._now
        if wanted is before:
            return
        if before in _RECORDED:
            if wanted is not Verdict.NONE and not unit.sync:
                return
            self._recording.cut(unit)
        self._now = wanted
        if wanted in _RECORDED:
            self._recording.keep_key_frames(wanted is Verdict.KEY_FRAMES)
            if before is Verdict.HOLD:
                for held in self._held.take(newest_only=not self._gate.by_event):
                    self._recording.handle(held)
        else:
            self._held.clear()
            self._keep_nothing()

    def _keep_nothing(self) -> None:
        if self._recording.covered_until_us is None:
            # Nothing was ever recorded: from now on it is the plan's doing.
            self._recording.resume_after(self._clock.wall_us(), GapReason.BY_PLAN)
        self._recording.interrupt(GapReason.BY_PLAN)

    def _part_live(self) -> None:
        """Live view goes on whatever is recorded: it has a segmenter of its own from now on."""
        self._live = Segmenter(_LiveOnly(self._sink), self._clock, self._limits)
        self._kept.apart = True
        for track in self._tracks.values():
            self._live.handle(track)

    # Ends

    def interrupt(self, reason: GapReason, detail: str = "") -> None:
        """No pictures come any more. Where the plan keeps none anyway, the gap goes on being the plan's."""
        self._failure = reason, detail
        self._now = None
        self._held.clear()
        if self._live is not None:
            self._live.interrupt(reason, detail)
        self._explain(reason, detail)

    def _explain(self, reason: GapReason, detail: str) -> None:
        if self._gate.verdict() is Verdict.NONE:
            self._keep_nothing()
        else:
            self._recording.interrupt(reason, detail)

    def tick(self) -> None:
        """Declare a lasting gap every minute. Call each second or so."""
        if self._failure is not None and self._gate.plan is not None:
            self._explain(*self._failure)
        begin_ns = self._held.begin_ns
        self._recording.tick(
            None if begin_ns is None else offset_us(self._clock) + begin_ns // 1000 - _JITTER_US
        )

    def stop(self) -> None:
        """Close what is open, and declare up to now what was not recorded."""
        self._held.clear()
        if self._live is not None:
            self._live.stop()
        self._recording.stop()

    def abandon(self) -> None:
        """Forget the open segment without closing it: it could not be written."""
        self._held.clear()
        self._recording.abandon()

    def clock_stepped(self) -> None:
        """As `Segmenter.clock_stepped`."""
        if self._live is not None:
            self._live.clock_stepped()
        self._recording.clock_stepped()

    def clock_off_us(self, now_us: int) -> int:
        """As `Segmenter.clock_off_us`."""
        return self._recording.clock_off_us(now_us)
