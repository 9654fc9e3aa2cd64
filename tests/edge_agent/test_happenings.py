"""What is noticed reaches who listens to that camera, and ends."""

import asyncio
import uuid

import pytest

from edge_agent.happenings import ACTIVE_MOST, Happening, Happenings

GATE, YARD = uuid.UUID(int=1), uuid.UUID(int=2)


def motion(camera: uuid.UUID, active: bool, source: str = "own") -> Happening:
    return Happening(camera, "motion", source, 1, active)


async def test_a_listener_is_woken_by_its_camera_alone() -> None:
    happenings = Happenings()
    with happenings.listen(GATE) as gate, happenings.listen(YARD) as yard:
        happenings.tell(motion(GATE, True))
        await asyncio.wait_for(gate.wait(), 1)
        assert gate.active("motion")
        assert not gate.active("tamper")
        assert not yard.active("motion")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(yard.wait(), 0.02)


async def test_motion_goes_on_until_its_last_source_ends() -> None:
    happenings = Happenings()
    happenings.tell(motion(GATE, True))
    happenings.tell(motion(GATE, True, "onvif:1"))
    with happenings.listen(GATE) as gate:
        happenings.tell(motion(GATE, False))
        assert gate.active("motion")
        happenings.end(GATE, "onvif:1", 2)
        assert not gate.active("motion")


def test_a_camera_that_names_sources_without_end_fills_no_memory() -> None:
    happenings = Happenings()
    for number in range(10 * ACTIVE_MOST):
        happenings.tell(motion(GATE, True, f"onvif:{number}"))
    assert len(happenings._active[GATE]) == ACTIVE_MOST


@pytest.mark.parametrize(("kind", "source"), [("rain", "own"), ("motion", ""), ("motion", "x" * 61)])
def test_what_is_no_happening_is_refused(kind: str, source: str) -> None:
    with pytest.raises(ValueError, match="no happening"):
        Happening(GATE, kind, source, 1, True)
