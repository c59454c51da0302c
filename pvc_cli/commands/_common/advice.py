"""What to type instead of a command that a group does not have."""

import click

from pvc_cli.commands._common.group import SYNONYMS, LazyGroup
from pvc_cli.errors import hint, question
from pvc_cli.habits import instead, meant, names_for

_DESTRUCTIVE = frozenset(
    ("delete", "disable", "flush", "prune", "release", "remove", "restore", "rollback", "shutdown", "stop", "undo")
)
"""Commands that nobody should be led to by a typing error; another tool's word for one names what it does."""


def advise(group: LazyGroup, context: click.Context, name: str) -> str:
    """Return what to use instead of *name*, which *group* does not have; empty if nothing is likely."""
    if advice := instead(" ".join((*context.command_path.split()[1:], name))):
        return advice
    commands = group.list_commands(context)
    if found := meant("command", name, commands):
        return question(found)
    found = [] if name in _DESTRUCTIVE else group.further_down(context, name)
    for word in names_for("command", name) or SYNONYMS.get(name, ()):
        found = found or group.further_down(context, word)
    # Whoever wants to destroy something is not led to another change, either.
    harmless = [known for known in commands if not {name, known} & _DESTRUCTIVE]
    return question(found) or hint(name, harmless, "")
