"""Runs of a timeline: pure arithmetic on spans of time, no database and no clock."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from protocol.states import TimelineState
from sealing.ids import GapReason

_STRENGTH = {
    TimelineState.RECORDED: 1,
    TimelineState.GAP: 2,
    TimelineState.PENDING: 3,
    TimelineState.MISSING: 4,
    TimelineState.DELETED: 5,
}
_WITHIN_RECORDED = frozenset({GapReason.PACKETS_LOST})
"""Gaps that lie inside footage that is there: hidden by it, nobody would see them."""
_SEVERITY = {
    TimelineState.GAP: 0,
    TimelineState.MISSING: 1,
    TimelineState.DELETED: 2,
    TimelineState.PENDING: 3,
    TimelineState.RECORDED: 4,
}


@dataclass(frozen=True, slots=True)
class Run:
    """One state over [from_us, to_us); `reason` is the number of a gap's reason."""

    from_us: int
    to_us: int
    state: str
    reason: int | None = None

    def row(self) -> list[int | str | None]:
        return [self.from_us, self.to_us, self.state, self.reason]


def overlay(spans: Iterable[Run], from_us: int, to_us: int) -> list[Run]:
    """Sorted runs that never overlap, clipped to the range. Where spans compete, what can be watched wins."""
    starts = sorted(
        (
            max(span.from_us, from_us),
            min(span.to_us, to_us),
            _strength(span),
            span.state,
            span.reason or 0,
        )
        for span in spans
        if span.from_us < to_us and span.to_us > from_us and span.to_us > span.from_us
    )
    edges = sorted({edge for start in starts for edge in start[:2]})
    runs: list[Run] = []
    active: list[tuple[int, int, str, int]] = []
    upcoming = 0
    for here, there in pairwise(edges):
        while upcoming < len(starts) and starts[upcoming][0] <= here:
            _, end, strength, state, reason = starts[upcoming]
            heapq.heappush(active, (strength, end, state, reason))
            upcoming += 1
        while active and active[0][1] <= here:
            heapq.heappop(active)
        if active:
            _append(runs, Run(here, there, active[0][2], active[0][3] or None))
    return runs


def _strength(span: Run) -> int:
    if span.state == TimelineState.GAP and span.reason in _WITHIN_RECORDED:
        return 0
    return _STRENGTH[span.state]


def _append(runs: list[Run], run: Run) -> None:
    if (
        runs
        and runs[-1].to_us == run.from_us
        and (runs[-1].state, runs[-1].reason) == (run.state, run.reason)
    ):
        runs[-1] = Run(runs[-1].from_us, run.to_us, run.state, run.reason)
    else:
        runs.append(run)


def coarsen(runs: list[Run], resolution_us: int) -> list[Run]:
    """Joins neighbours too short to be told apart at this resolution into one run of the worst state among them.

    So a reply stays small whatever the range, and a short gap is never hidden by what surrounds it. Runs at least as
    long as the resolution keep their exact edges.
    """
    if resolution_us <= 0:
        return runs
    joined: list[Run] = []
    cluster: list[Run] = []
    for run in runs:
        short = run.to_us - run.from_us < resolution_us
        fits = bool(cluster) and run.to_us - cluster[0].from_us <= resolution_us
        if cluster and not (short and fits):
            _append(joined, _worst(cluster))
            cluster = []
        if short:
            cluster.append(run)
        else:
            _append(joined, run)
    if cluster:
        _append(joined, _worst(cluster))
    return joined


def _worst(cluster: list[Run]) -> Run:
    worst = min(cluster, key=_severity)
    return Run(cluster[0].from_us, cluster[-1].to_us, worst.state, worst.reason)


def _severity(run: Run) -> int:
    """What nobody wanted recorded hides nothing that was."""
    by_plan = run.state == TimelineState.GAP and run.reason == GapReason.BY_PLAN
    return max(_SEVERITY.values()) + 1 if by_plan else _SEVERITY[run.state]
