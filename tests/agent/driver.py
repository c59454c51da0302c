"""pvc in a process of its own, on the simulated cards in the folder that is its first argument.

With DRIVER_HOST, this machine has that name.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from pvc_cli import app
from pvc_cli.agent import linux
from tests.agent.nic import SimulatedKernel

if __name__ == "__main__":
    folder = Path(sys.argv.pop(1))
    host = os.environ.get("DRIVER_HOST") or socket.gethostname()
    socket.gethostname = lambda: host
    linux.LinuxKernel = lambda: SimulatedKernel(folder)  # type: ignore[assignment, misc, return-value]
    sys.exit(app.main(sys.argv[1:]))
