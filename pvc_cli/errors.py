"""Every error that a user of pvc can meet, with the exit code that it gives.

One small tree. A message is one line written for the person who reads it at night: it names the thing, the
reason and the way out. Text that comes from the cluster or from the user goes through :func:`quoted`, so
that no message can carry a control character to a terminal. :func:`printable` does the same for tables.
"""

from __future__ import annotations

EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_CONFIG = 3
EXIT_UNREACHABLE = 4
EXIT_CONFLICT = 5
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


def quoted(text: object) -> str:
    """Return *text* in quotes, with everything that does not print escaped."""
    return repr(str(text))


def printable(text: str) -> str:
    r"""Escape the characters of *text* that a terminal would act on or hide, the way Python's literals do.

    C0 and C1 controls, line separators, lone surrogates and the invisible formatting characters (among them
    the bidirectional overrides) become ``\x1b``, ``\u202e`` and the like; all that prints stays.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class PvcError(Exception):
    """What all errors of pvc have in common: a message for people, and an exit code."""

    exit_code = EXIT_REFUSED
    more: tuple[str, ...] = ()
    """Further lines, ready to be shown."""


class NotFoundError(PvcError):
    """The named thing is not there."""


class RefusedError(PvcError):
    """What was asked for is not allowed as things stand; the message says what would allow it."""


class AccessDeniedError(PvcError):
    """ZooKeeper's access control list does not let this client do that."""


class SchemaError(PvcError):
    """The schema version of the cluster cannot be read, is unknown, or lacks what was asked for."""


class InvalidItemError(PvcError, ValueError):
    """A name cannot be one znode: nothing was sent to the cluster."""

    exit_code = EXIT_USAGE


class InvalidKeyError(PvcError, ValueError):
    """A key of the schema was given with the wrong number of items, or below the wrong key."""

    exit_code = EXIT_USAGE


class InvalidInputError(PvcError, ValueError):
    """An argument makes no sense, whatever the cluster looks like."""

    exit_code = EXIT_USAGE


class TooLargeError(PvcError):
    """A change does not fit into one ZooKeeper request."""


class ConfigError(PvcError):
    """It cannot be told which cluster is meant, or a configuration file is wrong."""

    exit_code = EXIT_CONFIG


class NoClusterError(ConfigError):
    """No cluster is named anywhere: what everybody meets first, and so the one error that takes three lines."""

    def __init__(self) -> None:
        super().__init__("no cluster is named; keep one with   pvc connection add NAME HOST[:PORT],…")

    more = (
        "       name one for this time with         pvc --coordinators HOST[:PORT],… COMMAND",
        "       or try pvc on a demo cluster with   pvc sandbox start",
    )


class UnreachableError(PvcError):
    """No server of the cluster answered in time."""

    exit_code = EXIT_UNREACHABLE


class OutcomeUnknownError(UnreachableError):
    """The connection went away around a change, and did not come back to tell whether it was made."""


class ProtocolError(UnreachableError):
    """A server's answer does not make sense."""


class ConflictError(PvcError):
    """Somebody else changed the same thing at the same time."""

    exit_code = EXIT_CONFLICT


class LockError(ConflictError):
    """A lock could not be had."""
