"""Runs of a timeline: arithmetic on spans."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from protocol.states import TimelineState as State
from sealing.ids import GapReason
from vsaas.footage.runs import Run, coarsen, overlay

STATES = [State.RECORDED, State.GAP, State.PENDING, State.MISSING, State.DELETED]
RANK = {state: rank for rank, state in enumerate(STATES)}
spans = st.lists(
    st.builds(
        lambda start, length, state: Run(start, start + length, state, 3 if state == State.GAP else None),
        st.integers(0, 100),
        st.integers(1, 40),
        st.sampled_from(STATES),
    ),
    max_size=12,
)


def covering(all_spans, instant: int):
    """The strongest state at one instant, by brute force."""
    here = [span.state for span in all_spans if span.from_us <= instant < span.to_us]
    return min(here, key=RANK.get, default=None)


@given(spans)
def test_every_instant_shows_the_strongest_state_that_covers_it(all_spans):
    runs = overlay(all_spans, 10, 90)
    shown = {instant: run.state for run in runs for instant in range(run.from_us, run.to_us)}
    assert shown == {
        instant: state for instant in range(10, 90) if (state := covering(all_spans, instant)) is not None
    }


def test_lost_packets_show_though_the_footage_around_them_is_there():
    spans = [Run(0, 100, State.RECORDED), Run(40, 50, State.GAP, int(GapReason.PACKETS_LOST))]
    spans.append(Run(60, 70, State.GAP, int(GapReason.CAMERA_UNREACHABLE)))
    shown = [(run.from_us, run.to_us, run.state) for run in overlay(spans, 0, 100)]
    assert shown == [(0, 40, State.RECORDED), (40, 50, State.GAP), (50, 100, State.RECORDED)]


@given(spans)
def test_runs_are_sorted_never_overlap_and_neighbours_of_one_state_are_merged(all_spans):
    runs = overlay(all_spans, 0, 200)
    for before, after in pairwise(runs):
        assert before.to_us <= after.from_us
        touching = before.to_us == after.from_us
        assert not (touching and (before.state, before.reason) == (after.state, after.reason))


@given(spans, st.integers(1, 50))
def test_coarsening_hides_no_gap_and_invents_none_far_away(all_spans, resolution):
    runs = overlay(all_spans, 0, 200)
    coarse = coarsen(runs, resolution)
    gaps = [run for run in runs if run.state == State.GAP]
    for gap in gaps:
        assert any(
            run.state == State.GAP and run.from_us <= gap.from_us and run.to_us >= gap.to_us for run in coarse
        )
    for run in coarse:
        if run.state == State.GAP:
            assert any(
                gap.from_us < run.to_us + resolution and gap.to_us > run.from_us - resolution for gap in gaps
            )


def test_coarse_replies_stay_small():
    flapping = [
        Run(n * 2, n * 2 + 1, State.RECORDED) if n % 2 else Run(n * 2, n * 2 + 1, State.GAP, 1)
        for n in range(10_000)
    ]
    assert len(coarsen(overlay(flapping, 0, 20_000), 1000)) <= 2 * 20 + 2
