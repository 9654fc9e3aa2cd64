"""Which process of a test run does what: never more browsers and whole systems at once than there are cores.

Half the suite waits (for a disk, a back-off, a camera) while the other half keeps both cores busy with Chromium. So one process
more than there are cores runs; the tests that drive a browser or a whole system are given to the others alone, and first.
"""

from __future__ import annotations

import os
from typing import Final

from xdist.scheduler.loadgroup import LoadGroupScheduling
from xdist.workermanage import WorkerController

BUSY_FOLDERS: Final = frozenset({"components", "e2e", "frame", "frontend", "onebox"})
BUSY_GROUPS: Final = frozenset({"make-up"})


def processes() -> int:
    """How many processes a run of every test has."""
    return (os.cpu_count() or 1) + 1


def is_busy(scope: str) -> bool:
    """Whether a unit of work (a test, or the name of a group) drives a browser or a whole system."""
    return scope in BUSY_GROUPS or scope.removeprefix("tests/").split("/")[0] in BUSY_FOLDERS


class BusyApart(LoadGroupScheduling):
    """As xdist's loadgroup, but the last process gets no busy unit, and the others get those first."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        wants_busy = node is not self._spare()
        first = next((scope for scope in self.workqueue if is_busy(scope) == wants_busy), None)
        if first is not None:
            self.workqueue.move_to_end(first, last=False)
        elif not wants_busy:  # only busy ones are left, and they are the others'
            node.shutdown()
            return
        super()._assign_work_unit(node)

    def _spare(self) -> WorkerController | None:
        """The last of the processes, when there is one more than cores."""
        nodes = sorted(self.registered_collections, key=lambda node: int(node.gateway.id.removeprefix("gw")))
        return nodes[-1] if len(nodes) == processes() else None
