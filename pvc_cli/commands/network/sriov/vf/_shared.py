"""Arguments and results that the commands on VFs share."""

from collections.abc import Sequence
from typing import NamedTuple

import click

from pvc_cli.cluster.documents import items_document
from pvc_cli.cluster.parts import Part
from pvc_cli.cluster.sriov.documents import vf_item
from pvc_cli.cluster.sriov.model import VfRef, find_vfs
from pvc_cli.cluster.sriov.names import find_pairs, names_on, split_pair
from pvc_cli.cluster.vms.query import is_one
from pvc_cli.commands._common.command import Context
from pvc_cli.commands._common.dry_run import show_dry_run
from pvc_cli.commands.network.sriov._reports import word
from pvc_cli.errors import InvalidInputError, quoted
from pvc_cli.output.writer import Cell, Output, known
from pvc_cli.zk import Transaction, ZKHandler


def written_word(text: str | None) -> str:
    """Return a setting, as it is written in the tree, as :func:`word` shows it."""
    return {"True": "on", "False": "off"}.get(text or "", known(text))


def setting_cell(value: bool | int | str | None) -> Cell | int | None:
    """Return a setting for a table."""
    return value if value is None or type(value) is int else Cell(word(value))


def one_name(word: str) -> str:
    """Return *word* if it can mean one thing only."""
    if not is_one(word):
        raise InvalidInputError(f"{quoted(word)} may match several: give one name")
    return word


class VfWords(NamedTuple):
    """Which VFs the arguments mean: *names* on *node*, or each as NODE/VF."""

    node: str | None
    names: tuple[str, ...]

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


def show_claim(
    output: Output, handler: ZKHandler, transaction: Transaction, vf: VfRef, done: str, *, dry_run: bool
) -> None:
    """Show what became of one VF."""
    changes = transaction.changes
    document = items_document([vf_item(vf, changes)])
    if dry_run:
        show_dry_run(output, handler, [Part(f"{vf.node}/{vf.phy}", transaction)], lambda: document, lambda: [vf.phy])
    elif output.style != "table":
        output.show(lambda: document, names=lambda: [vf.phy], table=str)
    would = "would be " if dry_run else ""
    output.message(f"{vf.node} {vf.phy}: {would + done if changes else 'unchanged'}.")
