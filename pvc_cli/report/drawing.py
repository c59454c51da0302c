"""The SR-IOV map: which PF has which VFs, and which VM uses each, as one drawing for each node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pvc_cli.report.html import Html, element, join

if TYPE_CHECKING:
    from pvc_cli.cluster.overview import Overview, VmLine
    from pvc_cli.cluster.sriov.model import Vf

_ROW, _BOX, _GAP = 30, 24, 12
_COLUMNS = ((0, 130), (210, 150), (440, 240))
"""Where the boxes of PFs, VFs and VMs begin, and how wide they are."""
_WIDTH = 680
_CHARACTER = 7.6


class _Line(NamedTuple):
    """One line of a PF's part: a VF and its VM, or how many VFs are free."""

    vf: str
    vm: str
    title: str
    mood: str


def sriov_map(found: Overview) -> Html:
    """Return a drawing for each node that has PFs; nothing for a cluster without."""
    names = {vm.uuid: vm for vm in found.vms}
    trouble = {problem.what.partition(": ")[0]: problem.what for problem in found.status.problems}
    nodes: dict[str, dict[str, list[Vf]]] = {}
    for pf in found.pfs:
        nodes.setdefault(pf.node, {})[pf.phy] = []
    for vf in found.vfs:
        # A VF whose PF is gone is one of the strangest things to see, and so is shown.
        nodes.setdefault(vf.node, {}).setdefault(vf.pf or "no PF", []).append(vf)
    return join(_figure(node, pfs, names, trouble) for node, pfs in nodes.items())


def _figure(
    node: str, pfs: Mapping[str, Sequence[Vf]], vms: Mapping[str, VmLine], trouble: Mapping[str, str]
) -> Html:
    parts: list[Html] = []
    top = 0
    for pf, vfs in pfs.items():
        lines = list(_lines(node, vfs, vms, trouble))
        parts += _part(pf, lines, top)
        top += _ROW * len(lines) + _GAP
    drawing = element(
        "svg",
        *parts,
        viewBox=f"0 0 {_WIDTH} {max(top - _GAP, _ROW)}",
        role="img",
        aria_label=f"PFs, VFs and VMs of {node}",
    )
    return element("figure", element("figcaption", node), element("div", drawing, class_="wide"))


def _lines(node: str, vfs: Sequence[Vf], vms: Mapping[str, VmLine], trouble: Mapping[str, str]) -> Iterator[_Line]:
    """Yield a line for each VF that is used; those that are free are only counted.

    :param trouble: what is wrong, by node and VF among others.
    """
    free = 0
    for vf in vfs:
        if not (vf.used or vf.used_by):
            free += 1
            continue
        vm, wrong = vms.get(vf.used_by), trouble.get(f"{node}/{vf.phy}")
        name = vm.name if vm else vf.used_by or "no VM recorded"
        title = wrong or f"{vf.phy} {vf.mac}: {name}, {vm.state if vm else 'unknown'}"
        yield _Line(vf.phy, name, title, "odd" if wrong or vm is None or vm.node != node else "used")
    if free or not vfs:
        yield _Line(f"{free} free" if vfs else "no VFs", "", f"{free} VFs are free", "free")


def _part(pf: str, lines: Sequence[_Line], top: int) -> Iterator[Html]:
    """Yield the boxes of a PF, its VFs and their VMs, and what connects them."""
    middle = top + _ROW * len(lines) / 2 - _ROW / 2
    yield _box(0, middle, pf, "pf")
    for number, line in enumerate(lines):
        y = top + _ROW * number
        yield _curve(0, 1, middle, y, line.mood)
        if line.vm:
            yield _curve(1, 2, y, y, line.mood)
            yield element(
                "g", element("title", line.title), _box(1, y, line.vf, line.mood), _box(2, y, line.vm, line.mood)
            )
        else:
            yield element("g", element("title", line.title), _box(1, y, line.vf, line.mood))


def _box(column: int, y: float, label: str, kind: str) -> Html:
    x, width = _COLUMNS[column]
    most = int((width - 16) / _CHARACTER)
    shown = label if len(label) <= most else f"{label[: most - 1]}…"
    box = element("rect", x=x, y=f"{y:g}", width=width, height=_BOX, rx=5, class_=kind)
    return join([box, element("text", shown, x=x + 8, y=f"{y + 16:g}")])


def _curve(column: int, to: int, y: float, to_y: float, kind: str) -> Html:
    x, width = _COLUMNS[column]
    start, end = x + width, _COLUMNS[to][0]
    bend = (start + end) / 2
    half = _BOX / 2
    path = f"M{start} {y + half:g}C{bend:g} {y + half:g} {bend:g} {to_y + half:g} {end} {to_y + half:g}"
    return element("path", d=path, class_=kind)
