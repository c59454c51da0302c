"""Every error that a user of pvc can meet, with its exit code.

A message is one line: what failed, why, and what to do. Text from the cluster or from the user goes through
:func:`quoted`, so that no control character reaches a terminal. :func:`printable` does the same for tables.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pvc_cli.habits import Kind

EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_CONFIG = 3
EXIT_UNREACHABLE = 4
EXIT_CONFLICT = 5
EXIT_HUNG_UP = 129
EXIT_INTERRUPTED = 130
EXIT_QUIT = 131
EXIT_READER_GONE = 141
"""What a shell reports where SIGPIPE has killed a program."""
EXIT_TERMINATED = 143


_LONGEST = 64
"""A tag may be so long."""


def shortened(text: str) -> str:
    """Return *text*, cut if it is long: a wrong file or variable, which may hold secrets, must not fill a log."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]}…"


def quoted(text: object) -> str:
    """Return *text* in quotes, with everything that does not print escaped, and cut if it is long."""
    return quoted_whole(shortened(str(text)))


def quoted_whole(text: object) -> str:
    """Return *text* as :func:`quoted` does, however long it is: what people asked for, or are to type."""
    return repr(str(text))


def printable(text: str) -> str:
    r"""Escape the characters of *text* that a terminal would act on or hide, the way Python's literals do.

    C0 and C1 controls, line separators, lone surrogates and the invisible formatting characters (among them
    the bidirectional overrides) become ``\x1b``, ``\u202e`` and the like; all that prints stays.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def hint(name: str, known: Iterable[str], otherwise: str) -> str:
    """Return "did you mean …?" with the known names that *name* may stand for, or *otherwise* if none is likely."""
    # Imported here: only a typo needs it.
    from pvc_cli.suggest import likely

    return question(likely(name, known)) or otherwise


def hint_word(kind: Kind, word: str, known: Collection[str], otherwise: str) -> str:
    """Return what :func:`hint` does for a word that is not a name: one that other tools have is not misspelt."""
    # Imported here: only a mistake needs it.
    from pvc_cli.habits import meant, names_for

    if names_for(kind, word):
        return question(meant(kind, word, known)) or otherwise
    return hint(word, known, otherwise)


def question(names: Sequence[str]) -> str:
    """Return "did you mean …?" with *names*; empty if there are none."""
    words = [quoted_whole(name) for name in names]
    return f"did you mean {' or '.join(filter(None, (', '.join(words[:-1]), words[-1])))}?" if words else ""


_ADVICE = (
    "add|apt-get|call|change|check|choose|configure|connect|copy|correct|create|did you mean|drop|enable|end|give"
    "|initialise|install|list|make|move|name|omit|override|overwrite|pass|plan|power|raise|release|remove|rename|repair"
    "|replace|rerun|restart|restore|retry|run|save|see|send|set|start|stop|try|unmigrate|unset|upgrade|use|wait|write"
)
"""What advice begins with: a test fails for an error whose last words begin with anything that it does not know."""


def hint_in(message: str) -> str | None:
    """Return the part of an error's message that says what to do, or None if it has none.

    It comes last, behind a colon or a semicolon, and is a verb, an option or a command with what it does.
    """
    # Imported here: few errors need it.
    import re

    verb = rf"[:;,] (?:or |otherwise |(?:to|if) [^,:;]+, )?(?:{_ADVICE})\b"
    found = re.search(rf"(?:{verb}|[:;] (?:--?[a-z][\w-]* |'pvc(?:-cli)? )).*$", message, re.DOTALL)
    return found[0][2:] if found else None


class PvcError(Exception):
    """Base of all errors: a message, an exit code, and a kind for programs."""

    exit_code = EXIT_REFUSED
    kind = "error"
    more: tuple[str, ...] = ()
    """Further lines of the message."""


class NotFoundError(PvcError):
    """The named thing does not exist."""

    kind = "not_found"


class RefusedError(PvcError):
    """Not allowed as things are; the message says what would allow it."""

    kind = "refused"


class AccessDeniedError(PvcError):
    """ZooKeeper's access control list denies it."""

    kind = "access_denied"


class SchemaError(PvcError):
    """The cluster's schema version is unreadable, unknown, or lacks what was asked for."""

    kind = "schema"


class InvalidItemError(PvcError, ValueError):
    """A name is not a valid znode name; nothing was sent to the cluster."""

    kind = "invalid_item"
    exit_code = EXIT_USAGE


class InvalidKeyError(PvcError, ValueError):
    """A key has the wrong number of items, or is below the wrong key."""

    kind = "invalid_key"
    exit_code = EXIT_USAGE


class InvalidInputError(PvcError, ValueError):
    """An argument is invalid on any cluster."""

    kind = "invalid_input"
    exit_code = EXIT_USAGE


class TooLargeError(PvcError):
    """A change does not fit into one ZooKeeper request."""

    kind = "too_large"


class ConfigError(PvcError):
    """No cluster is configured, or a file cannot be read or written, or is invalid."""

    kind = "config"
    exit_code = EXIT_CONFIG


class SeveralClustersError(InvalidInputError):
    """Several clusters are named where one is used."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = ", ".join(names)
        super().__init__(f"this takes one cluster, not {self.names}: name one")


class NoClusterError(ConfigError):
    """No cluster is configured: the first error of every new user, so it has three lines."""

    def __init__(self) -> None:
        super().__init__("no cluster configured; save one with   pvc connection add NAME HOST[:PORT],…")

    more = (
        "       use one for this command with          pvc --coordinators HOST[:PORT],… COMMAND",
        "       or try pvc on a demo cluster with      pvc sandbox start",
    )


class UnreachableError(PvcError):
    """No server of the cluster answered in time."""

    kind = "unreachable"
    exit_code = EXIT_UNREACHABLE


class OutcomeUnknownError(UnreachableError):
    """The connection was lost during a change, and whether it was made is unknown."""

    kind = "outcome_unknown"


class ProtocolError(UnreachableError):
    """A server sent an invalid reply."""

    kind = "protocol"


class ConflictError(PvcError):
    """Another client changed the same thing at the same time."""

    kind = "conflict"
    exit_code = EXIT_CONFLICT


class LockError(ConflictError):
    """A lock could not be acquired."""

    kind = "locked"
