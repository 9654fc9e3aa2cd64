"""How far a camera's clock is from this box's and how fast it goes away from it, out of its sender reports. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final

WRONG_US: Final = 10_000_000
"""Farther off than this a person must look at the camera's clock."""
COUNTS_FROM_A_START_US: Final = 946_684_800_000_000
"""Before the year 2000 (UTC µs) a camera tells no time of day: it counts from when it was switched on."""
_SPAN_S: Final = 60
_SPANS_MIN: Final = 10
_SPANS_MAX: Final = 120
_STEP_US: Final = 500_000


class CameraTime:
    """What one camera told. A report arrives late, never early, so of each minute the one that waited least counts.

    `offset_us`: the camera's clock minus the box's, None before a report. `drift_ppm`: how many µs a second the camera's
    clock gains (least squares over up to two hours), None before ten minutes; a clock that is set starts both anew.
    """

    def __init__(self) -> None:
        self.offset_us: int | None = None
        self.drift_ppm: float | None = None
        self._minute: int | None = None
        self._best = (0.0, 0)
        self._points: deque[tuple[float, int]] = deque(maxlen=_SPANS_MAX)

    def told(self, offset_us: int, mono_ns: int) -> None:
        """A report that arrived at `mono_ns`, read by both clocks then."""
        moment_s = mono_ns / 1e9
        minute = int(moment_s // _SPAN_S)
        if self._minute is None or abs(offset_us - self._best[1]) > _STEP_US:
            self._points.clear()
            self.drift_ppm = None
            self._minute, self._best = minute, (moment_s, offset_us)
        elif minute != self._minute:
            self._points.append(self._best)
            self.drift_ppm = self._slope()
            self._minute, self._best = minute, (moment_s, offset_us)
        elif offset_us > self._best[1]:
            self._best = moment_s, offset_us
        self.offset_us = self._best[1]

    def wrong_us(self, now_us: int) -> int | None:
        """By how much the camera's clock is wrong if that is too much; None while it is right or tells no time of day."""
        off_us = self.offset_us
        if off_us is None or abs(off_us) <= WRONG_US or now_us + off_us < COUNTS_FROM_A_START_US:
            return None
        return off_us

    def _slope(self) -> float | None:
        count = len(self._points)
        if count < _SPANS_MIN:
            return None
        mean_s = sum(point[0] for point in self._points) / count
        mean_us = sum(point[1] for point in self._points) / count
        spread = sum((at - mean_s) ** 2 for at, _ in self._points)
        return round(sum((at - mean_s) * (off - mean_us) for at, off in self._points) / spread, 1)
