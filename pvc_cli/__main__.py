"""The process `pvc`, also as ``python -m pvc_cli``."""

import gc
import sys


def run() -> int:
    """Run pvc as a process and return its exit code."""
    # Starting and listing make no garbage worth collecting, and looking for some takes a tenth of the time.
    gc.set_threshold(200_000)
    from pvc_cli.app import main

    code = main()
    # The process ends: a last collection would take as long as importing Click.
    gc.freeze()
    return code


if __name__ == "__main__":
    sys.exit(run())
