"""Show snapshots of volumes."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(__name__, __doc__, {"list": "List the snapshots of VOLUME, of POOL, or of all volumes."})
