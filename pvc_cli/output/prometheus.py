"""Figures for Prometheus, in its text format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

Sample = tuple[Mapping[str, str], float | None]
"""Labels, and a value; None is not known, and is left out."""
Family = tuple[str, str, Iterable[Sample]]
"""The name of some gauges, what they say, and one for each combination of labels."""

_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def render_metrics(families: Iterable[Family]) -> Iterator[str]:
    """Yield the lines of *families*; one without a known value is left out."""
    for name, text, samples in families:
        lines = [f"{name}{_labels(labels)} {value:.15g}\n" for labels, value in samples if value is not None]
        if lines:
            yield f"# HELP {name} {text}\n# TYPE {name} gauge\n"
            yield from lines


def _labels(labels: Mapping[str, str]) -> str:
    """Return labels as they stand behind a name; whatever their values are, they end neither value nor line."""
    pairs = ",".join(f'{name}="{_readable(value).translate(_ESCAPES)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _readable(value: str) -> str:
    # Prometheus refuses a whole page for one byte that is not UTF-8, and some readers end lines at a CR.
    return value.encode("utf-8", "replace").decode("utf-8").replace("\r", " ")
