"""What this program is called: where PVC's own client has the name ``pvc``, ours is ``pvc-cli``."""

import re
import sys

_OTHER_NAMES = ("pvc-cli",)


def program() -> str:
    """Return the name that this program was started by, if it is one of its own."""
    name = sys.argv[0].rpartition("/")[2]
    return name if name in _OTHER_NAMES else "pvc"


def own_hints(message: str) -> str:
    """Return *message* with the commands in it, which are in quotes, as they are to be typed."""
    name = program()
    return message if name == "pvc" else re.sub(r"(?<=')pvc(?= [a-z-])", name, message)


def own_commands(text: str) -> str:
    """Return *text* with every command in it as it is to be typed."""
    name = program()
    return text if name == "pvc" else re.sub(r"(?<![\w./-])pvc(?= [a-z-])", name, text)
