"""Show pools."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(__name__, __doc__, {"list": "List pools."})
