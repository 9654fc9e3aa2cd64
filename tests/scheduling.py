"""Which process of a test run does what: one process more than there are cores, for tests that mostly wait.

The agent's tests wait for disks, back-offs and cameras, and leave the cores idle; tests that drive Chromium keep them busy. So
one process more than there are cores runs, and it is given the former alone; the others do everything else first.
"""

from __future__ import annotations

import os
from typing import Final

from xdist.scheduler.loadgroup import LoadGroupScheduling
from xdist.workermanage import WorkerController

WAITING_FOLDERS: Final = frozenset({"edge_agent"})


def processes() -> int:
    """How many processes a run of every test has."""
    return (os.cpu_count() or 1) + 1


def waits_mostly(scope: str) -> bool:
    """Whether a unit of work (a test, or the name of a group) leaves the cores to others."""
    return scope.removeprefix("tests/").split("/")[0] in WAITING_FOLDERS


class WaitingApart(LoadGroupScheduling):
    """As xdist's loadgroup, but the last process gets what mostly waits and nothing else, and the others get that last."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        waiting = node is self._spare()
        first = next((scope for scope in self.workqueue if waits_mostly(scope) == waiting), None)
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
