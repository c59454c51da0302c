import platform

import click

from pvc_cli import __version__
from pvc_cli.commands._common.command import Context, output_option, pass_context
from pvc_cli.zk.schema import find_schema


@click.command("version")
@output_option
@pass_context
def command(context: Context) -> None:
    """Show the version of pvc; the same as --version.

    \b
    Examples:
      pvc version
      pvc version -o json
    """
    context.output.show(
        lambda: {
            "version": __version__,
            "latest_known": find_schema(None, context.schema_dir).version,
            "python": platform.python_version(),
        },
        names=lambda: [__version__],
        table=lambda: f"pvc {__version__}",
    )
