"""Results for programs: JSON and YAML, piece by piece."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TextIO

from pvc_cli.output.writer import Document, Format


def serialise(value: Document | Iterable[Document], style: Format) -> Iterator[str]:
    """Yield *value* as JSON or YAML, piece by piece; a list in compact JSON has one element a line.

    What does not print is escaped, and all that is not ASCII where standard output is not UTF-8.
    """
    plain = _takes_all(sys.stdout)
    if style == "yaml":
        yield from _yaml(value, unicode=plain)
        return
    if style == "jsonl":
        for element in [value] if isinstance(value, Mapping) else value:
            yield f"{_json(element, plain=plain)}\n"
        return
    pretty = style == "json-pretty" or sys.stdout.isatty()
    indent, margin = (2, "\n  ") if pretty else (None, "\n ")
    if isinstance(value, Mapping):
        yield _json(value, plain=plain, indent=indent)
    else:
        before = "[\n  " if pretty else "["
        for element in value:
            yield before + _json(element, plain=plain, indent=indent).replace("\n", margin)
            before = f",{margin}"
        if not before.startswith(","):
            yield "["
        elif pretty:
            yield "\n"
        yield "]"
    yield "\n"


def as_json(value: object, stream: TextIO) -> str:
    """Return *value* as a line of JSON for *stream*; see :func:`serialise`."""
    return _json(value, plain=_takes_all(stream))


def _takes_all(stream: TextIO) -> bool:
    """Tell whether *stream* takes characters that are not ASCII."""
    return (stream.encoding or "").lower().replace("-", "") == "utf8"


@cache
def _encoder(plain: bool, indent: int | None) -> json.JSONEncoder:
    # Documents are made anew, of values: to look for cycles in them takes an eighth of the time.
    return json.JSONEncoder(indent=indent, ensure_ascii=not plain, check_circular=False)


def _json(value: object, *, plain: bool, indent: int | None = None) -> str:
    text = _encoder(plain, indent).encode(value)
    # What is ASCII takes no time to tell: all its other characters that do not print are escaped already.
    if (text.isascii() and "\x7f" not in text) or text.isprintable():
        return text
    # Within strings only: outside of them, all is ASCII.
    return "".join(char if char.isprintable() or char == "\n" else _escape(char) for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def _yaml(value: Document | Iterable[Document], *, unicode: bool) -> Iterator[str]:
    # Imported here: JSON does not need it.
    from pvc_cli.yaml_text import dump

    nothing = "[]\n"
    for part in [value] if isinstance(value, Mapping) else ([element] for element in value):
        # Through JSON, so that tuples come out as the lists that they are.
        yield dump(json.loads(json.dumps(part)), unicode=unicode)
        nothing = ""
    yield nothing
