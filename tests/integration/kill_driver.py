"""Run pvc again and again, each time in a process of its own that is killed at a chosen transaction.

python -m tests.integration.kill_driver CHUNK COMMAND…: COMMAND makes transactions of at most CHUNK steps; a word
of ``;`` in it separates several. Reads, one a line: where to connect, the number of the transaction (0 for none),
and the moment; writes for each run the exit status, negative for the signal that ended it. A process without threads
forks fast and safely.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from functools import partial

from pvc_cli import app
from pvc_cli.connections import session
from pvc_cli.zk import ZKHandler, execute
from pvc_cli.zk.live import LiveStore
from pvc_cli.zk.store import Op


def kill_at(number: int, moment: str) -> None:
    """Make the process kill itself at its transaction *number*: while it is on its way, or when it is done."""
    commit = LiveStore.commit
    count = 0

    def commit_or_die(store: LiveStore, ops: Sequence[Op]) -> None:
        nonlocal count
        count += 1
        if count == number and moment == "during":
            store._request(ops).commit_async()
            os.kill(os.getpid(), signal.SIGKILL)
        commit(store, ops)
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    LiveStore.commit = commit_or_die  # type: ignore[method-assign, assignment]


def main() -> None:
    """Serve the runs that are asked for."""
    execute.CHUNK_OPS = int(sys.argv[1])
    commands = " ".join(sys.argv[2:]).split(" ; ")
    # What was killed keeps its lock as long as its session.
    session.ZKHandler = partial(ZKHandler, session_timeout=4)  # type: ignore[attr-defined, assignment]
    for line in sys.stdin:
        hosts, number, moment = line.split()
        if child := os.fork():
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            print(status, flush=True)
            continue
        sys.stdin, sys.stdout = open(os.devnull), open(os.devnull, "w")  # noqa: SIM115, PTH123 - for good
        sys.stderr = sys.stdout
        if int(number):
            kill_at(int(number), moment)
        for command in commands:
            if code := app.main(["--coordinators", hosts, "--timeout", "5", *command.split()]):
                os._exit(code)
        os._exit(0)


if __name__ == "__main__":
    main()
