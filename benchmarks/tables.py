"""Turn figures into Markdown: the page, and what became of the goals."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence

from benchmarks.cases import BY_NAME, BY_UUID, LISTING, TABLE
from benchmarks.measure import Row

Times = Mapping[str, float]
_TELLING = ("vm list", "schema validate", "cluster backup")
"""The commands that the page begins with: one that people type most, and the two that read the whole tree."""
TABS = {
    "TAB after `pvc vm info web-1`": "pvc vm info web-1",
    "TAB after `pvc vm info `, which offers all": "pvc vm info ",
}
"""What the tab key is pressed after, on a tree with 10,000 VMs, by what it is called."""
_NOISE = 0.03
"""Seconds by which the starts of two processes may differ."""


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = "|---|" + "--:|" * (len(headers) - 1)
    return "\n".join([f"| {' | '.join(headers)} |", rule, *(f"| {' | '.join(row)} |" for row in rows)])


def _named(row: Row) -> list[str]:
    return [f"`pvc {row.what}`" if "," not in row.what else f"`pvc {row.what.replace(',', '`,')}", f"{row.vms:,}"]


def _times_floor(row: Row, times: Times) -> str:
    """Return how much the work takes, of what the bytes alone take; the start of Python is neither's."""
    work = row.seconds - times["start-up"]
    return f"{work / row.floor:.1f} ×" if work > _NOISE else "-"


def _times_faster(row: Row) -> str:
    return f"{_ratio(row)} ×" if row.one_by_one else ""


def _ratio(row: Row) -> str:
    return f"{(row.one_by_one or 0) / row.seconds:.0f}"


def _mebibytes(peak: int) -> str:
    return f"{peak / 2**20:.0f} MiB"


def _versions(where: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {value}" for name, value in where.items())


def _summary(rows: Sequence[Row], times: Times) -> str:
    """Return the figures in a few sentences: ratios at 10,000 VMs, never bare times."""
    at_10_000 = {row.what: row for row in rows if row.vms == 10_000}
    ratios = [float(_ratio(row)) for row in at_10_000.values() if row.one_by_one]
    *others, last = (f"{_ratio(at_10_000[what])} times for `pvc {what}`" for what in _TELLING)
    floors = [_times_floor(row, times).removesuffix(" ×") for row in at_10_000.values()]
    least, *_, most = sorted((floor for floor in floors if floor != "-"), key=float)
    sentences = (
        "With 10,000 VMs and the server on the same machine, waiting for each reply before the next request,"
        f" as PVC's own library does, takes {min(ratios):.0f} to {max(ratios):.0f} times as long:",
        f"{', '.join(others)} and {last}.",
        f"Beyond its start-up, `pvc` takes {least} to {most} times as long as a bare socket that sends the same",
        "bytes and ignores the replies.",
        f"`pvc --version` takes {times['pvc --version'] / times['import click']:.2f} times as long as",
        "`python -c 'import click'`.",
    )
    return textwrap.fill(" ".join(sentences), 120, break_on_hyphens=False, break_long_words=False)


def _at_10_000(rows: Sequence[Row], times: Times) -> str:
    return _table(
        ("command", "round trips", "of the floor", "one by one takes", "peak memory"),
        (
            [
                _named(row)[0],
                f"{row.round_trips:,}",
                _times_floor(row, times),
                f"{_times_faster(row)} as long",
                _mebibytes(row.peak),
            ]
            for row in rows
            if row.vms == 10_000
        ),
    )


def goals(rows: Sequence[Row], times: Times) -> str:
    """Return what was aimed at, and what was reached."""
    found = {(row.what, row.vms): row for row in rows}
    big = found[LISTING.what, 100_000]
    least, most = found[BY_UUID.what, 100], found[BY_UUID.what, 100_000]
    each = (big.peak - found[LISTING.what, 100].peak) / (big.vms - 100)
    figures = [
        *(
            (
                f"`{case.what}` of 10,000 VMs, beyond start-up, against the floor",
                (found[case.what, 10_000].seconds - times["start-up"]) / found[case.what, 10_000].floor,
                2.5,
                "×",
            )
            for case in (TABLE, LISTING)
        ),
        (
            "`vm tag add NAME` at 10,000 VMs, beyond start-up",
            (found[BY_NAME.what, 10_000].seconds - times["start-up"]) * 1000,
            100.0,
            "ms",
        ),
        ("`vm tag add UUID` at 100,000 VMs, against 100 VMs", most.seconds / least.seconds, 1.1, "×"),
        ("`pvc --version`, against `import click`", times["pvc --version"] / times["import click"], 1.1, "×"),
        (
            "`pvc vm tag list VM`, against `import click, kazoo.client`",
            times["pvc vm tag list VM"] / times["import click, kazoo.client"],
            1.5,
            "×",
        ),
        *((f"{name}, of 10,000 VMs", times[name] * 1000, 150.0, "ms") for name in TABS),
        ("memory of `vm list -o json` per further VM, of 100,000", each / 1024, 1.0, "KiB"),
    ]
    return _table(
        ("goal", "at most", "measured", "met"),
        (
            [what, f"{most:g} {unit}", f"{value:.2f} {unit}", "yes" if value <= most else "**no**"]
            for what, value, most, unit in figures
        ),
    )


def page(rows: Sequence[Row], times: Times, where: Mapping[str, str]) -> str:
    """Return the page with all figures."""
    everything = _table(
        (
            "command", "VMs", "time", "peak memory", "round trips", "requests", "sent", "received",
            "of the floor", "one by one takes",
        ),
        (
            [
                *_named(row),
                f"{row.seconds:.3f} s",
                _mebibytes(row.peak),
                f"{row.round_trips:,}",
                f"{row.requests:,}",
                f"{row.sent / 1000:,.0f} kB",
                f"{row.received / 1000:,.0f} kB",
                _times_floor(row, times),
                f"{_times_faster(row)} as long" if row.one_by_one else "",
            ]
            for row in rows
        ),
    )  # fmt: skip
    starts = _table(
        ("process", "time"),
        ([name if name in TABS else f"`{name}`", f"{value * 1000:.0f} ms"] for name, value in times.items()),
    )
    return f"""# Benchmarks

{_summary(rows, times)}

`make bench` measures all this in one run, and writes this page and the plot; the figures
themselves are in [benchmarks/results.json](../benchmarks/results.json). Times are those of whole processes, the start
of Python included, and the median of five runs (of two, where they take long). They are this machine's. The ratios
are what to compare, for both sides of each were measured in turns:

- *Of the floor*: what pvc takes beyond its start-up, against a bare socket that sends the very same bytes, waits
  where pvc had to wait, reads the replies, and looks at none. Nothing that speaks to ZooKeeper can be faster. A dash
  means too little to tell.
- *One by one takes*: the same pvc, but waiting for each reply before it sends the next request, as PVC's own library
  does. Nobody would wait for it at 100,000 VMs.

Measured on: {_versions(where)}.

![Time against the number of VMs](growth.svg)

## At 10,000 VMs

{_at_10_000(rows, times)}

## Goals

{goals(rows, times)}

Where the time of `vm list -o json` goes, by a sampling profile of its Python (10,000 VMs; the server works meanwhile,
on the other core): JSON 15 %, its documents 13 %, statistics 10 %, imports 17 %, XML 5 %, records of VMs 4 %, keys,
paths and requests 10 %, the list of names 4 %, decoding replies 4 %, all else 18 %. No part stands out.

## Everything

{everything}

## Start-up

{starts}

`start-up` imports what `pvc vm tag add` imports, and does nothing. `pvc --version` takes
{times["pvc --version"] / times["import click"]:.2f} times as long as `import click`, and `pvc vm tag list VM`
{times["pvc vm tag list VM"] / times["import click, kazoo.client"]:.2f} times as long as `import click, kazoo.client`.
"""
