"""``pvc sandbox``: run a demo cluster on this machine, to try pvc on."""

from __future__ import annotations

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    {
        "start": "Start a sandbox, filled with a demo cluster.",
        "status": "Say whether a sandbox runs, and where; exit 1 if none does.",
        "stop": "End the sandbox and delete its data; fine if none runs.",
    },
    help="""Run a demo cluster on this machine, to try pvc on.

It is a real ZooKeeper on the loopback interface. While it runs, pvc uses it where nothing else is said.
""",
)
