"""Results for programs: JSON and YAML, piece by piece."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping

from pvc_cli.output.writer import Document, Format


def serialise(value: Document | Iterable[Document], style: Format) -> Iterator[str]:
    """Yield *value* as JSON or YAML, in ASCII, piece by piece; a list in compact JSON has one element a line."""
    if style == "yaml":
        yield from _yaml(value)
        return
    pretty = style == "json-pretty" or sys.stdout.isatty()
    indent, margin = (2, "\n  ") if pretty else (None, "\n ")
    if isinstance(value, Mapping):
        yield json.dumps(value, indent=indent)
    else:
        before = "[\n  " if pretty else "["
        for element in value:
            yield before + json.dumps(element, indent=indent).replace("\n", margin)
            before = f",{margin}"
        if not before.startswith(","):
            yield "["
        elif pretty:
            yield "\n"
        yield "]"
    yield "\n"


def _yaml(value: Document | Iterable[Document]) -> Iterator[str]:
    # Imported here: JSON does not need it.
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    nothing = "[]\n"
    for part in [value] if isinstance(value, Mapping) else ([element] for element in value):
        # Through JSON, so that tuples come out as the lists that they are.
        yield str(yaml.dump(json.loads(json.dumps(part)), Dumper=dumper, sort_keys=False))
        nothing = ""
    yield nothing
