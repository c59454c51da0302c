"""The root command: global options, and one error line for whatever goes wrong."""

import os
import re
import signal
import sys
from collections.abc import Sequence
from itertools import islice
from typing import Literal

import click
from click.core import ParameterSource

from pvc_cli import __version__, signals
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.group import LazyGroup
from pvc_cli.commands._common.values import Folder, Seconds
from pvc_cli.context import Context
from pvc_cli.errors import (
    EXIT_HUNG_UP,
    EXIT_INTERRUPTED,
    EXIT_QUIT,
    EXIT_READER_GONE,
    EXIT_REFUSED,
    EXIT_TERMINATED,
    EXIT_USAGE,
    PvcError,
    quoted,
    shortened,
)
from pvc_cli.output.failure import report, report_said
from pvc_cli.output.streams import OutputError, ReaderGoneError, give_up, prepare_streams
from pvc_cli.output.terminal import is_terminal
from pvc_cli.output.writer import Output
from pvc_cli.program import own_commands, program

_REFUSED_FOR = 2.0
"""How long, in seconds, a person waits for servers that all refuse; a script may run while they restart."""
_AS_IT_WAS = "nothing was changed"
_AS_IT_IS = "changes made so far are kept; rerun the same command to finish"
_ENDS: dict[int, tuple[str, int]] = {
    signal.SIGHUP: ("hung up", EXIT_HUNG_UP),
    signal.SIGINT: ("interrupted", EXIT_INTERRUPTED),
    signal.SIGQUIT: ("quit", EXIT_QUIT),
    signal.SIGTERM: ("terminated", EXIT_TERMINATED),
}


class _Help(click.HelpFormatter):
    """Writes help with the commands in it as they are to be typed."""

    def getvalue(self) -> str:
        """Return the help."""
        return own_commands(super().getvalue())


click.Context.formatter_class = _Help


def _joined(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> str | None:
    """Return all clusters that are named: the last one alone may not be the one that was meant."""
    return ",".join(dict.fromkeys(_named(context, option, name) for name in given)) if given else None


def _once(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> str | None:
    if len(given) > 1:
        raise click.UsageError(f"{option.opts[0]} is given more than once: name the servers of one cluster", context)
    return _named(context, option, given[0]) if given else None


def _named(context: click.Context, option: click.Parameter, name: str) -> str:
    """Return *name* unless it is empty, as an unset variable of a script is: that means no other cluster."""
    if not name.strip():
        raise click.UsageError(f"{option.opts[-1]} is empty: name a cluster, or omit it", context)
    return name


@click.group(
    "pvc",
    cls=LazyGroup,
    package="pvc_cli.commands",
    text=None,
    lines={
        "apply": "Apply a file of desired state, or carry out a plan.",
        "cluster": "Check, back up and restore the whole cluster.",
        "completion": "Print the completion script for a shell.",
        "connection": "Manage saved cluster connections.",
        "export": "Write a file for 'pvc apply': what VMs and VFs are like.",
        "fault": "Show, acknowledge and delete faults.",
        "help": "Show the help of a command; the same as COMMAND --help.",
        "history": "Show what you changed with pvc, and what can be undone.",
        "inventory": "List VMs for Ansible, as a dynamic inventory, or for Prometheus.",
        "key": "Read and write single keys: the last resort.",
        "network": "Manage what connects VMs.",
        "node": "Show nodes, and tell them what to do.",
        "report": "Write a page on the whole cluster to FILE, as HTML.",
        "sandbox": "Run a local demo cluster.",
        "schema": "Show, check and migrate the schema of the tree.",
        "sriov": "Short for 'pvc network sriov'.",
        "storage": "Show Ceph's status, OSDs, pools, volumes and snapshots.",
        "undo": "Undo what a command changed: all that nobody has changed since.",
        "version": "Show the version of pvc; the same as --version.",
        "vm": "Show VMs, start, stop and move them, and manage their tags.",
    },
    sections={
        "Find, watch and change": ("vm", "node", "network", "storage"),
        "SR-IOV": ("sriov",),
        "The whole cluster": ("cluster", "report", "inventory", "schema"),
        "When things break": ("fault", "history", "undo", "key"),
        "From a file": ("export", "apply"),
        "Set up": ("connection", "sandbox", "completion", "help", "version"),
    },
    aliases={"sriov": "network.sriov"},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "-c",
    "--connection",
    multiple=True,
    callback=_joined,
    metavar="NAME[,NAME…]",
    shell_complete=complete.clusters,
    help="Saved connection, backup (file:PATH) or sandbox to use; lists take several.",
)
@click.option("--write", is_flag=True, help="Allow changes to the backup that -c file:PATH names.")
@click.option(
    "--coordinators",
    multiple=True,
    callback=_once,
    metavar="HOST[:PORT],…[/CHROOT]",
    help="ZooKeeper servers to use.",
)
@click.option(
    "--timeout",
    type=Seconds(0, 3600, min_open=True),
    default=10,
    show_default=True,
    metavar="SECONDS",
    help="Time to wait for an answer from ZooKeeper.",
)
@click.option(
    "--lock-timeout",
    type=Seconds(0, 86400, min_open=True),
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="Time to wait for a lock that another client holds.",
)
@click.option(
    "--schema-dir",
    type=Folder(),
    metavar="DIR",
    help="Directory with schema versions newer than this pvc.",
)
@click.option("--confirm", metavar="NAME", help="Allow changes of a protected cluster: its name.")
@click.option("-v", "--verbose", is_flag=True, help="Show which cluster is used, and connection events.")
@click.option("-q", "--quiet", is_flag=True, help="Print results and errors only.")
@click.option("--no-pager", is_flag=True, help="Print long tables without a pager, as PVC_PAGER=cat does.")
@click.option("--no-color", is_flag=True, help="Disable colours, as NO_COLOR does.")
@click.version_option(__version__, message="pvc %(version)s")
@click.pass_context
def cli(
    context: click.Context,
    connection: str | None,
    coordinators: str | None,
    timeout: float,
    lock_timeout: float,
    schema_dir: str | None,
    write: bool,
    confirm: str | None,
    verbose: bool,
    quiet: bool,
    no_pager: bool,
    no_color: bool,
) -> None:
    """Administer a Parallel Virtual Cluster directly on its ZooKeeper tree.

    The cluster comes from the first of these that is set: the options below, PVC_COORDINATORS or PVC_CONNECTION,
    the current saved connection, this node's /etc/pvc/pvc.conf, a running sandbox.

    \b
    Example:
      pvc sandbox start && pvc vm list
    """
    colour = False if no_color or os.environ.get("NO_COLOR") else None
    given = context.obj = context.obj or Context()
    given.connection = connection
    given.coordinators = coordinators
    given.timeout = timeout
    if is_terminal(sys.stderr) and context.get_parameter_source("timeout") is ParameterSource.DEFAULT:
        given.refused_timeout = _REFUSED_FOR
    given.lock_timeout = lock_timeout
    given.schema_dir = schema_dir
    given.write = write
    given.confirm = confirm
    given.verbose = verbose
    given.output = Output(colour=colour, quiet=quiet, paged=not no_pager)


def _find(words: Sequence[str], group: click.Group) -> click.Context:
    """Return the context of the command that *words* name, as far as they name one: all else is passed over."""
    context = click.Context(group, info_name=program(), **group.context_settings)
    for word in words:
        if isinstance(context.command, click.Group) and not word.startswith("-"):
            command = context.command.get_command(context, word)
            context = click.Context(command, context, word) if command else context
    return context


def _asks_for_version(words: Sequence[str], group: click.Group) -> bool:
    """Tell whether ``--version`` means pvc's own: neither a command's option, nor one with a number."""
    before, after = words[: (at := words.index("--version"))], words[at + 1 :]
    if after and after[0].isdecimal():
        return False
    return not any("--version" in parameter.opts for parameter in _find([*before, *after], group).command.params)


def _format_in(words: Sequence[str]) -> Literal["json"] | None:
    """Return JSON, if *words* ask for it."""
    asked = " ".join(words).replace("=", " ")
    return "json" if re.search(r"(?:^| )(?:-o|--output|-f|--format) ?json", asked) else None


def hoist(words: Sequence[str], group: click.Group) -> list[str]:
    """Return *words* with the options of *group* in front, wherever they stand: people add ``-c prod`` at the end."""
    takes_value = {
        name: not (option.is_flag or option.count)
        for option in group.params
        if isinstance(option, click.Option) and option.name not in ("version", "help")
        for name in (*option.opts, *option.secondary_opts)
    }
    front, rest = list[str](), list[str]()
    left = iter(words)
    for word in left:
        if word == "--":
            rest += [word, *left]
        elif (name := word.partition("=")[0]) in takes_value and (name == word or name.startswith("--")):
            value = [*islice(left, takes_value[name] and name == word)]
            if takes_value[name] and name == word and not value:
                # The word after it would be taken for its value.
                return [word]
            front += [word, *value]
        else:
            rest.append(word)
    options = rest[: rest.index("--")] if "--" in rest else rest
    if "--version" in options and _asks_for_version(options, group):
        return ["--version"]
    return [*front, *rest]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run pvc with *arguments*, the process's own if none are given, and return its exit code."""
    prepare_streams()
    if "_PVC_COMPLETE" in os.environ:
        # Imported here: only the tab key needs it.
        from pvc_cli.commands._common.shells import register

        register()
    given = Context()
    words = hoist(sys.argv[1:] if arguments is None else arguments, cli)

    def fail(kind: str, message: str, code: int, *more: str) -> int:
        try:
            return report(given.output, kind, message, code, *more)
        except (OutputError, ReaderGoneError) as error:
            give_up(sys.stderr)
            return EXIT_READER_GONE if isinstance(error, ReaderGoneError) else code

    def stop(number: int) -> int:
        word, code = _ENDS[number]
        kind = word.replace(" ", "_")
        if given.changing:
            return fail(kind, f"{word}: {_AS_IT_IS if given.sent else _AS_IT_WAS}", code)
        return fail(kind, word, code)

    with signals.raised() as received:
        given.signals = received
        try:
            status = cli.main(
                args=words, prog_name=program(), complete_var="_PVC_COMPLETE", standalone_mode=False, obj=given
            )
            sys.stdout.flush()
            return report_said(given.output, status) if isinstance(status, int) else 0
        except click.ClickException as error:
            # What is not even split into options has chosen no format, and may have no context.
            if given.output.style == "table":
                given.output.style = _format_in(words) or "table"
            if isinstance(error, click.UsageError) and error.ctx is None:
                error.ctx = _find(words, cli)
            return fail("usage", _usage(error, words), error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            return stop(signal.SIGINT)
        except signals.Terminated as error:
            return stop(error.number)
        except ReaderGoneError:
            give_up(sys.stdout)
            give_up(sys.stderr)
            return EXIT_READER_GONE
        except OutputError as error:
            # A terminal that hung up takes no output, either.
            if received:
                return stop(received[0])
            message = f"changes were made, but {error}; see 'pvc history list'" if given.changed else str(error)
            return fail(error.kind, message, error.exit_code)
        except PvcError as error:
            # kazoo swallows what a signal raises while it sends, and reports a closed connection instead.
            if received:
                return stop(received[0])
            return fail(error.kind, str(error), error.exit_code, *error.more)
        except UnicodeEncodeError as error:
            return fail(
                "invalid_input", f"{quoted(error.object)} is not a valid file name: it is not text", EXIT_USAGE
            )
        except OSError as error:
            return fail("system", f"system error: {error}", EXIT_REFUSED)


def _usage(error: click.ClickException, words: Sequence[str]) -> str:
    """Return the error on the command line, in one line that names the command's help."""
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    if context and isinstance(error, click.NoSuchOption):
        # Imported here: only a mistake needs it.
        from pvc_cli.commands._common.option_advice import advise_option

        message = f"No such option {quoted(error.option_name)}"
        if advice := advise_option(context, error.option_name, words):
            message += f": {advice}"
    if isinstance(error, click.MissingParameter):
        # One is missing, however many there may be.
        message = message.replace("…'", "'")
    for word in words:
        # Click shows what it refuses as it is. The name of a file is needed whole.
        value = word.partition("=")[2] if word.startswith("--") and "=" in word else word
        if "/" not in value:
            message = message.replace(value, shortened(value)) if value else message
    joint = " See" if message.endswith("?") else ": see"
    return f"{message}{joint} '{context.command_path} --help'" if context else message
