"""Show, acknowledge and delete faults."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {"ack": "Acknowledge faults.", "delete": "Delete faults.", "list": "List faults, the latest first."},
)
