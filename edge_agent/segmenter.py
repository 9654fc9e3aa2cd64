"""From access units to fragments and segments: times of decoding, runs, gaps. Pure: no I/O, the clock is given.

Media time of a run starts at 10 s in every track, so decoding times, which may lie before the first presentation,
stay above the 1 s the format asks for. Each segment's wall clock comes from the arrival of its fastest picture: that
one waited least on the way. Within a run the mapping moves by at most 20 ms per segment, and every segment ends
exactly where the next begins.
"""

from __future__ import annotations

import secrets
import uuid
from bisect import insort
from dataclasses import dataclass
from typing import Protocol

from edge_agent.capture.source import AccessUnit, Event, PacketsLost, TrackChanged, TrackKind
from edge_agent.clock import Clock, offset_us
from edge_agent.mp4 import VIDEO_TIMESCALE, AudioTrack, Sample, VideoTrack
from sealing.ids import GapReason

ORIGIN_S = 10
FRAGMENT_S = 0.4
SLEW_US = 20_000
LOST_MAPPING_US = 3_000_000
JUMP_BACK = 2 * VIDEO_TIMESCALE
JUMP_AHEAD_S = 3
CLOCK_STEP_US = 500_000
GAP_REPEAT_US = 60_000_000
_EARLIEST = VIDEO_TIMESCALE
_ORDER_MAX = 17
_FIRST_INTERVAL = 3600


@dataclass(frozen=True, slots=True)
class Limits:
    """When a segment closes: at a key frame after `target_s`; without one at `longest_s`; `bytes_max` if set."""

    target_s: float
    longest_s: float
    bytes_max: int | None = None


def main_limits(target_s: int) -> Limits:
    """Limits of the main stream: about 10 s, never over 15 s."""
    return Limits(target_s, max(target_s, 14.0))


def sub_limits(target_s: int) -> Limits:
    """Limits of the sub stream: 30 to 60 s, or 4 MB."""
    return Limits(target_s, 60.0, 4_000_000)


class Sink(Protocol):
    """Where segments go. Calls come in order, from one thread at a time; what it raises ends the call that caused it."""

    def open_segment(
        self, start_us: int, run: bytes, continuation_of: uuid.UUID | None, track: VideoTrack
    ) -> uuid.UUID:
        """Begin a segment; `start_us` is an estimate. Returns its id."""

    def open_audio(self, track: AudioTrack) -> None:
        """The open segment has sound, with these parameters."""

    def fragment(self, kind: TrackKind, samples: list[Sample], duration: int) -> None:
        """Samples of at most a second (one at least) for the open segment; `duration` in the track's timescale."""

    def close_segment(self, start_us: int, end_us: int) -> None:
        """The open segment is complete."""

    def gap(self, start_us: int, end_us: int, reason: GapReason, detail: str) -> None:
        """Nothing was recorded between these times."""

    def live(self, kind: TrackKind, sample: Sample, capture_us: int) -> None:
        """A sample is complete; its wall clock as far as known now."""

    def live_tracks(self, video: VideoTrack | None, audio: AudioTrack | None, *, new_run: bool) -> None:
        """A run begins with these tracks, or sound comes or goes (None)."""


@dataclass(slots=True)
class _Audio:
    """Sound of the run under way. `correction` is added to the camera's times to keep the track continuous."""

    track: AudioTrack
    shift: int
    expected: int | None = None
    correction: int = 0
    arrival_ns: int = 0
    announced: bool = False


class Segmenter:
    """One stream of one camera. Not thread-safe."""

    def __init__(self, sink: Sink, clock: Clock, limits: Limits) -> None:
        self._sink, self._clock, self._limits = sink, clock, limits
        self.covered_until_us: int | None = None
        self.frames = 0
        self.packets_lost = 0
        self._reason: GapReason | None = None
        self._detail = ""
        self._video_track: VideoTrack | None = None
        self._audio_track: AudioTrack | None = None
        self._interval = _FIRST_INTERVAL
        self._depth = 0
        self._offset_us = offset_us(clock)
        self._losses: list[list[int]] = []
        self._lost_now = 0
        self._key_frames_only = False
        self._clear_run()

    def _clear_run(self) -> None:
        self._run: bytes | None = None
        self._anchor_us: int | None = None
        self._shift = 0
        self._audio: _Audio | None = None
        self._realign = False
        self._order: list[int] = []
        self._last_dts = _EARLIEST - 1
        self._max_time = 0
        self._last_arrival_ns = 0
        self._held: Sample | None = None
        self._key_segment: uuid.UUID | None = None
        self._key_dts = 0
        self._clear_segment()

    def _clear_segment(self) -> None:
        self._segment: uuid.UUID | None = None
        self._continuation = False
        self._opened_dts = 0
        self._bytes = 0
        self._first_pts = 0
        self._lag_us: int | None = None
        self._samples: list[Sample] = []
        self._samples_duration = 0
        self._sound: list[Sample] = []
        self._sound_duration = 0

    @property
    def recording(self) -> bool:
        """Whether a run is under way."""
        return self._run is not None

    def resume_after(self, covered_until_us: int | None, reason: GapReason | None) -> None:
        """Take up where an earlier process left off: what lies between is a gap for `reason`."""
        self.covered_until_us = covered_until_us
        self._reason = reason if covered_until_us is not None else None

    def handle(self, event: Event) -> None:
        """Take the next event of the source. Raises what the sink raises."""
        if isinstance(event, AccessUnit):
            if event.kind == "video":
                self._picture(event)
            else:
                self._sound_unit(event)
        elif isinstance(event, TrackChanged):
            self._track_changed(event)
        elif isinstance(event, PacketsLost):
            self.packets_lost += event.count
            self._lost_now += event.count

    def keep_key_frames(self, only: bool) -> None:
        """From the next run on, keep of the pictures key frames alone, or all of them. Call between runs."""
        if only != self._key_frames_only:
            self._key_frames_only = only
            self._depth = self._stated_depth()

    def cut(self, following: AccessUnit) -> None:
        """End the run where this picture begins, which is not handed over: nothing between them is missing."""
        held = self._held
        if self._run is None or held is None or self._segment is None or self._jumped(following):
            self._end_run()
            return
        begin = following.time + self._shift
        held.duration = max(1, self._decode_time(begin) - held.decode_time)
        self._keep(held)
        self._held = None
        self._close_segment(begin)
        self._clear_run()

    def interrupt(self, reason: GapReason, detail: str = "") -> None:
        """Recording cannot go on: close what is open and remember why."""
        self._end_run()
        if self._reason != reason:
            self._declare_until_now()
        self._reason, self._detail = reason, detail

    def tick(self, hold_us: int | None = None) -> None:
        """Declare a lasting interruption every minute, up to `hold_us` where that is given: what came since is held and may
        be recorded yet. Call each second or so."""
        if self._run is not None or self._reason is None or self.covered_until_us is None:
            return
        now_us = self._clock.wall_us()
        if hold_us is not None:
            now_us = min(now_us, hold_us)
        if now_us - self.covered_until_us >= GAP_REPEAT_US:
            self._declare(now_us)

    def stop(self) -> None:
        """Close what is open, and declare up to now what could not be recorded."""
        self._end_run()
        self._declare_until_now()

    def abandon(self) -> None:
        """Forget the open segment without closing it: it could not be written."""
        self._clear_run()

    def clock_stepped(self) -> None:
        """The wall clock was set: times before and after do not compare, so a new run begins."""
        if self._run is not None:
            self._break_run(GapReason.CLOCK_STEPPED, "the clock of the box was set")
        self._offset_us = offset_us(self._clock)

    def clock_off_us(self, offset_us: int) -> int:
        """By how much the wall clock was set since the run under way began; 0 between runs. `offset_us`: that of now."""
        return 0 if self._run is None else offset_us - self._offset_us

    def _declare_until_now(self) -> None:
        now_us = self._clock.wall_us()
        if self.covered_until_us is not None and now_us > self.covered_until_us:
            self._declare(now_us)

    def _declare(self, until_us: int) -> None:
        if self.covered_until_us is None or self._reason is None:
            return
        until_us = max(until_us, self.covered_until_us + 1)
        self._sink.gap(self.covered_until_us, until_us, self._reason, self._detail)
        self.covered_until_us = until_us

    def _track_changed(self, event: TrackChanged) -> None:
        if event.kind == "video":
            assert event.track is None or isinstance(event.track, VideoTrack)
            if self._run is not None and event.track != self._video_track:
                self.interrupt(
                    GapReason.STREAM_PARAMETERS_CHANGED, "the camera changed its picture's parameters"
                )
            if event.track is not None and event.track != self._video_track:
                self._video_track = event.track
                self._depth = self._stated_depth()
            self._video_track = event.track
            return
        assert event.track is None or isinstance(event.track, AudioTrack)
        if event.track != self._audio_track:
            if self._audio_track is not None and event.track is not None and self._run is not None:
                self._realign = True
            self._audio_track = event.track
            self._audio = None

    def _stated_depth(self) -> int:
        """How many pictures come later than they are shown; key frames alone never do."""
        track = self._video_track
        return 0 if track is None or self._key_frames_only else track.reorder_depth or 0

    # Pictures

    def _picture(self, unit: AccessUnit) -> None:
        if self._video_track is None:
            return
        if self._key_frames_only and not unit.sync:
            self._pass_over(unit)
            return
        if self._run is not None and self._jumped(unit):
            self._break_run(GapReason.MEDIA_TIME_JUMPED, "the camera's time stamps jumped")
        elif self._realign and unit.sync:
            self._end_run()  # sound and picture are aligned anew; nothing is missing, so nothing is declared
        if self._run is None:
            if not unit.sync and self._key_segment is None:
                return
            self._begin_run(unit)
        self.frames += 1
        pts = unit.time + self._shift
        self._note_loss(unit.time)
        self._max_time = max(self._max_time, unit.time)
        self._last_arrival_ns = unit.arrival_ns
        dts = self._decode_time(pts)
        sample = Sample(unit.data, dts, 0, pts - dts, unit.sync)
        held = self._held
        if held is None:
            self._open_segment(sample)
        else:
            self._complete(held, sample)
        self._held = sample
        self._first_pts = min(self._first_pts, pts)
        lag_us = unit.arrival_ns // 1000 - pts * 100 // 9
        if self._lag_us is None or lag_us < self._lag_us:
            self._lag_us = lag_us
        self._bytes += len(unit.data)

    def _pass_over(self, unit: AccessUnit) -> None:
        """A picture that is not kept: the one before it lasts longer. A jump is noticed at the next key frame."""
        if self._run is not None and not self._jumped(unit):
            self._max_time = max(self._max_time, unit.time)
            self._last_arrival_ns = unit.arrival_ns

    def _jumped(self, unit: AccessUnit) -> bool:
        ahead = unit.time - self._max_time
        if ahead < -JUMP_BACK:
            return True
        waited_s = (unit.arrival_ns - self._last_arrival_ns) / 1e9
        return ahead > (waited_s + JUMP_AHEAD_S) * VIDEO_TIMESCALE

    def _begin_run(self, unit: AccessUnit) -> None:
        self._run = secrets.token_bytes(16)
        self._offset_us = offset_us(self._clock)
        self._anchor_us = None
        self._shift = ORIGIN_S * VIDEO_TIMESCALE - unit.time
        self._max_time = unit.time
        first = ORIGIN_S * VIDEO_TIMESCALE
        self._order = [first - step * self._interval for step in range(self._depth, 0, -1)]
        self._audio = None
        self._realign = False
        self._sink.live_tracks(self._video_track, None, new_run=True)

    def _decode_time(self, pts: int) -> int:
        """Return a decoding time: the (depth+1)-th latest presentation time so far, always growing.

        Where the depth was not stated, it is learnt from the first picture that comes late.
        """
        order = self._order
        later = len(order) - self._place(pts)
        if later > self._depth:
            self._depth = min(later, _ORDER_MAX - 1)
        insort(order, pts)
        if len(order) > _ORDER_MAX:
            del order[0]
        dts = order[max(0, len(order) - 1 - self._depth)]
        self._last_dts = max(dts, self._last_dts + 1)
        return self._last_dts

    def _place(self, pts: int) -> int:
        order, at = self._order, len(self._order)
        while at > 0 and order[at - 1] > pts:
            at -= 1
        return at

    def _complete(self, held: Sample, following: Sample) -> None:
        """The held picture's duration is known now; cut fragment and segment before the following one where due."""
        duration = following.decode_time - held.decode_time
        held.duration = duration
        if not self._key_frames_only:
            self._interval = max(1, min(duration, VIDEO_TIMESCALE))
        self._keep(held)
        cut = self._cut_before(following)
        if cut or following.sync or self._samples_duration + duration > FRAGMENT_S * VIDEO_TIMESCALE:
            self._flush_video()
        if cut:
            self._close_segment(following.decode_time + following.offset)
            self._open_segment(following)
        if following.sync:
            self._key_segment, self._key_dts = self._segment, following.decode_time

    def _keep(self, sample: Sample) -> None:
        self._samples.append(sample)
        self._samples_duration += sample.duration
        capture_us = self._wall_us(sample.decode_time + sample.offset)
        self._sink.live("video", sample, capture_us)

    def _cut_before(self, following: Sample) -> bool:
        limits = self._limits
        elapsed_s = (following.decode_time - self._opened_dts) / VIDEO_TIMESCALE
        if following.sync:
            group_s = (following.decode_time - self._key_dts) / VIDEO_TIMESCALE
            return (
                elapsed_s >= limits.target_s - 0.1
                or elapsed_s + group_s > limits.longest_s
                or (self._continuation and elapsed_s >= 1)
                or (limits.bytes_max is not None and self._bytes >= limits.bytes_max * 0.9)
            )
        longest_s = limits.target_s if self._continuation else limits.longest_s
        return elapsed_s >= longest_s or (
            limits.bytes_max is not None and self._bytes >= limits.bytes_max * 1.5
        )

    def _open_segment(self, first: Sample) -> None:
        assert self._run is not None
        assert self._video_track is not None
        self._clear_segment()
        self._first_pts = first.decode_time + first.offset
        self._opened_dts = first.decode_time
        self._continuation = not first.sync
        self._segment = self._sink.open_segment(
            self._wall_us(self._first_pts),
            self._run,
            None if first.sync else self._key_segment,
            self._video_track,
        )
        if first.sync:
            self._key_segment, self._key_dts = self._segment, first.decode_time
        if self._audio is not None:
            self._audio.announced = False

    def _flush_video(self) -> None:
        if self._samples:
            self._sink.fragment("video", self._samples, self._samples_duration)
            self._samples, self._samples_duration = [], 0

    def _wall_us(self, pts: int) -> int:
        if self._anchor_us is not None:
            return self._anchor_us + pts * 100 // 9
        lag_us = self._lag_us
        if (
            lag_us is None
        ):  # the first picture of a run: it may have been held for long before it was handed over
            return self._offset_us + self._last_arrival_ns // 1000
        return self._offset_us + lag_us + pts * 100 // 9

    # Ends

    def _close_segment(self, end_pts: int) -> None:
        """Close the open segment, which ends at presentation time `end_pts` where the next begins."""
        self._flush_video()
        self._flush_sound()
        target_us = self._offset_us + (self._lag_us or 0)
        if self._anchor_us is None:
            self._anchor_us = target_us
        start_us = self._anchor_us + self._first_pts * 100 // 9
        drift_us = target_us - self._anchor_us
        if abs(drift_us) > LOST_MAPPING_US:
            self._realign = True
        self._anchor_us += max(-SLEW_US, min(SLEW_US, drift_us))
        end_us = max(start_us + 1, self._anchor_us + end_pts * 100 // 9)
        if self._reason is not None:
            self._declare(start_us)
            self._reason, self._detail = None, ""
        self._declare_losses()
        self._segment = None
        self._sink.close_segment(start_us, end_us)
        self.covered_until_us = end_us

    def _end_run(self) -> None:
        """Close everything: the run is over."""
        held = self._held
        if self._segment is not None and held is not None:
            end = self._max_time + self._shift + self._interval
            held.duration = end - held.decode_time if self._key_frames_only else self._interval
            self._keep(held)
            self._held = None
            self._close_segment(end)
        self._clear_run()

    def _break_run(self, reason: GapReason, detail: str) -> None:
        """Start a new run in mid-stream without losing a picture: the bitstream itself goes on."""
        key_segment = self._key_segment
        self._end_run()
        self._key_segment = key_segment
        self._reason, self._detail = reason, detail

    # Sound

    def _sound_unit(self, unit: AccessUnit) -> None:
        track = self._audio_track
        if track is None or self._run is None or self._segment is None:
            return
        audio = self._audio
        if audio is None:
            shift = self._shift * track.rate // VIDEO_TIMESCALE
            audio = self._audio = _Audio(track, shift)
            self._sink.live_tracks(self._video_track, track, new_run=False)
        duration = track.duration(unit.data)
        moment = self._sound_time(audio, unit)
        if moment is None or duration <= 0:
            return
        if self._sound and self._sound[-1].decode_time + self._sound[-1].duration != moment:
            self._flush_sound()
        sample = Sample(unit.data, moment, duration, 0, True)
        audio.expected = moment + duration
        audio.arrival_ns = unit.arrival_ns
        self._sound.append(sample)
        self._sound_duration += duration
        self._sink.live("audio", sample, self._wall_us(moment * VIDEO_TIMESCALE // track.rate))
        if self._sound_duration >= FRAGMENT_S * track.rate - duration:
            self._flush_sound()

    def _sound_time(self, audio: _Audio, unit: AccessUnit) -> int | None:
        """Return the unit's decoding time, continuous where it nearly is; None for sound from before the run."""
        rate = audio.track.rate
        moment = unit.time + audio.shift + audio.correction
        if audio.expected is None:
            return moment if moment >= rate else None
        ahead = moment - audio.expected
        if abs(ahead) <= rate // 50:
            return audio.expected
        waited = (unit.arrival_ns - audio.arrival_ns) * rate // 1_000_000_000
        if ahead < 0 or ahead > waited + JUMP_AHEAD_S * rate:
            audio.correction -= ahead
            self._realign = True
            return audio.expected
        return moment

    def _flush_sound(self) -> None:
        if not self._sound or self._audio is None or self._segment is None:
            return
        if not self._audio.announced:
            self._sink.open_audio(self._audio.track)
            self._audio.announced = True
        self._sink.fragment("audio", self._sound, self._sound_duration)
        self._sound, self._sound_duration = [], 0

    # Losses

    def _note_loss(self, time: int) -> None:
        """Packets went missing between the newest picture and this one: keep the stretch as media times."""
        if not self._lost_now:
            return
        first, last = self._max_time + self._shift, time + self._shift + self._interval
        if self._losses and (first - self._losses[-1][1] < VIDEO_TIMESCALE or len(self._losses) >= 10):
            self._losses[-1][1] = max(last, self._losses[-1][1])
            self._losses[-1][2] += self._lost_now
        else:
            self._losses.append([first, max(last, first + 1), self._lost_now])
        self._lost_now = 0

    def _declare_losses(self) -> None:
        for first, last, count in self._losses:
            start_us = self._wall_us(first)
            self._sink.gap(
                start_us,
                max(start_us + 1, self._wall_us(last)),
                GapReason.PACKETS_LOST,
                f"{count} packets lost on the way from the camera",
            )
        self._losses = []
