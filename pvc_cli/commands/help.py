from collections.abc import Sequence

import click


def _deepest(
    context: click.Context, words: Sequence[str], *, complete: bool = False
) -> tuple[click.Context, click.Command]:
    """Return the command that *words* name below the group of *context*, with a context to show its help in.

    :param complete: take words that name no command for nothing, as the tab key needs it.
    """
    command = context.command
    for word in words:
        if not isinstance(command, click.Group):
            if not complete:
                raise click.UsageError(f"'{context.command_path}' has no commands, and no '{word}'", context)
            break
        if complete and command.get_command(context, word) is None:
            break
        _, found, _ = command.resolve_command(context, [word])
        if found:
            command = found
            context = click.Context(command, info_name=word, parent=context)
    return context, command


def _names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the commands below those that are on the line."""
    if context.parent is None:
        return []
    within, command = _deepest(context.parent, context.params.get("words") or (), complete=True)
    names = command.list_commands(within) if isinstance(command, click.Group) else []
    return [name for name in names if name.startswith(incomplete)]


@click.command("help")
@click.argument("words", metavar="[COMMAND…]", nargs=-1, shell_complete=_names)
@click.pass_context
def command(context: click.Context, words: tuple[str, ...]) -> None:
    """Show the help of a command; the same as COMMAND --help.

    \b
    Examples:
      pvc help
      pvc help vm tag add
    """
    within, _ = _deepest(context.parent or context, words)
    click.echo(within.get_help())
