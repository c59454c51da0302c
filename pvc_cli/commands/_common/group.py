"""Groups of commands: the modules of a package, each imported when its command is used."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import click

from pvc_cli.errors import EXIT_USAGE, quoted

SYNONYMS = {
    "describe": ("info",),
    "detail": ("show", "info"),
    "get": ("list",),
    "logs": ("log",),
    "ls": ("list",),
    "ps": ("list",),
    "rm": ("remove", "delete"),
    "show": ("info",),
}
"""What people who come from other tools type, and the commands that they mean, the first that a group has."""
_FEW = 3
_ADVICE = "pvc_cli.commands._common.advice"
_HELP = "pvc_cli.commands.help"


class LazyGroup(click.Group):
    """A group whose commands are the modules of a package: start-up time is a feature.

    Each of these modules has its command as the attribute ``command``. A command is found by a few other names, too,
    which neither the help nor the tab key shows: ``ls`` is ``list``, ``vms`` is ``vm list`` and ``vms info`` is
    ``vm info``, ``help`` is everywhere.

    :param package: the package's name; the group itself is called like the last part of it.
    :param text: the group's help: the docstring of the package.
    :param lines: each command's line in the group's help, by the command's name, which is its module's.
    :param aliases: other names for commands, of one word or two, each with its module's place below *package*.
    :param sections: the titles in the group's help, each with its commands, in the order to show; without them, the
        commands are sorted by name.
    :param default: the command that is meant where none is named; without it, the help is shown.
    """

    def __init__(
        self,
        package: str,
        text: str | None,
        lines: Mapping[str, str],
        *,
        aliases: Mapping[str, str] | None = None,
        sections: Mapping[str, Sequence[str]] | None = None,
        default: str | None = None,
        **attributes: Any,  # noqa: ANN401 - handed on to Click
    ) -> None:
        super().__init__(**{"name": package.rpartition(".")[2], "help": text, **attributes})
        self._package = package
        self._lines = lines
        self._aliases = aliases or {}
        self._sections = sections or {}
        self._default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show the help where no command is named, as an error: Click's versions do not agree on what that is."""
        if self._default and not ctx.resilient_parsing and _names_none(args, self.get_help_option_names(ctx)):
            args = [self._default, *args]
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(EXIT_USAGE)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted."""
        return sorted(self._lines)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported now."""
        if place := self._aliases.get(cmd_name, cmd_name if cmd_name in self._lines else None):
            return self._load(f"{self._package}.{place}")
        if cmd_name == "help":
            return self._load(_HELP)
        meant = next((name for name in SYNONYMS.get(cmd_name, ()) if name in self._lines), None)
        return self._load(f"{self._package}.{meant}") if meant else self._list_of(ctx, cmd_name)

    def _group_of(self, context: click.Context, plural: str) -> click.Group | None:
        """Return the group below this one that is about things: ``vms`` is ``vm``."""
        singular = plural.removesuffix("s")
        if singular == plural or not {singular} & {*self._lines, *self._aliases}:
            return None
        group = self.get_command(context, singular)
        return group if isinstance(group, click.Group) else None

    def _list_of(self, context: click.Context, plural: str) -> click.Command | None:
        """Return the list of what a group below this one is about: ``vms`` is ``vm list``."""
        group = self._group_of(context, plural)
        return group.get_command(context, "list") if group else None

    def _of_two_words(self, context: click.Context, first: str, second: str) -> tuple[str, click.Command] | None:
        """Return a command, and its full name, that two words mean where the first alone means another one."""
        if place := self._aliases.get(f"{first} {second}"):
            return place.replace(".", " "), self._load(f"{self._package}.{place}")
        group = self._group_of(context, first) if first not in self._lines else None
        command = group.get_command(context, second) if group else None
        return (f"{group.name} {second}", command) if group and command else None

    def further_down(self, context: click.Context, name: str) -> list[str]:
        """Return the commands called *name* in the groups of this one, unless there are too many."""
        groups = {known: self.get_command(context, known) for known in (*self._aliases, *self._lines)}
        found = {
            group._lines[name]: f"{known} {name}"
            for known, group in reversed(groups.items())
            if isinstance(group, LazyGroup) and name in group._lines
        }
        return sorted(found.values()) if len(found) <= _FEW else []

    @staticmethod
    def _load(module: str) -> click.Command:
        command: click.Command = import_module(module).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names.

        :raises click.UsageError: if there is none; it names what was probably meant, but nothing that destroys.
        """
        name = args[0]
        if found := self._of_two_words(ctx, *args[:2]) if len(args) > 1 else None:
            return (*found, args[2:])
        if not ctx.resilient_parsing and not name.startswith("-") and self.get_command(ctx, name) is None:
            advice = import_module(_ADVICE).advise(self, ctx, name)
            raise click.UsageError(f"No such command {quoted(name)}" + (f": {advice}" if advice else ""), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them, by task where the group has sections."""
        named = {name for names in self._sections.values() for name in names}
        rest = [name for name in self.list_commands(ctx) if name not in named]
        widest = max(map(len, self._lines))
        for title, names in {**self._sections, "More commands" if named else "Commands": rest}.items():
            if names:
                with formatter.section(title):
                    formatter.write_dl([(name.ljust(widest), self._lines[name]) for name in names])


def _names_none(args: Sequence[str], help_options: Sequence[str]) -> bool:
    """Tell whether *args* begin with no command, but at most with one's options."""
    return not args or (args[0].startswith("-") and args[0] not in help_options)
