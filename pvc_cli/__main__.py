"""Run the command line with ``python -m pvc_cli``."""

import sys

from pvc_cli.app import run

sys.exit(run())
