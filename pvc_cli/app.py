"""The root of the command line: global options, and one error line for whatever goes wrong."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from pvc_cli import __version__
from pvc_cli.commands._common.group import LazyGroup
from pvc_cli.context import Context
from pvc_cli.errors import EXIT_INTERRUPTED, EXIT_REFUSED, EXIT_TERMINATED, PvcError, printable
from pvc_cli.output.writer import Output

_AS_IT_IS = "what is done stays; run the same command again for the rest"


@click.group(
    "pvc",
    LazyGroup,
    package="pvc_cli.commands",
    lines={
        "cluster": "See whether anything is wrong; back the tree up, and put it back.",
        "completion": "Print what makes a shell complete pvc's commands.",
        "connection": "Keep names for clusters, and say which is current.",
        "network": "Look at what connects virtual machines.",
        "node": "Look at nodes.",
        "sandbox": "Run a demo cluster on this machine.",
        "schema": "Look at the schema of the tree, and bring it to another version.",
        "sriov": "The same as 'pvc network sriov', shorter.",
        "vm": "Find virtual machines, and classify them by tags.",
    },
    aliases={"sriov": "network.sriov"},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "-c", "--connection", metavar="NAME", help="Use this entry of the connections file, or a backup as file:PATH."
)
@click.option("--coordinators", metavar="HOST[:PORT],…[/CHROOT]", help="Use these ZooKeeper servers.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, 3600, min_open=True),
    default=10.0,
    metavar="SECONDS",
    help="How long to wait for an answer (10).",
)
@click.option(
    "--schema-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where a newer PVC defines its schema versions.",
)
@click.option("-v", "--verbose", is_flag=True, help="Say which cluster is used, and what happens to the connection.")
@click.option("-q", "--quiet", is_flag=True, help="No messages, only results and errors.")
@click.option("--no-color", is_flag=True, help="No colour, not even on a terminal. NO_COLOR does the same.")
@click.version_option(__version__, message="pvc %(version)s")
@click.pass_context
def cli(
    context: click.Context,
    connection: str | None,
    coordinators: str | None,
    timeout: float,
    schema_dir: Path | None,
    verbose: bool,
    quiet: bool,
    no_color: bool,
) -> None:
    """Administer a Parallel Virtual Cluster directly on its ZooKeeper tree.

    Which cluster: the options below, else PVC_CONNECTION or PVC_COORDINATORS, else the current entry of the
    connections file, else this node's /etc/pvc/pvc.conf, else a running sandbox.

    \b
    Example:
      pvc sandbox start && pvc vm list
    """
    colour = False if no_color or os.environ.get("NO_COLOR") else None
    context.obj = Context(
        connection=connection,
        coordinators=coordinators,
        timeout=timeout,
        schema_dir=schema_dir,
        verbose=verbose,
        output=Output(colour=colour, quiet=quiet),
    )


def run() -> int:
    """Be the process `pvc`, and return its exit code."""
    # What a listing makes is no rubbish yet, and looking for some in it takes a tenth of the time.
    gc.set_threshold(200_000)
    code = main()
    # Whatever there is now goes with the process: looking it through once more takes as long as importing Click.
    gc.freeze()
    return code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run pvc with *arguments*, the process's own if none are given, and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            # A terminal that cannot show a character gets its escape, not a traceback.
            reconfigure(errors="backslashreplace")
    if reconfigure := getattr(sys.stdin, "reconfigure", None):
        # What is no text is let in like a command line's, and then refused by name.
        reconfigure(errors="surrogateescape")
    with _termination():
        try:
            status = cli.main(
                args=None if arguments is None else list(arguments), prog_name="pvc", standalone_mode=False
            )
            sys.stdout.flush()
        except click.ClickException as error:
            return _fail(_usage(error), error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            return _fail(f"interrupted: {_AS_IT_IS}", EXIT_INTERRUPTED)
        except _Terminated:
            return _fail(f"terminated: {_AS_IT_IS}", EXIT_TERMINATED)
        except PvcError as error:
            return _fail(str(error), error.exit_code, *error.more)
        except BrokenPipeError:
            # Whoever read our output has seen enough.
            _give_up_output()
            return EXIT_REFUSED
        except OSError as error:
            _give_up_output()
            return _fail(f"the system refused: {error}", EXIT_REFUSED)
    return status if isinstance(status, int) else 0


class _Terminated(BaseException):
    """SIGTERM came."""


@contextmanager
def _termination() -> Iterator[None]:
    """Make SIGTERM end a command as Ctrl-C does, so that it cleans up behind itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(_signal: int, _frame: object) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _give_up_output() -> None:
    """Send what is left of the output nowhere: Python would complain once more when it closes the stream."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, code: int, *more: str) -> int:
    print(f"Error: {printable(message)}", *more, sep="\n", file=sys.stderr)
    return code


def _usage(error: click.ClickException) -> str:
    """Return what is wrong with the command line, in one line that says where help is."""
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    joint = " See" if message.endswith("?") else ": see"
    return f"{message}{joint} '{context.command_path} --help'" if context else message
