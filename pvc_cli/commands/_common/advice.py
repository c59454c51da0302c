"""What to type instead of a command that a group does not have."""

import click

from pvc_cli.commands._common.group import SYNONYMS, LazyGroup
from pvc_cli.errors import hint, question
from pvc_cli.habits import WORDS_OF_OTHERS, instead, meant, names_for

ACTS = frozenset(
    (
        *("claim", "delete", "disable", "drain", "flush", "maintenance", "migrate", "move", "primary", "prune"),
        *("release", "remove", "restart", "restore", "rollback", "run", "secondary", "set", "shutdown", "stop"),
        *("undo", "unmigrate", "upgrade"),
    )
)
"""Commands that destroy, move or set something: nobody is led to them but by a word that means them in that group."""
MILD_ACTS = frozenset(("ack", "add", "apply", "protect", "ready", "rename", "start", "sync", "use"))
"""Other changes: in a group that has them, a misspelt word leads to them."""


def advise(group: LazyGroup, context: click.Context, name: str) -> str:
    """Return what to use instead of *name*, which *group* does not have; empty if nothing is likely."""
    if advice := instead(" ".join((*context.command_path.split()[1:], name))):
        return advice
    commands = group.list_commands(context)
    if found := meant("command", name, commands):
        return question(found)
    meanings = names_for("command", name) or SYNONYMS.get(name, ())
    for word in (name, *meanings):
        # What a group further down changes is another thing: 'vm erase' does not mean 'vm tag remove'.
        if word not in ACTS | MILD_ACTS and (found := group.further_down(context, word)):
            return question(found)
    # A word that has a meaning is not misspelt: whoever wants to change something is not led to another change.
    if meanings or name in ACTS | MILD_ACTS or name in WORDS_OF_OTHERS:
        return ""
    return hint(name, [known for known in commands if known not in ACTS], "")
