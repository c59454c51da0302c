"""Arguments that the commands on volumes share."""

import click

from pvc_cli.commands._common import complete

pool_option = click.option(
    "-p", "--pool", metavar="POOL", shell_complete=complete.pools, help="The pool, as PVC's own client spells it."
)
