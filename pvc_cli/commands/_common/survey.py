"""Show how a tree differs from its schema version."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pvc_cli.cluster.values import natural_key
from pvc_cli.commands._common.refusals import is_verbose
from pvc_cli.errors import quoted
from pvc_cli.output.cells import Cell
from pvc_cli.output.writer import Output
from pvc_cli.zk.migration.survey import Survey
from pvc_cli.zk.migration.values import Invalid

_PVC_MADE = "left by PVC's own migration; 'pvc schema apply --prune' removes it if it holds no data"
_KINDS = {"domains": "VMs", "nodes": "nodes"}
_FEW = 3
_FIRST = 5
_Row = list[str | Cell]
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


def survey_table(output: Output, found: Survey, vms: Sequence[str], names: Mapping[str, str]) -> str:
    """Return the table of what differs, each with a word on it; the same of many VMs or nodes is one row, but for -v.

    :param vms: the name of the VM that each invalid value is of.
    :param names: the names of VMs by their UUIDs, as far as they are known.
    """
    rows = _rows(found, vms)
    return output.table(("", "PATH", ""), list(rows if is_verbose() else _grouped(rows, names)))


def _grouped(rows: Iterable[_Row], names: Mapping[str, str]) -> Iterator[_Row]:
    """Yield *rows*, those that differ in nothing but the VM or the node as one."""
    groups: dict[tuple[str | Cell, ...], list[tuple[str, _Row]]] = {}
    for row in rows:
        mark, path, note = row
        root, item, below = (*str(path)[1:].split("/", 2), "", "")[:3]
        key = (mark, note, root, below) if below and root in _KINDS else (mark, note, path)
        groups.setdefault(key, []).append((item, row))
    for (mark, note, *place), found in groups.items():
        if len(found) > _FEW and len(place) > 1:
            every = sorted((names.get(item, item) for item, _ in found), key=natural_key)
            first = ", ".join(every[:_FIRST])
            more = ", …; all: -v" if len(found) > _FIRST else ""
            yield [mark, f"{place[1]} of {len(found)} {_KINDS[str(place[0])]} ({first}{more})", note]
            continue
        for item, (_, path, _) in found:
            # What PVC cannot parse has its VM's name in the note.
            named = item in names and names[item] not in str(note)
            yield [mark, f"{path} ({names[item]})" if named else path, note]


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
