"""What the tab key completes, by kind; loaded only when it is pressed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _on_tab(kind: str) -> Completer:
    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        completer: Completer = getattr(import_module("pvc_cli.commands._common.candidates"), kind)
        return completer(context, parameter, incomplete)

    return complete


changes, keys, vms, tags, tags_of_vms, nodes, pfs, vfs, faults, states, connections = map(
    _on_tab,
    (
        "changes",
        "keys",
        "vms",
        "tags",
        "tags_of_vms",
        "nodes",
        "pfs",
        "vfs",
        "faults",
        "states",
        "connections",
    ),
)
clusters, listed_tags, listed_nodes = map(_on_tab, ("clusters", "listed_tags", "listed_nodes"))
pf_words, vf_words, claim_words = map(_on_tab, ("pf_words", "vf_words", "claim_words"))
networks, pools, pools_and_volumes, columns = map(_on_tab, ("networks", "pools", "pools_and_volumes", "columns"))
