"""Which VMs a command works on: named ones, or those that filters select. The same words in every command."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import click

from pvc_cli.cluster.vms.filters import Filters, is_mac
from pvc_cli.cluster.vms.query import OnUnreadable, VmRef, find, list_vms, narrow
from pvc_cli.cluster.vms.selection import check_states, explain_no_match, misspelt_tag
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Command, Context, options_into
from pvc_cli.commands._common.progress import Deed, ask_many
from pvc_cli.commands._common.selected import note_filters
from pvc_cli.commands._common.values import Memory, Number
from pvc_cli.errors import InvalidInputError, NotFoundError, quoted
from pvc_cli.output.writer import Output
from pvc_cli.zk import ZKHandler


def _node_option(*names: str) -> Callable[[Command], Command]:
    return click.option(
        *names,
        "nodes",
        multiple=True,
        metavar="NODE",
        shell_complete=complete.listed_nodes,
        callback=_split,
        help="Only VMs on this node; several mean any of them, '!NODE' any other.",
    )


def _require_words(_context: click.Context, parameter: click.Parameter, given: Sequence[str]) -> tuple[str, ...]:
    """Refuse what is empty, such as a variable that is not set: it would select more than was meant."""
    for words in given:
        if not words.strip(",!"):
            raise InvalidInputError(f"{parameter.opts[-1]} is empty: give a name, or drop the option")
    return tuple(given)


def _split(context: click.Context, parameter: click.Parameter, given: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for words in _require_words(context, parameter, given) for word in words.split(",") if word)


def _names(context: click.Context, _parameter: click.Parameter, given: Sequence[str]) -> tuple[str, ...]:
    return tuple(context.obj.names(given)) if given else ()


def _mac(_context: click.Context, _parameter: click.Parameter, given: str | None) -> str | None:
    """Refuse what is not a MAC address: it would match no VM, as an unused address does."""
    if given is not None and not is_mac(given):
        raise InvalidInputError(f"invalid MAC address {quoted(given)}: give one like 52:54:00:12:34:56")
    return given


_NEGATE = click.option("-n", "--negate", is_flag=True, help="Invert each filter but --name.")
_NAME = click.option(
    "--name", "names", multiple=True, metavar="VM", shell_complete=complete.vms, callback=_names,
    help="Only these VMs: names, UUIDs, or shell patterns in quotes; - reads standard input.",
)  # fmt: skip
_OTHERS = (
    click.option(
        "-s", "--state", "states", multiple=True, metavar="STATE", shell_complete=complete.states, callback=_split,
        help="Only VMs in this state; several mean any of them, '!STATE' any other.",
    ),
    click.option(
        "-g", "--tag", "tags", multiple=True, metavar="TAG", shell_complete=complete.listed_tags,
        callback=_require_words,
        help="Only VMs with this tag, 'A,B' with any of them; several -g mean all, '!TAG' without it.",
    ),
    click.option(
        "--without-tag", "without_tags", multiple=True, metavar="TAG", shell_complete=complete.listed_tags,
        callback=_split, help="Only VMs without this tag; several mean without each.",
    ),
    click.option(
        "--network", "networks", multiple=True, metavar="NETWORK", shell_complete=complete.networks,
        help="Only VMs in this network, by VNI or name, or with a device: hostdev:ens1f0v0.",
    ),
    click.option("--mac", metavar="MAC", callback=_mac, help="Only the VM that has an interface with this address."),
    click.option("--disk", metavar="PATTERN", help="Only VMs with this disk: POOL/VOLUME, or a pattern in quotes."),
    *(
        click.option(f"--{end}-{kind}", type=of, metavar=unit, help=f"Only VMs with at {word} {what}.")
        for kind, of, unit, what in (
            ("memory", Memory(min=0), "MIB", "this much memory: MiB, or 16G"),
            ("vcpus", Number(min=0), "NUMBER", "this many vCPUs"),
        )
        for end, word in (("min", "least"), ("max", "most"))
    ),
    click.option("--sriov", is_flag=True, help="Only VMs that use a VF, or another device of their node."),
)  # fmt: skip
FILTER_OPTIONS = (_NAME, _node_option("-t", "--target"), *_OTHERS, _NEGATE)
"""The options that select VMs, for a record :class:`Filters`."""


def check_negate(filters: Filters) -> None:
    """Check that -n has a filter to invert: who gives names or a pattern and -n may mean all others.

    :raises click.UsageError: if it has none.
    """
    if filters.negate and filters._replace(negate=False, names=(), pattern=None) == Filters():
        raise click.UsageError("-n inverts filters such as -s STATE and -g TAG: give one, or drop -n")


class Selection(NamedTuple):
    """On which VMs to work: the words, or what the options select."""

    words: tuple[str, ...]
    everything: bool
    filters: Filters
    yes: bool = False
    """Whether not to ask before many are changed."""

    @property
    def by_options(self) -> bool:
        """Whether options select the VMs."""
        return self.everything or self.filters._replace(negate=False) != Filters()


def selection_options(
    words: Callable[[Command], Command], *, node: Sequence[str] = ("-t", "--target"), every: str = "Select all VMs."
) -> Callable[[Command], Command]:
    """Return a decorator that adds the arguments *words*, ``--all`` and the filters, as one `Selection`.

    :param node: what the option that selects by node is called.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_selection(
            *args: object,
            words: tuple[str, ...],
            everything: bool,
            filters: Filters,
            yes: bool = False,
            **given: object,
        ) -> object:
            check_negate(filters)
            return command(*args, selection=Selection(words, everything, filters, yes), **given)

        decorated = options_into(Filters, "filters", _NAME, _node_option(*node), *_OTHERS, _NEGATE)(
            cast("Command", with_selection)
        )
        decorated = click.option("--all", "everything", is_flag=True, help=every)(decorated)
        return words(decorated)

    return decorate


def vms_options(*, node: Sequence[str] = ("-t", "--target")) -> Callable[[Command], Command]:
    """Return a decorator like that of `selection_options`, for a command whose every argument is a VM."""
    words = click.argument("words", metavar="[VM]…", nargs=-1, shell_complete=complete.vms)
    return selection_options(words, node=node)


def named_vms(context: Context, selection: Selection) -> list[str]:
    """Return the VMs that the arguments name, none where options select them.

    :raises click.UsageError: if neither says which VMs are meant, or both do.
    """
    if bool(selection.words) == selection.by_options:
        raise click.UsageError("expected VMs by name, or --all, or filters such as -s STATE and -g TAG")
    return context.names(selection.words)


def chosen_vms(
    output: Output,
    handler: ZKHandler,
    names: Sequence[str],
    selection: Selection,
    *,
    tag: str | None = None,
    new_tags: Sequence[str] = (),
) -> list[VmRef]:
    """Return the VMs to change: those called *names*, or without names those that the options select.

    :param tag: the first argument, if options select the VMs and so it is taken for a tag.
    :param new_tags: the tags that *names* get.
    :raises InvalidInputError: if *tag* or one of *new_tags* is the name of a VM.
    :raises NotFoundError: if a tag is misspelt: it would select none, or leave out none.
    """
    if names:
        return find(handler, names, new_tags)
    everybody = list_vms(handler)
    if tag and any(tag.casefold() in (vm.name.casefold(), vm.uuid) for vm in everybody):
        raise InvalidInputError(
            f"{quoted(tag)} is a VM, but --all or a filter selects the VMs: drop one of both, or use --force-name if"
            " it is a tag, too"
        )
    chosen = _by_options(output, handler, everybody, selection.filters)
    if misspelt := misspelt_tag(handler, selection.filters, found=bool(chosen)):
        raise NotFoundError(misspelt)
    if not chosen:
        output.message(f"Nothing to change: {explain_no_match(handler, selection.filters)}.")
    return chosen


def listed_vms(
    output: Output, handler: ZKHandler, names: Sequence[str], selection: Selection, purpose: str
) -> list[VmRef]:
    """Return the VMs of which something is shown, as :func:`chosen_vms` does; of a misspelt tag, tell.

    :param purpose: what is done with them, a verb.
    """
    if names:
        return find(handler, names)
    chosen = _by_options(output, handler, list_vms(handler), selection.filters)
    if not chosen:
        output.message(f"Nothing to {purpose}: {explain_no_match(handler, selection.filters)}.")
    else:
        note_misspelt_tag(output, handler, selection.filters)
    return chosen


def _by_options(output: Output, handler: ZKHandler, everybody: list[VmRef], filters: Filters) -> list[VmRef]:
    note_filters(filters)
    chosen = narrow(handler, everybody, filters, warn_of_broken_xml(output))
    check_states(handler, filters)
    return chosen


def note_misspelt_tag(output: Output, handler: ZKHandler, filters: Filters) -> None:
    """Tell of a tag of *filters*, which match VMs, that is misspelt: it leaves out none."""
    if misspelt := misspelt_tag(handler, filters, found=True):
        output.message(f"Note: {misspelt}")


def confirm_many(deed: Deed, vms: Sequence[VmRef], selection: Selection, *, dry_run: bool) -> None:
    """Ask on a terminal before *deed* is done to many VMs: a filter may select more than was thought of.

    :raises RefusedError: if the answer is no.
    """
    ask_many(deed, "VMs", vms, yes=selection.yes, dry_run=dry_run)


def warn_of_broken_xml(output: Output) -> OnUnreadable:
    """Return what warns of a VM that is left out because its XML is broken."""
    return lambda vm, why: output.warning(f"left out VM {vm.name} ({vm.uuid}): its XML is broken: {why}")
