"""What the tab key completes, by kind; loaded only when it is pressed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Candidates: TypeAlias = "list[str] | list[CompletionItem]"
"""Words, or words with what they are."""
Completer = Callable[[click.Context, click.Parameter, str], Candidates]


def _on_tab(module: str, kind: str) -> Completer:
    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> Candidates:
        completer: Completer = getattr(import_module(f"pvc_cli.commands._common.candidates.{module}"), kind)
        return completer(context, parameter, incomplete)

    return complete


vms, tags, tags_of_vms, listed_tags, nodes, listed_nodes, states = (
    _on_tab("vms", kind) for kind in ("vms", "tags", "tags_of_vms", "listed_tags", "nodes", "listed_nodes", "states")
)
pfs, vfs, pf_words, vf_words, claim_words = (
    _on_tab("sriov", kind) for kind in ("pfs", "vfs", "pf_words", "vf_words", "claim_words")
)
networks, pools, pools_and_volumes, faults, keys = (
    _on_tab("tree", kind) for kind in ("networks", "pools", "pools_and_volumes", "faults", "keys")
)
columns, clusters, connections = (_on_tab("local", kind) for kind in ("columns", "clusters", "connections"))
changes = _on_tab("history", "changes")
