import click

from pvc_cli.cluster.tree_documents import survey_document
from pvc_cli.cluster.verification import names_in
from pvc_cli.commands._common.command import Context, connect, output_option, pass_context
from pvc_cli.commands._common.survey import fault_paths, survey_table
from pvc_cli.errors import EXIT_REFUSED
from pvc_cli.zk.migration.migrate import validate


@click.command()
@output_option
@pass_context
def command(context: Context) -> int:
    """Check the tree against its schema version; exit 1 if they differ.

    Retired znodes belong to another version, stray ones to none. Stuck ones block a lock for ever. PVC cannot parse
    invalid ones, and leaves out their VM. Two kinds do not count: normal ones, which PVC's daemons create at every
    start, and foreign ones, at the root, which are not PVC's. What many VMs have alike is one line;
    -v shows each.

    \b
    Example:
      pvc schema validate -o json
    """
    output = context.output
    with connect(context) as handler:
        schema = handler.schema
        found = validate(handler)
        names = names_in(handler, found)
    vms = [names.get(value.path.split("/")[2], "") for value in found.invalid]
    faults = fault_paths(found)
    output.show(
        lambda: {"version": schema.version} | survey_document(found, vms),
        names=lambda: faults,
        table=lambda: survey_table(output, found, vms, names),
    )
    if faults:
        places = "1 place" if len(faults) == 1 else f"{len(faults)} places"
        output.message(f"The tree differs from schema version {schema.version} in {places}.")
        return EXIT_REFUSED
    output.message(f"The tree matches schema version {schema.version}.")
    return 0
