"""Which process of a test run does what: file by file, and one process more than there are cores, for tests that mostly wait.

The tests of a file go to one process, in order, and so do those of a group ("make-up", "drills": each with one system that
`make up` runs): what a file starts for itself, a portal or a stage with its people, is started once. Folders stay together
likewise, each with its one Chromium per process.

The agent's tests wait for disks, back-offs and cameras, drills for a system to start, to stop and to record: they leave the
cores idle; tests that drive Chromium keep them busy. So one process more than there are cores runs, and it is given the former
alone; the others do everything else first.
"""

from __future__ import annotations

import os
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler.loadgroup import LoadGroupScheduling
from xdist.workermanage import WorkerController

WAITING: Final = frozenset({"edge_agent", "drills"})


def processes() -> int:
    """How many processes a run of every test has."""
    return (os.cpu_count() or 1) + 1


def waits_mostly(scope: str) -> bool:
    """Whether a unit of work (a test, or the name of a group) leaves the cores to others."""
    return scope.removeprefix("tests/").split("/")[0] in WAITING


class WaitingApart(LoadGroupScheduling):
    """As xdist's loadgroup, but by file; the last process gets what mostly waits and nothing else, and the others get that
    last. What waits goes test by test, so that the end of a run finds every process at work."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        # Files in order: sorted by number of tests, which is xdist's way, folders would be torn apart.
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        scope = super()._split_scope(nodeid)
        return scope if waits_mostly(scope) else scope.split("::")[0]

    def _assign_work_unit(self, node: WorkerController) -> None:
        waiting = node is self._spare()
        fitting = (scope for scope in self.workqueue if waits_mostly(scope) == waiting)
        # Groups, which are long, before files.
        first = min(fitting, key=lambda scope: "/" in scope, default=None)
        if first is not None:
            self.workqueue.move_to_end(first, last=False)
        elif waiting:  # the rest is the others'
            node.shutdown()
            return
        super()._assign_work_unit(node)

    def _spare(self) -> WorkerController | None:
        """The last of the processes, when there is one more than cores."""
        nodes = sorted(self.registered_collections, key=lambda node: int(node.gateway.id.removeprefix("gw")))
        return nodes[-1] if len(nodes) == processes() else None
