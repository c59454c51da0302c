"""pvc in a process of its own, which tells when it is in the middle of its work.

python -m tests.faults.driver FD AT TIMEOUT HOSTS COMMAND…: runs pvc's COMMAND in chunks of few steps. At its
transaction number AT it writes the port of the server that it is connected to into the pipe FD, and goes on; at the
end, how many transactions there were. A word of ``;`` in COMMAND separates several.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from pvc_cli import app
from pvc_cli.zk import execute
from pvc_cli.zk.live import LiveStore
from pvc_cli.zk.store import Op

count = 0


def announce(pipe: int, at: int) -> None:
    """Make every store say when its process comes to its transaction number *at*."""
    commit = LiveStore.commit

    def commit_and_say(store: LiveStore, ops: Sequence[Op]) -> None:
        global count
        count += 1
        if count == at:
            port = store._client._connection._socket.getpeername()[1]
            os.write(pipe, f"{port}\n".encode())
        commit(store, ops)

    LiveStore.commit = commit_and_say  # type: ignore[method-assign, assignment]


def main() -> int:
    """Run the commands until one fails."""
    pipe, at, timeout, hosts, *words = sys.argv[1:]
    announce(int(pipe), int(at))
    execute.CHUNK_OPS = 20
    code = 0
    for command in " ".join(words).split(" ; "):
        sys.argv = ["pvc", *command.split()]
        code = app.main(["--coordinators", hosts, "--timeout", timeout, *command.split()])
        if code:
            break
    os.write(int(pipe), f"{count} in all\n".encode())
    return code


if __name__ == "__main__":
    sys.exit(main())
