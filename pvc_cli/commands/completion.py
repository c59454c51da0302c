import click
from click.shell_completion import get_completion_class

from pvc_cli.commands._common.shells import register

_VARIABLE = "_PVC_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def command(shell: str) -> None:
    """Print the completion script for a shell.

    \b
    Examples:
      eval "$(pvc completion bash)"
      pvc completion fish > ~/.config/fish/completions/pvc.fish
    """
    register()
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    click.echo(kind(click.get_current_context().find_root().command, {}, "pvc", _VARIABLE).source())
