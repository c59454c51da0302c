"""Run pvc as if it knew no batches: every read waits for its answer before the next is sent."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from pvc_cli.app import main
from pvc_cli.zk import live
from pvc_cli.zk.store import Read, ReadResult, TextResult, as_text


class OneByOne(live.LiveStore):
    """A store as PVC's own library would be one."""

    def read(self, reads: Sequence[Read]) -> list[ReadResult]:
        """Read one znode after the other."""
        return [super(OneByOne, self).read([read])[0] for read in reads]

    def request(self, reads: Sequence[Read]) -> Callable[[], list[TextResult]]:
        """Put the reading off until somebody waits for it."""
        return lambda: [as_text(result) for result in self.read(reads)]


if __name__ == "__main__":
    live.LiveStore = OneByOne  # type: ignore[misc]
    sys.exit(main())
