import click
from click.shell_completion import BashComplete, get_completion_class

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
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    script = kind(click.get_current_context().find_root().command, {}, "pvc", _VARIABLE)
    # Click's own source() for bash looks at the bash of this machine first; the script is wanted for any.
    source = super(BashComplete, script).source() if isinstance(script, BashComplete) else script.source()
    click.echo(source)
