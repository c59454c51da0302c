"""Arguments and results that the commands on VFs share."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import click

from pvc_cli.cluster.documents import item_document, items_document
from pvc_cli.cluster.parts import Part
from pvc_cli.cluster.sriov.documents import vf_item
from pvc_cli.cluster.sriov.model import VfRef, find_vfs
from pvc_cli.cluster.sriov.names import find_pairs, names_on, split_pair
from pvc_cli.cluster.vms.query import is_one
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context
from pvc_cli.commands._common.dry_run import show_change
from pvc_cli.commands._common.refusals import dry_run_mark
from pvc_cli.commands._common.values import Seconds
from pvc_cli.commands.network.sriov._reports import word
from pvc_cli.errors import ConflictError, InvalidInputError, NotFoundError, PvcError, RefusedError, quoted
from pvc_cli.output.cells import Cell, flag_cell, known
from pvc_cli.output.writer import Output
from pvc_cli.zk import Transaction, ZKHandler


def written_word(text: str | None) -> str:
    """Return a setting, as it is written in the tree, as :func:`word` shows it."""
    return {"True": "on", "False": "off"}.get(text or "", known(text))


def setting_cell(value: bool | int | str | None) -> Cell | int | None:
    """Return a setting for a table."""
    if isinstance(value, bool):
        return flag_cell(value, (word(False), word(True)))
    return Cell(value) if isinstance(value, str) else value


def one_name(word: str) -> str:
    """Return *word* if it can mean one thing only."""
    if not is_one(word):
        raise InvalidInputError(f"{quoted(word)} may match several: give one name")
    return word


Changed = tuple[VfRef, Transaction | PvcError]
"""A VF, and what changed it, or why it was not changed."""
_WAIT = 60.0
wait_option = click.option(
    "-w", "--wait", type=Seconds(min=0), is_flag=False, flag_value=_WAIT, metavar="[SECONDS]",
    help="Wait until the card has them; at most so long [60].",
)  # fmt: skip
vfs_argument = click.argument("words", metavar="NODE VF", nargs=-1, shell_complete=complete.vf_words)


class VfWords(NamedTuple):
    """Which VFs the arguments mean: *names* on *node*, or each as NODE/VF."""

    node: str | None
    names: tuple[str, ...]

    @property
    def is_one(self) -> bool:
        """Whether they can mean one VF only."""
        return is_one(*self.names)

    def find(self, handler: ZKHandler) -> list[VfRef]:
        """Return the VFs, each once.

        :raises NotFoundError: if there is no such node or VF.
        """
        if self.node is None:
            return find_pairs(handler, self.names)
        return find_vfs(handler, self.node, self.names)


def vf_words(context: Context, words: Sequence[str]) -> VfWords:
    """Return which VFs *words* mean: NODE and VF, or NODE/VF, or - for these from standard input.

    :raises click.UsageError: if they are neither.
    """
    if len(words) == 2 and not any("/" in word or word == "-" for word in words[:1]):
        return VfWords(words[0], tuple(names_on(words[0], context.names([words[1]]))))
    if not words or not all("/" in word or word == "-" for word in words):
        raise click.UsageError("expected NODE VF, or NODE/VF, or - for NODE/VF from standard input")
    names = context.names(words)
    for name in names:
        split_pair(name)
    return VfWords(None, tuple(names))


def change_each(vfs: Sequence[VfRef], change: Callable[[VfRef], Transaction]) -> list[Changed]:
    """Change each of *vfs* by itself, and return what became of it; of a single one, an error is raised."""
    if len(vfs) == 1:
        return [(vfs[0], change(vfs[0]))]
    done: list[Changed] = []
    for vf in vfs:
        try:
            done.append((vf, change(vf)))
        except (RefusedError, NotFoundError, ConflictError) as error:
            done.append((vf, error))
    return done


def show_claims(output: Output, handler: ZKHandler, changed: Sequence[Changed], done: str, *, dry_run: bool) -> int:
    """Show what became of each VF, and return the exit code."""
    items = [
        item_document(vf.name, "refused", str(it), (), **vf._asdict())
        if isinstance(it, PvcError)
        else vf_item(vf, it.changes)
        for vf, it in changed
    ]
    made = [(vf, it) for vf, it in changed if not isinstance(it, PvcError)]
    names = [vf.name for vf, _ in made]
    parts = [Part(vf.name, it) for vf, it in made]
    refused = len(made) < len(changed)
    document = partial(items_document, items)
    show_change(output, handler, parts, document, lambda: names, dry_run=dry_run, refused=refused)
    for vf, it in changed:
        if isinstance(it, PvcError):
            output.error(f"{vf.name}: {it}")
        elif not (it.changes and dry_run):
            mark = dry_run_mark(dry_run)
            output.message(f"{mark}{vf.name}: {done if it.changes else 'unchanged'}.")
    return max((it.exit_code for _, it in changed if isinstance(it, PvcError)), default=0)
