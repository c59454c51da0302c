from collections.abc import Sequence

import click

from pvc_cli.commands._common.command import Context, connect, output_option, pass_context
from pvc_cli.errors import EXIT_REFUSED, quoted
from pvc_cli.output.writer import Cell
from pvc_cli.zk.migration.migrate import validate
from pvc_cli.zk.migration.survey import Survey
from pvc_cli.zk.migration.values import Invalid

_PVC_MADE = "left by PVC's own migration; 'pvc schema apply --prune' removes it if it holds no data"
_STUCK = "a lock that nobody holds and nobody can acquire; 'pvc schema apply --prune' removes it"


@click.command()
@output_option
@pass_context
def command(context: Context) -> int:
    """Check the tree against its schema version; exit 1 if they differ.

    Retired znodes belong to another version, stray ones to none. Stuck ones block a lock for ever. PVC cannot parse
    invalid ones, and leaves out their VM. Two kinds do not count: normal ones, which PVC's daemons create at every
    start, and foreign ones, at the root, which are not PVC's.

    \b
    Example:
      pvc schema validate -o json
    """
    output = context.output
    with connect(context) as handler:
        schema = handler.schema
        found = validate(handler)
        names = handler.read_many(("domain", value.path.split("/")[2]) for value in found.invalid)
    invalid = list(zip((name or "" for name in names), found.invalid, strict=True))
    document = {
        "version": schema.version,
        "missing": [missing.path for missing in found.missing],
        "retired": found.retired + [source for source, _ in found.moved],
        "stray": [stray.path for stray in found.stray],
        "pvc_made": [stray.path for stray in found.stray if stray.pvc_made],
        "normal": found.normal,
        "invalid": [{"vm": vm, "path": i.path, "value": i.znode.text, "repair": i.repair} for vm, i in invalid],
        "stuck_locks": [path for path, _ in found.stuck],
        "foreign": found.foreign,
    }
    kinds = ("missing", "retired", "stray", "stuck_locks")
    faults = [path for kind in kinds for path in document[kind]]  # type: ignore[attr-defined]
    faults += [value.path for value in found.invalid]
    output.show(lambda: document, names=lambda: faults, table=lambda: output.table(*_faults(found, invalid)))
    if faults:
        output.message(f"The tree differs from schema version {schema.version} in {len(faults)} places.")
        return EXIT_REFUSED
    output.message(f"The tree matches schema version {schema.version}.")
    return 0


def _faults(found: Survey, invalid: Sequence[tuple[str, Invalid]]) -> tuple[Sequence[str], list[list[str | Cell]]]:
    """Return the table of what differs, each with a word on it."""
    rows: list[list[str | Cell]] = [
        [Cell("missing", "red"), m.path, "its daemon writes it" if m.daemons else "'pvc schema apply' creates it"]
        for m in found.missing
    ]
    rows += [[Cell("retired", "yellow"), path, "of another schema version"] for path in found.retired]
    rows += [[Cell("retired", "yellow"), source, f"moves to {target}"] for source, target in found.moved]
    rows += [[Cell("stray", "yellow"), s.path, _PVC_MADE if s.pvc_made else "unknown"] for s in found.stray]
    rows += [[Cell("invalid", "red"), value.path, _why(vm, value)] for vm, value in invalid]
    rows += [[Cell("stuck", "red"), path, _STUCK] for path, _ in found.stuck]
    rows += [["normal", path, "PVC's daemons create it at every start"] for path in found.normal]
    rows += [["foreign", path, "not PVC's, left alone"] for path in found.foreign]
    return ("", "PATH", ""), rows


def _why(vm: str, value: Invalid) -> str:
    found = quoted(value.znode.text[:20]) if value.znode.text else "empty"
    what = "broken XML" if value.repair is None else found
    repair = "" if value.repair is None else f"; 'pvc schema apply' sets {value.repair}"
    return f"{what}: PVC leaves out {vm}{repair}"
