"""Show how a tree differs from its schema version."""

from collections.abc import Iterator, Sequence

from pvc_cli.errors import quoted
from pvc_cli.output.cells import Cell
from pvc_cli.output.writer import Output
from pvc_cli.zk.migration.survey import Survey
from pvc_cli.zk.migration.values import Invalid

_PVC_MADE = "left by PVC's own migration; 'pvc schema apply --prune' removes it if it holds no data"
_STUCK = "a lock that nobody holds and nobody can acquire; 'pvc schema apply --prune' removes it"


def fault_paths(found: Survey) -> list[str]:
    """Return where the tree differs, without what does not count."""
    return [
        *(missing.path for missing in found.missing),
        *found.retired,
        *(source for source, _ in found.moved),
        *(stray.path for stray in found.stray),
        *(path for path, _ in found.stuck),
        *(value.path for value in found.invalid),
    ]


def survey_table(output: Output, found: Survey, vms: Sequence[str]) -> str:
    """Return the table of what differs, each with a word on it.

    :param vms: the name of the VM that each invalid value is of.
    """
    return output.table(("", "PATH", ""), list(_rows(found, vms)))


def _rows(found: Survey, vms: Sequence[str]) -> Iterator[list[str | Cell]]:
    for m in found.missing:
        yield [Cell("missing", "red"), m.path, _created(daemons=m.daemons)]
    for path in found.retired:
        yield [Cell("retired", "yellow"), path, "of another schema version"]
    for source, target in found.moved:
        yield [Cell("retired", "yellow"), source, f"moves to {target}"]
    for s in found.stray:
        yield [Cell("stray", "yellow"), s.path, _PVC_MADE if s.pvc_made else "unknown"]
    for vm, value in zip(vms, found.invalid, strict=True):
        yield [Cell("invalid", "red"), value.path, _why(vm, value)]
    for path, _ in found.stuck:
        yield [Cell("stuck", "red"), path, _STUCK]
    for path in found.normal:
        yield ["normal", path, "PVC's daemons create it at every start"]
    for path in found.foreign:
        yield ["foreign", path, "not PVC's, left alone"]


def _created(*, daemons: bool) -> str:
    return "its daemon writes it" if daemons else "'pvc schema apply' creates it"


def _why(vm: str, value: Invalid) -> str:
    found = quoted(value.znode.text[:20]) if value.znode.text else "empty"
    what = "broken XML" if value.repair is None else found
    repair = "" if value.repair is None else f"; 'pvc schema apply' sets {value.repair}"
    return f"{what}: PVC leaves out {vm}{repair}"
