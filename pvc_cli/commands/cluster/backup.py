import sys
from pathlib import Path

import click

from pvc_cli.commands._common.command import Context, connect, pass_context, secrets_option
from pvc_cli.commands._common.file_names import OutputFile
from pvc_cli.zk.backup import back_up, encode_parts, require_new, stream_backup


@click.command("backup")
@click.argument("file", type=OutputFile(allow_dash=True))
@click.option("--mask-secrets", is_flag=True, help="Mask passwords of IPMI and of VM consoles.")
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
@secrets_option
@pass_context
def command(context: Context, file: str, mask_secrets: bool, overwrite: bool, secrets: bool) -> None:
    """Back up every znode to FILE, in PVC's own format.

    Use - as FILE for standard output. The file contains secrets and is readable only by its owner. On a terminal,
    secrets are masked unless --show-secrets is given. 'backup list' and 'backup prune' are 'pvc cluster backups list'
    and 'prune'.

    \b
    Examples:
      pvc cluster backup backup.json
      pvc cluster backup --mask-secrets - | jq keys
    """
    if file != "-":
        require_new(Path(file), overwrite=overwrite)
    with connect(context) as handler:
        seen = file == "-" and sys.stdout.isatty()
        masked = mask_secrets or (seen and not secrets)
        warn = context.output.warning
        if file == "-":
            sys.stdout.writelines(encode_parts(stream_backup(handler, mask_secrets=masked, on_warning=warn)))
            return
        count = back_up(handler, Path(file), overwrite=overwrite, mask_secrets=masked, on_warning=warn)
    context.output.message(f"Backed up {count} znodes to {file}.")
