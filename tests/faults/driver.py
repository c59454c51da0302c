"""pvc in a process of its own, which tells when it is in the middle of its work.

python -m tests.faults.driver FD AT HOLD CHUNK TIMEOUT BROKEN HOSTS COMMAND…: runs pvc's COMMAND with at most CHUNK
steps in a transaction. At its transaction number AT it writes the port of the server that it is connected to into the
socket FD, and goes on, with HOLD 1 only when it is told to; at the end it writes how many transactions there were. A
word of ``;`` in COMMAND separates several. BROKEN 1 is the control: what may have been done is taken for done.
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


def announce(channel: int, at: int, *, hold: bool) -> None:
    """Make every store say when its process comes to its transaction number *at*."""
    commit = LiveStore.commit

    def commit_and_say(store: LiveStore, ops: Sequence[Op]) -> None:
        global count
        count += 1
        if count == at:
            port = store._client._connection._socket.getpeername()[1]
            os.write(channel, f"{port}\n".encode())
            if hold:
                os.read(channel, 1)
        commit(store, ops)

    LiveStore.commit = commit_and_say  # type: ignore[method-assign, assignment]


def main() -> int:
    """Run the commands until one fails."""
    channel, at, hold, chunk, timeout, broken, hosts, *words = sys.argv[1:]
    announce(int(channel), int(at), hold=hold == "1")
    if broken == "1":
        LiveStore._was_applied = lambda *_: True  # type: ignore[method-assign]
    execute.CHUNK_OPS = int(chunk)
    code = 0
    for command in " ".join(words).split(" ; "):
        sys.argv = ["pvc", *command.split()]
        code = app.main(["--coordinators", hosts, "--timeout", timeout, *command.split()])
        if code:
            break
    os.write(int(channel), f"{count} in all\n".encode())
    return code


if __name__ == "__main__":
    sys.exit(main())
