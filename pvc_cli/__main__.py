"""The process `pvc`, also as ``python -m pvc_cli``."""

import gc
import os
import sys
from contextlib import suppress


def run() -> int:
    """Run pvc as a process and return its exit code."""
    # Starting and listing make no garbage worth collecting, and looking for some takes a tenth of the time.
    gc.set_threshold(200_000)
    from pvc_cli.app import main

    try:
        code = main()
    except SystemExit as end:
        # Completion ends so. To take apart what it offered, name by name, would take as long as to print it.
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)
    # The process ends: a last collection would take as long as importing Click.
    gc.freeze()
    return code


def run_agent() -> int:
    """Run ``pvc sriov agent run`` as a service that no signal kills, and return its exit code.

    A name of its own: PVC's own client is a ``pvc``, too.
    """
    # Imported here: no other command needs it. They wait, from the first moment on, until the service takes them.
    import signal

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
    sys.argv[1:1] = ["sriov", "agent", "run"]
    return run()


if __name__ == "__main__":
    sys.exit(run())
