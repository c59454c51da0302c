"""Draw how commands grow with the number of VMs: both axes logarithmic, time as multiples of a bare start-up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from benchmarks.measure import Row

_WIDTH, _HEIGHT = 860, 470
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 230, 56, 52
_COLOURS = ("#61afef", "#98c379", "#e5c07b", "#c678dd", "#e06c75", "#56b6c2", "#d19a66", "#abb2bf", "#7f848e")
_LABEL_GAP = 17.0


def growth(rows: Sequence[Row], times: Mapping[str, float]) -> str:
    """Return the plot as SVG."""
    unit = times["import click, kazoo.client"]
    names = list(dict.fromkeys(row.what for row in rows))
    sizes = sorted({row.vms for row in rows})
    top = math.ceil(math.log10(max(row.seconds for row in rows) / unit))

    def x(vms: int) -> float:
        return _LEFT + math.log(vms / sizes[0], sizes[-1] / sizes[0]) * (_WIDTH - _LEFT - _RIGHT)

    def y(seconds: float) -> float:
        return _HEIGHT - _BOTTOM - math.log10(seconds / unit) / top * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}"'
        ' font-family="sans-serif" font-size="13">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="8" fill="#1e2127"/>',
        '<text x="16" y="26" fill="#dcdfe4" font-size="15">pvc as the cluster grows</text>',
        '<text x="16" y="44" fill="#8a8f98">time of whole commands;'
        " 1 is python -c 'import click, kazoo.client'</text>",
    ]
    for power in range(top + 1):
        at = y(unit * 10**power)
        parts.append(f'<path d="M{_LEFT} {at:.1f}H{_WIDTH - _RIGHT}" stroke="#3a3f4b"/>')
        parts.append(
            f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" fill="#8a8f98" text-anchor="end">{10**power:,} ×</text>'
        )
    for vms in sizes:
        parts.append(
            f'<text x="{x(vms):.1f}" y="{_HEIGHT - _BOTTOM + 20}" fill="#8a8f98" text-anchor="middle">{vms:,}</text>'
        )
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(
        f'<text x="{middle:.1f}" y="{_HEIGHT - 12}" fill="#8a8f98" text-anchor="middle">virtual machines</text>'
    )
    lines = {name: [(x(row.vms), y(row.seconds)) for row in rows if row.what == name] for name in names}
    labels = _apart({name: points[-1][1] for name, points in lines.items()})
    for (name, points), colour in zip(lines.items(), _COLOURS, strict=True):
        path = "L".join(f"{across:.1f} {down:.1f}" for across, down in points)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{across:.1f}" cy="{down:.1f}" r="3" fill="{colour}"/>' for across, down in points]
        parts.append(
            f'<text x="{points[-1][0] + 12:.1f}" y="{labels[name] + 4:.1f}" fill="{colour}">{escape(name)}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def _apart(wanted: Mapping[str, float]) -> dict[str, float]:
    """Return where labels go: where they want to, but none over another."""
    placed: dict[str, float] = {}
    lowest = math.inf
    for name in sorted(wanted, key=wanted.__getitem__, reverse=True):
        lowest = placed[name] = min(wanted[name], lowest - _LABEL_GAP)
    return placed
