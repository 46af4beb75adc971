"""The scheduler of pytest-xdist that leaves a board with its worker; loaded with pytest-xdist."""

from __future__ import annotations

from collections.abc import Sequence

from xdist.scheduler.each import EachScheduling
from xdist.workermanage import WorkerController


class BoardScheduling(EachScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """Every worker runs what it collected, and collections may differ."""

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        """Note what a worker has collected; one that replaces a dead one gets what that left."""
        if not self.collection_is_completed:
            super().add_node_collection(node, collection)
            return
        self.node2collection[node] = []
        for dead in self._removed2pending:
            # By identity: all workers of one machine have equal specifications.
            if dead.gateway.spec is node.gateway.spec:
                self.node2collection[node] = list(collection)
                self.node2pending[node] = self._removed2pending.pop(dead)
                return

    def schedule(self) -> None:
        """Send the workers off, and let each leave when it is through."""
        for node, pending in self.node2pending.items():
            if node in self._started:
                continue
            self._started.append(node)
            if pending:
                node.send_runtest_some(pending)
            elif self.node2collection[node]:
                pending[:] = range(len(self.node2collection[node]))
                node.send_runtest_all()
            node.shutdown()
