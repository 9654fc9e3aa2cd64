"""Two hundred kills at random instants of recording and uploading: nothing that was sealed is lost or comes twice."""

from __future__ import annotations

import subprocess
import sys
import uuid
from itertools import pairwise

import pytest

from edge_agent.identity import Identity
from protocol.states import SegmentState
from sealing.ids import GapReason
from sealing.record import Gap, Segment
from tests.edge_agent.box import wait_for
from tests.edge_agent.portal import running_portal
from tests.edge_agent.process import ROOT, agent_process
from tests.edge_agent.test_upload import check_everything, spool_states

KILLS = 200
pytestmark = pytest.mark.real_time


def test_killed_at_two_hundred_random_instants_nothing_is_lost_and_nothing_comes_twice(tmp_path):
    camera = uuid.uuid4()
    with running_portal() as portal:
        portal.order()
        state = tmp_path / "state"
        portal.enrol(state)
        done = subprocess.run(
            [sys.executable, "-m", "tests.edge_agent.killed_often", state, str(camera), str(KILLS), "6"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        assert done.stdout.strip() == str(KILLS)
        with agent_process(state, tmp_path / "log") as agent:
            wait_for(
                lambda: portal.segments() and {s.segment for s in portal.segments()} == portal.stored(),
                60,
                what="everything to arrive",
            )
            wait_for(lambda: set(spool_states(state)) <= {SegmentState.RELEASED}, 60, what="the release")
            assert agent.stop() == 0
        check_everything(portal)
        records = sorted(
            (r.record for r in portal.all_records() if isinstance(r.record, Segment | Gap)),
            key=lambda record: record.start_us,
        )
        # Whole and salvaged segments and the gaps of the crashes follow each other without hole or overlap.
        assert all(after.start_us == before.end_us for before, after in pairwise(records))
        gaps = [record for record in records if isinstance(record, Gap)]
        assert {gap.reason for gap in gaps} == {GapReason.AGENT_CRASHED}
        assert Identity.load(state).agent == portal.agent
