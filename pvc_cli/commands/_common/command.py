"""What a command is made of: its context, its session, and the options that commands share."""

import functools
import shlex
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar, cast

import click

from pvc_cli.cluster.patterns import check_pattern, is_glob, looks_like_glob
from pvc_cli.commands._common.file_names import OutputFile
from pvc_cli.connections.session import connect as connect
from pvc_cli.connections.session import connect_to_list as connect_to_list
from pvc_cli.context import Context as Context
from pvc_cli.errors import InvalidInputError, SeveralClustersError, quoted
from pvc_cli.output.writer import Format

Command = TypeVar("Command", bound=Callable[..., object])
_P = ParamSpec("_P")
_R = TypeVar("_R")

_FORMATS: dict[str, Format] = {
    "table": "table", "json": "json", "jsonl": "jsonl", "yaml": "yaml", "name": "name",
}  # fmt: skip
_LIST_FORMATS: dict[str, Format] = {
    "table": "table", "wide": "wide", "csv": "csv", "json": "json", "jsonl": "jsonl", "yaml": "yaml", "name": "name",
}  # fmt: skip
_PVC_FORMATS: dict[str, Format] = {"pretty": "table", "raw": "name", "json": "json", "json-pretty": "json-pretty"}
_METRICS: dict[str, Format] = {"prometheus": "prometheus"}


def pass_context(command: Callable[Concatenate[Context, _P], _R]) -> Callable[_P, _R]:
    """Give *command* its context; several clusters are refused by the name of the command that takes one."""

    @functools.wraps(command)
    def with_context(context: Context, /, *args: _P.args, **given: _P.kwargs) -> _R:
        try:
            return command(context, *args, **given)
        except SeveralClustersError as error:
            if context.changing:
                raise InvalidInputError(f"name one cluster for a change, not {error.names}") from None
            words = click.get_current_context().command_path.partition(" ")[2]
            raise InvalidInputError(f"{quoted(words)} takes one cluster, not {error.names}: name one") from None

    return click.make_pass_decorator(Context)(with_context)


def options_into(
    record: Callable[..., object], parameter: str, *options: Callable[[Command], Command]
) -> Callable[[Command], Command]:
    """Return a decorator that adds *options*, and hands what they give to the command as one *record*.

    :param record: a named tuple; each of its fields is the name of an option, or has a default.
    :param parameter: the command's parameter that gets the record.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_record(*args: object, **given: object) -> object:
            values = {name: given.pop(name) for name in vars(record)["_fields"] if name in given}
            return command(*args, **{parameter: record(**values)}, **given)

        decorated = cast("Command", with_record)
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate


def _choose_format(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    """Set the format of ``Context.output``."""
    if value is None or context.resilient_parsing:
        return
    if __name__ in context.meta:
        raise click.UsageError("-o and -f exclude each other: use one of them")
    context.meta[__name__] = value
    context.obj.output.style = {**_LIST_FORMATS, **_PVC_FORMATS, **_METRICS}[value]


def list_formats(command: Command) -> Command:
    """Add ``-o`` and ``-f`` as :func:`output_option` does, with the formats that lists have besides."""
    return _add_formats(command, _LIST_FORMATS)


def output_option_with_metrics(command: Command) -> Command:
    """Add the same as :func:`output_option`, with Prometheus' format for a command that gives ``metrics``."""
    return _add_formats(command, _FORMATS | _METRICS)


def _add_formats(command: Command, own_formats: dict[str, Format]) -> Command:
    return _output(
        click.option(
            "-f", "--format", type=click.Choice(list(_PVC_FORMATS)), is_eager=True, expose_value=False,
            callback=_choose_format,
            help="Output format, in the words of PVC's own client.",
        )(command),
        list(own_formats),
        "Output format [default: table].",
    )  # fmt: skip


def output_option(command: Command) -> Command:
    """Add the options for the format of results; a list has :func:`~.listing.list_options` instead."""
    return _add_formats(command, _FORMATS)


def result_option(command: Command) -> Command:
    """Add ``-o`` alone, for a command whose ``-f`` is a file."""
    return _output(command, list(_FORMATS), "Output format [default: table].")


def file_output_option(command: Command) -> Command:
    """Add ``-o`` for a command whose result is a file for pvc: YAML or JSON."""
    return _output(command, ["yaml", "json"], "Output format [default: yaml].")


def _output(command: Command, formats: list[str], text: str) -> Command:
    return click.option(
        "-o",
        "--output",
        type=click.Choice(formats),
        is_eager=True,
        expose_value=False,
        callback=_choose_format,
        help=text,
    )(command)


def _check_pattern(context: click.Context, _parameter: click.Parameter, words: tuple[str, ...]) -> str | None:
    """Refuse several patterns and an invalid one, and point out one that looks like a shell pattern."""
    named = any(parameter.name == "names" for parameter in context.command.params)
    if len(words) > 1:
        raise click.UsageError(
            f"expected one PATTERN, got {len(words)}: "
            + (
                f"use --name {shlex.quote(','.join(words))}"
                if named
                else f"give one like {shlex.quote('|'.join(words))}"
            )
        )
    given = words[0] if words else None
    instead = f"; --name {shlex.quote(given or '')} takes it as a shell pattern" if named else ""
    try:
        check_pattern(given or "")
    except InvalidInputError as error:
        raise InvalidInputError(f"{error}{instead if is_glob(given or '') else ''}") from None
    if given and given != "-" and looks_like_glob(given):
        context.obj.output.message(
            f"Note: {quoted(given)} is taken as a regular expression, found anywhere in a name{instead}."
        )
    return given


pattern_argument = click.argument("pattern", metavar="[PATTERN]", nargs=-1, callback=_check_pattern)
"""One PATTERN at most; several are taken so that the error can say what to type instead."""


def _note_change(context: click.Context, _parameter: click.Parameter, dry_run: bool) -> bool:
    """Note that the command changes the cluster, unless it is a dry run, as a plan is."""
    dry_run = dry_run or bool(isinstance(context.obj, Context) and context.obj.output.plan)
    if isinstance(context.obj, Context):
        context.obj.changing = not dry_run
        context.obj.output.paged &= dry_run
    return dry_run


yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
never_asks_option = click.option(
    "-y", "--yes", is_flag=True, expose_value=False, help="Do not ask for confirmation; this command never does."
)
"""For a change that asks nothing: a script may use --yes everywhere."""
secrets_option = click.option("--show-secrets", "secrets", is_flag=True, help="Show IPMI passwords.")
watch_option = click.option("--watch", is_flag=True, help="Refresh the list on every change, until q or Ctrl-C.")
plain_dry_run_option = click.option(
    "--dry-run", is_flag=True, is_eager=True, callback=_note_change, help="Show the changes without making them."
)
"""Marks a command as one that changes things: a protected or read-only connection is settled before it connects."""


def _by_paths(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    """Set which view of a dry run is shown."""
    if value and not context.resilient_parsing:
        if not context.params.get("dry_run"):
            raise click.UsageError("--paths goes with --dry-run: give both")
        context.obj.output.by_paths = True


def _note_plan(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    """Set where a plan is written to."""
    if value and isinstance(context.obj, Context):
        context.obj.output.plan = value


def note_overwrite(context: click.Context, _parameter: click.Parameter, value: bool) -> bool:
    """Note that a plan may replace a file; for a command that writes another one itself."""
    if isinstance(context.obj, Context):
        context.obj.output.overwrite = value
    return value


def _overwrite_plan(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    """Note that a plan may replace a file; there must be one."""
    if note_overwrite(context, parameter, value) and not context.obj.output.plan:
        raise click.UsageError("--overwrite goes with --plan: give both")


def dry_run_option(command: Command) -> Command:
    """Add ``--dry-run`` and ``--plan`` for a change of the cluster."""
    command = click.option(
        "--overwrite", is_flag=True, expose_value=False, callback=_overwrite_plan, help="Replace the file of --plan."
    )(command)
    return dry_run_beside_overwrite(command)


def dry_run_beside_overwrite(command: Command) -> Command:
    """Add the same for a command that has ``--overwrite``, which :func:`note_overwrite` must be told of."""
    command = click.option(
        "--plan", type=OutputFile(), metavar="FILE", is_eager=True, expose_value=False, callback=_note_plan,
        help="Write what would be done to FILE, for 'pvc apply'.",
    )(command)  # fmt: skip
    command = click.option(
        "--paths", is_flag=True, expose_value=False, callback=_by_paths, help="With --dry-run, show every znode."
    )(command)
    return plain_dry_run_option(command)
