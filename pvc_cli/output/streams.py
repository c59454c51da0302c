"""The standard streams of a process: what cannot be written is an error that names the stream."""

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

from pvc_cli.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
_BUFFER = 64 * 1024
"""Bytes that are gathered before they are written: a pipe takes as many, and a list of VMs has megabytes."""


class OutputError(ConfigError):
    """Standard output or standard error cannot be written to: the disk behind it is full, for one."""


class ReaderGoneError(Exception):
    """Who read what pvc prints has closed the pipe, as ``head`` does.

    Neither a :class:`~pvc_cli.errors.PvcError`, which a command may pass over, nor an ``OSError``, which Click takes.
    """


class _Descriptor(io.FileIO):
    """An open file descriptor that names itself in its errors."""

    def __init__(self, descriptor: int, called: str) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._called = called

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write *data*, or a part of it, and return how many bytes that were.

        :raises ReaderGoneError: if nobody reads them any more.
        :raises OutputError: if they cannot be written.
        """
        try:
            return super().write(data)
        except BrokenPipeError:
            raise ReaderGoneError from None
        except OSError as error:
            raise OutputError(f"cannot write to {self._called}: {error.strerror}") from None


def prepare_streams() -> None:
    """Give the process three standard streams: open, with errors that name them, and with an answer to any text."""
    _open_closed()
    sys.stdout = _named(sys.stdout, "standard output")
    sys.stderr = _named(sys.stderr, "standard error")
    if reconfigure := getattr(sys.stdin, "reconfigure", None):
        # Bytes that are not text become surrogates, as on a command line, and are refused by name later; line ends
        # stay what they are.
        reconfigure(errors="surrogateescape", newline="")


def give_up(stream: TextIO) -> None:
    """Discard the rest of *stream*: Python would complain again when it closes it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _named(stream: TextIO, called: str) -> TextIO:
    """Return a stream to where *stream* goes, with errors that say what it is *called*.

    A character that it cannot encode, such as on a terminal that cannot show it, becomes its escape.
    """
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    stream.reconfigure(errors="backslashreplace")
    raw = getattr(stream.buffer, "raw", stream.buffer)  # with PYTHONUNBUFFERED, there is no buffer between
    if not isinstance(raw, io.FileIO):
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(_Descriptor(stream.fileno(), called), _BUFFER),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering or raw is stream.buffer,
    )


def _open_closed() -> None:
    """Open what the process was started without; results that cannot be written are an error.

    Else the next file or connection would get the number of a standard stream, and be written to.
    """
    streams = (("stdin", "r", os.O_RDONLY), ("stdout", "w", os.O_RDONLY), ("stderr", "w", os.O_WRONLY))
    for name, mode, access in streams:
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, access)
            # Whatever takes the place of this object, the number stays taken.
            stream = open(descriptor, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
