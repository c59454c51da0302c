"""Completion in shells, so that no name of the cluster's is run, split or expanded on the command line.

Click's own script for bash puts names there unquoted, expands patterns in them, and completes nothing behind a colon
or an equals sign, where bash splits words. In zsh and fish, ``--option=VALUE`` is one word, of which Click completes
the value only.
"""

import os
import shlex
from functools import cached_property
from typing import ClassVar

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    _resolve_context,
    add_completion_class,
)

_BASH = r"""%(complete_func)s() {
    local IFS=$'\n' kind value
    COMPREPLY=()
    # The whole line: bash cuts it into words at colons and equals signs.
    while IFS=, read -r kind value; do
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain | quoted)
                # Nothing may be left that bash would run or expand; behind an open quote, nothing is.
                [[ $kind == quoted || $value != *[^A-Za-z0-9_.,:/@+=-]* ]] || printf -v value %%q "$value"
                COMPREPLY+=("$value")
                # More is to follow.
                [[ $value != *[/:] ]] || compopt -o nospace
                ;;
        esac
    done < <(PVC_LINE=${COMP_LINE:0:COMP_POINT} PVC_BREAKS=$COMP_WORDBREAKS %(complete_var)s=bash_complete "$1")
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


_UNSAFE_IN = {'"': '$`"\\!', "'": "'"}
"""What has a meaning of its own behind each quote of bash, and cannot be quoted there once more."""


class _Values(ShellComplete):
    """Completion of values that begin like an option, such as ``--sort=-MEMORY``, which Click takes for one."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Return what may take the place of the word *incomplete*, or of its value."""
        value = _value(incomplete)
        option = incomplete[: len(incomplete) - len(value)].removesuffix("=") or (args[-1] if args else "")
        if value.startswith("-") and option.startswith("-"):
            before = args if option in incomplete else args[:-1]
            context = _resolve_context(self.cli, self.ctx_args, self.prog_name, before)
            for one in context.command.get_params(context):
                takes_value = isinstance(one, click.Option) and not (one.is_flag or one.count)
                if takes_value and option in one.opts and (found := one.shell_complete(context, value)):
                    return found
        return super().get_completions(args, incomplete)


class _Bash(_Values, BashComplete):
    """Completion in bash, from the line as it was typed."""

    source_template: ClassVar[str] = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one to complete, and that one."""
        words, incomplete = split_line(self._line)
        return words[1:], incomplete

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Return what may take the place of the word *incomplete*, or of its value.

        Behind an open quote, bash puts a name on the line as it is, and closes the quote: only names that mean
        themselves there are offered.
        """
        items = super().get_completions(args, incomplete)
        if not (unsafe := set(_UNSAFE_IN.get(self._line[self._quote : self._quote + 1], ""))):
            return items
        return [item for item in items if item.type != "plain" or unsafe.isdisjoint(item.value)]

    def format_completion(self, item: CompletionItem) -> str:
        """Return a line of the reply: of a word, what is to take the place of the part that bash replaces."""
        if item.type != "plain":
            return f"{item.type},{item.value}"
        kind, option, kept = self._kept
        return f"{kind},{(option + item.value)[kept:]}"

    @cached_property
    def _line(self) -> str:
        """The line as it was typed, up to the cursor."""
        return os.environ.get("PVC_LINE", "")

    @cached_property
    def _quote(self) -> int:
        """Where the quote is that is open at the end of the line; the line's length, if there is none."""
        return open_quote(self._line)

    @cached_property
    def _kept(self) -> tuple[str, str, int]:
        """The kind of a reply, the option in front of what is completed, and how many characters of both bash keeps.

        It replaces what follows an open quote; without one, what follows the last character that it splits at.
        """
        _, incomplete = split_line(self._line)
        option = incomplete[: len(incomplete) - len(_value(incomplete))]
        if self._quote < len(self._line):
            _, before = split_line(self._line[: self._quote])
            return "quoted", option, len(before)
        breaks = [char for char in ":=" if char in os.environ.get("PVC_BREAKS", "")]
        return "plain", option, max((incomplete.rfind(char) + 1 for char in breaks), default=0)

    @staticmethod
    def _check_version() -> None:
        """Do nothing: the script is wanted for any machine's bash, not only for this one's."""


class _WholeWord(_Values):
    """Completion in a shell to which ``--option=VALUE`` is one word."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Return what may take the place of the word *incomplete*."""
        items = super().get_completions(args, incomplete)
        option = incomplete[: len(incomplete) - len(_value(incomplete))]
        return [CompletionItem(option + item.value, item.type, item.help) for item in items]


class _Zsh(_WholeWord, ZshComplete):
    """Completion in zsh; Click's script puts a space behind a folder, too."""

    source_template: ClassVar[str] = ZshComplete.source_template.replace(
        "        compadd -U -V unsorted -a completions\n",
        "        compadd -U -V unsorted -S '' -- ${(M)completions:#*[:/]}\n"
        "        compadd -U -V unsorted -- ${completions:#*[:/]}\n",
    )


class _Fish(_WholeWord, FishComplete):
    """Completion in fish; Click's script cuts what it offers at commas, and has fish sort it."""

    source_template: ClassVar[str] = FishComplete.source_template.replace(
        'string split "," $', 'string split -m 1 "," $'
    ).replace("complete --no-files", "complete --keep-order --no-files")


def _value(word: str) -> str:
    """Return what is to be completed of *word*: the value of an option, or all."""
    return word.partition("=")[2] if word.startswith("--") and "=" in word else word


def split_line(line: str) -> tuple[list[str], str]:
    """Return the complete words of a line that is typed in a shell, and the one that is not complete yet."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:
        # Within quotes, or behind a backslash.
        return words, lexer.token or ""
    if not words or (line[-1:].isspace() and not line.endswith("\\ ")):
        return words, ""
    return words[:-1], words[-1]


def open_quote(line: str) -> int:
    """Return the place of the quote that is open at the end of *line*; its length, if there is none."""
    quote, place, at = "", len(line), 0
    while at < len(line):
        char = line[at]
        if char == "\\" and quote != "'":
            at += 1
        elif char == quote:
            quote, place = "", len(line)
        elif not quote and char in _UNSAFE_IN:
            quote, place = char, at
        at += 1
    return place


def register() -> None:
    """Have Click use these."""
    for kind in (_Bash, _Zsh, _Fish):
        add_completion_class(kind, kind.name)
