"""Read and write single keys: the last resort."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "find": "Find the items whose key has a value.",
        "get": "Print the value of a key.",
        "list": "List what is below a key.",
        "set": "Set the value of a key.",
    },
)
