"""Say on standard error what happens: messages, warnings, errors, and what is waited for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from pvc_cli.errors import printable
from pvc_cli.output.terminal import columns_of, obeys_codes
from pvc_cli.program import own_hints

if TYPE_CHECKING:
    from pvc_cli.output.gathered import Gathered
    from pvc_cli.output.patience import SignOfLife
    from pvc_cli.output.screen import Screen


class Failure(NamedTuple):
    """An error that a command has said, and gone on."""

    message: str
    kind: str = ""
    code: int = 0
    """Its exit code; 0 leaves it to the command."""


class Messages:
    """Where a command's messages go.

    :param quiet: drop messages; errors and warnings stay.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.gathered: Gathered | None = None
        """Where results go instead, and what is said, while several clusters answer."""
        self.failures: list[Failure] = []
        """The errors that a command has said, and gone on."""
        self._screen: Screen | None = None
        self._notes: list[str] = []
        self._waits = False
        self._sign: SignOfLife | None = None

    def pass_on(self, gathered: Gathered) -> None:
        """Say what was said of one of several clusters."""
        for text in gathered.said:
            self._say(text)

    def message(self, text: str) -> None:
        """Say *text* on standard error, escaped, unless quiet is wanted."""
        if not self.quiet:
            self._say(self._about(text))

    def waiting(self, text: str) -> None:
        """Say what is waited for: on a terminal in one line that counts down, elsewhere once."""
        in_place = obeys_codes(sys.stderr)
        if self.quiet or (self._waits and not in_place):
            return
        if in_place:
            from pvc_cli.output.widths import cut

            # A line that went on in the next one could not be cleared.
            room = columns_of(sys.stderr)
            line = cut(printable(text), room - 1) if room else printable(text)
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
        else:
            print(printable(text), file=sys.stderr)
        self._waits = True

    @contextmanager
    def alive(self, doing: Callable[[], str]) -> Iterator[None]:
        """Within a ``with`` block, say on a terminal what is done, if it takes a while and nothing else is said."""
        if self.quiet or self.gathered or not obeys_codes(sys.stderr):
            yield
            return
        from pvc_cli.output.patience import SignOfLife

        self._sign = SignOfLife(lambda seconds: self.waiting(f"{doing()} … {seconds} s"))
        try:
            yield
        finally:
            self.end_wait()

    def end_wait(self) -> None:
        """Clear the line that says what was waited for, or what takes a while."""
        sign, self._sign = self._sign, None
        if sign:
            sign.end()
        if self._waits and obeys_codes(sys.stderr):
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        self._waits = False

    def warning(self, text: str) -> None:
        """Say *text* on standard error, escaped, even if quiet is wanted."""
        self._say(f"Warning: {self._about(text)}")

    def error(self, text: str) -> None:
        """Say *text* on standard error, escaped, as an error."""
        self.failures.append(Failure(self._about(text)))
        self._say(f"Error: {self._about(text)}")

    def _about(self, text: str) -> str:
        """Return *text* with the cluster that it is about, where there are several."""
        return f"{self.gathered.cluster}: {text}" if self.gathered else text

    def _say(self, text: str) -> None:
        text = own_hints(text)
        if self.gathered:
            self.gathered.said.append(text)
        elif self._screen:
            self._notes.append(printable(text))
        else:
            self.end_wait()
            # Results come first in a log of both streams, too.
            sys.stdout.flush()
            print(printable(text), file=sys.stderr)
