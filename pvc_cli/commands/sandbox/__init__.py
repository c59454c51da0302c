"""Run a local demo cluster.

It is a real ZooKeeper on the loopback interface. While it runs, pvc uses it unless another cluster is configured.
PVC's daemons do not run in it: nothing acts on what VMs and nodes are told, and --wait waits in vain.
"""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "start": "Start a sandbox with demo data.",
        "status": "Show the running sandbox; exit 1 if there is none, or no quorum.",
        "stop": "Stop the sandbox and delete its data.",
    },
)
