import sys
from collections.abc import Iterator, Sequence

import click

from pvc_cli.cluster.controls import control
from pvc_cli.cluster.keys import plan_set
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import (
    Context,
    connect,
    dry_run_option,
    never_asks_option,
    output_option,
    pass_context,
)
from pvc_cli.commands._common.keys import check_key, resolve, with_uuid
from pvc_cli.commands._common.outcomes import show_outcome
from pvc_cli.errors import InvalidInputError
from pvc_cli.zk.schema import MASK, is_secret


@click.command("set")
@click.argument("words", metavar="KEY [ITEM…] VALUE", nargs=-1, required=True, shell_complete=complete.keys)
@never_asks_option
@dry_run_option
@output_option
@pass_context
def command(context: Context, words: tuple[str, ...], dry_run: bool) -> int:
    """Set the value of a key.

    The value is written as it is: nothing checks that PVC can parse it. Use - as VALUE for standard input, without
    the newline at its end: a secret on the command line is seen by everyone on this machine. A key that is missing
    is created, if what it belongs to is there. The schema version is refused: migrate it with 'pvc schema upgrade'.

    \b
    Examples:
      pvc key set base.config.migration_target_selector load --dry-run
      pvc key set node.ipmi.password pvchv1 - < password.txt
    """
    *spelt, given = words
    if not spelt:
        raise InvalidInputError("expected KEY, its ITEM if it has one, and VALUE")
    check_key(spelt)
    value = context.read_value() if given == "-" else given
    if not _is_text(value):
        raise InvalidInputError("the value is not UTF-8 text: give one that is")
    with connect(context) as handler:
        key, path = resolve(handler.schema, with_uuid(handler, spelt))
        if is_secret(path) and given != "-":
            context.masked = dict.fromkeys(_places(sys.argv[1:], spelt, given), MASK)
        outcome = control(handler, [path], plan_set(key, path, value), dry_run=dry_run)
        return show_outcome(context.output, handler, outcome, dry_run=dry_run)


def _is_text(value: str) -> bool:
    """Tell whether *value* came from bytes that are text: those that are not became lone surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _places(line: Sequence[str], spelt: Sequence[str], value: str) -> Iterator[int]:
    """Yield where *value* is in a command line: behind the words of the key, which may be the same as it is.

    An option behind these may have the same value: its place is told, too, rather than none.
    """
    left = list(spelt)
    for place, word in enumerate(line):
        if left and word == left[0]:
            del left[0]
        elif not left and word == value:
            yield place
