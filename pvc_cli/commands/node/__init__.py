"""Show nodes."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(__name__, __doc__, {"info": "Show the details of nodes.", "list": "List nodes."})
