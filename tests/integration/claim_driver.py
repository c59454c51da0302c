"""Claim one VF of pvchv1 from many processes at once.

Reads, one a line: the VF and the VMs, with commas; writes the exit codes of pvc in their order. A process without
threads forks fast and safely; all children wait for one byte that never comes, but the end of the pipe does.
"""

from __future__ import annotations

import os
import sys

# Imported before the fork, so that 64 processes need not do it each.
import pvc_cli.cluster.sriov.claims
import pvc_cli.commands.network.sriov.vf.claim
import pvc_cli.zk.live  # noqa: F401
from pvc_cli import app


def main() -> None:
    """Serve the rounds that are asked for."""
    hosts = sys.argv[1]
    for line in sys.stdin:
        vf, vms = line.split()
        gate, opener = os.pipe()
        children = []
        for vm in vms.split(","):
            if child := os.fork():
                children.append(child)
                continue
            os.close(opener)
            sys.stdin, sys.stderr = open(os.devnull), open(os.devnull, "w")  # noqa: SIM115, PTH123 - for good
            os.read(gate, 1)
            os._exit(app.main(["--coordinators", hosts, "--timeout", "60", "sriov", "vf", "claim", "pvchv1", vf, vm]))
        os.close(gate)
        os.close(opener)
        print(*(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children), flush=True)


if __name__ == "__main__":
    main()
