import click

from pvc_cli.commands._common.command import Context, never_asks_option, pass_context, plain_dry_run_option
from pvc_cli.commands.connection._saved import PROTECTION_WORDS, name_argument, require, save
from pvc_cli.connections.saved import Connections, Protection
from pvc_cli.errors import quoted


@click.command("protect")
@name_argument
@click.option("--read-only", is_flag=True, help="Refuse every change.")
@click.option("--off", is_flag=True, help="End the protection.")
@never_asks_option
@plain_dry_run_option
@pass_context
def command(context: Context, name: str, read_only: bool, off: bool, dry_run: bool) -> None:
    """Ask for the cluster's name before every change, or refuse changes.

    Every command that changes something then asks for NAME to be typed, before it reads anything; a script passes
    --confirm NAME. --yes answers other questions, not this one. To weaken the protection, type NAME, too.

    \b
    Examples:
      pvc connection protect prod
      pvc connection protect prod --read-only
      pvc connection protect prod --off
    """
    if read_only and off:
        raise click.UsageError("--read-only and --off exclude each other")
    protection: Protection | None = None if off else "read-only" if read_only else "confirm"

    def change(saved: Connections) -> Connections:
        return require(saved, name).protected(name, protection)

    word = PROTECTION_WORDS[protection] or "not protected"
    save(
        context,
        change,
        f"Connection {quoted(name)}: {word}.",
        f"Connection {quoted(name)}: {word} already.",
        dry_run=dry_run,
    )
