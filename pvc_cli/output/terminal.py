"""What is known about the terminal that a stream goes to."""

import os
from typing import TextIO


def is_terminal(stream: TextIO) -> bool:
    """Tell whether *stream* is a terminal."""
    return stream.isatty()


def obeys_codes(stream: TextIO) -> bool:
    """Tell whether *stream* is a terminal that knows colours and moves its cursor."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def columns_of(stream: TextIO) -> int | None:
    """Return how wide the terminal behind *stream* is; None for anything else, and for one that does not know."""
    return os.get_terminal_size(stream.fileno()).columns or None if stream.isatty() else None


def in_background(stream: TextIO) -> bool:
    """Tell whether another job has the terminal *stream*: it is not this process's to draw on."""
    try:
        return os.tcgetpgrp(stream.fileno()) != os.getpgrp()
    except OSError:
        # It is gone, or no job's: writing tells.
        return False
