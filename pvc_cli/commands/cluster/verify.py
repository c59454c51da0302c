import click

from pvc_cli.cluster.tree_documents import verification_document
from pvc_cli.cluster.verification import Verification, verify
from pvc_cli.commands._common.command import Context, output_option, pass_context
from pvc_cli.commands._common.survey import fault_paths, survey_table
from pvc_cli.commands.cluster._backups import BACKUP, scan
from pvc_cli.errors import EXIT_REFUSED
from pvc_cli.output.cells import Cell
from pvc_cli.output.writer import Output

_NAMES = {"vms": "VMs", "osds": "OSDs"}


@click.command("verify")
@click.argument("file", type=BACKUP)
@output_option
@pass_context
def command(context: Context, file: str) -> int:
    """Check what a backup holds; exit 1 if it is damaged or cannot be restored.

    It is compared with its own schema version, as 'pvc schema validate' compares a tree. Masked secrets and lock
    contenders do not count: a restore keeps the secrets of the cluster, and leaves out the contenders. No cluster is
    needed. Use - as FILE for standard input.

    \b
    Examples:
      pvc cluster verify backup.json
      pvc cluster backup - | pvc cluster verify - -o json
    """
    output = context.output
    found = verify(scan(file), context.schema_dir)
    output.show(
        lambda: verification_document(file, found),
        names=lambda: fault_paths(found.survey) if found.survey else [],
        table=lambda: _screen(output, file, found),
    )
    return 0 if found.healthy else EXIT_REFUSED


def _screen(output: Output, file: str, found: Verification) -> str:
    counts = (_counted(count, _NAMES.get(kind, kind)) for kind, count in found.counts.items() if count)
    contenders = f"{len(found.contenders)} in a queue; a restore leaves them out" if found.contenders else "none"
    able = Cell("yes", "green") if found.objection is None else Cell(f"no: {found.objection}", "red")
    fields = output.fields(
        [
            ("Backup", "standard input" if file == "-" else file),
            ("Schema", "unknown" if found.version is None else f"version {found.version}"),
            ("Znodes", str(found.znodes)),
            ("Holds", ", ".join(counts) or "nothing"),
            ("Masked secrets", str(len(found.masked)) if found.masked else "none"),
            ("Locks", contenders),
            ("Matches schema", _matches(found)),
            ("Can be restored", able),
        ]
    )
    table = survey_table(output, found.survey, found.invalid_vms, found.vm_names) if found.survey else ""
    return f"{fields}\n\n{table}" if table else fields


def _counted(count: int, names: str) -> str:
    return f"{count} {names.removesuffix('s') if count == 1 else names}"


def _matches(found: Verification) -> Cell:
    if found.survey is None:
        return Cell("unknown", "yellow")
    faults = len(fault_paths(found.survey))
    return Cell(f"no: it differs in {_counted(faults, 'places')}", "red") if faults else Cell("yes", "green")
