"""What is measured: commands as people type them, and what brings the tree back to where it was."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A command; ``{name}`` and ``{uuid}`` in it stand for a VM, ``{file}`` for a file to write."""

    what: str
    command: tuple[str, ...]
    undo: tuple[str, ...] = ()
    """A command that takes back what the first one did. Where it fails, the first one did nothing."""
    old_tree: bool = False
    """Whether it starts from a tree at schema version 0, and each time from a fresh one."""


CASES = (
    Case("vm list", ("vm", "list")),
    Case("vm list -o json", ("vm", "list", "-o", "json")),
    Case("vm list --tag frontend", ("vm", "list", "--tag", "frontend")),
    Case("vm tag add NAME", ("vm", "tag", "add", "{name}", "bench"), ("vm", "tag", "remove", "{name}", "bench")),
    Case("vm tag add UUID", ("vm", "tag", "add", "{uuid}", "bench"), ("vm", "tag", "remove", "{uuid}", "bench")),
    Case("vm tag add --all", ("vm", "tag", "add", "--all", "bench"), ("vm", "tag", "remove", "--all", "bench")),
    Case("schema validate", ("schema", "validate")),
    Case("cluster backup", ("cluster", "backup", "{file}", "--overwrite")),
    Case("schema upgrade, 0 to 15", ("schema", "upgrade", "--no-backup", "--yes"), old_tree=True),
)
TABLE, LISTING, BY_NAME, BY_UUID = CASES[0], CASES[1], CASES[3], CASES[4]
