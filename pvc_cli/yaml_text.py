"""Write YAML that every reader takes for the same values: those of version 1.1, such as PyYAML, and those of 1.2."""

import re
from typing import Any

import yaml

_PLAIN = re.compile(r"[A-Za-z/][\w./+-]*(?: [\w./+-]+)*", re.ASCII)
"""Texts that no reader takes for anything else, but for some words: no number or date begins like that."""
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"))
_LONGEST = 2**31 - 1


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Quotes every text that could be read as something else, and writes texts of several lines as blocks."""


def dump(document: object, *, unicode: bool = True) -> str:
    """Return *document* as YAML; whatever does not print is escaped, and without *unicode* all that is not ASCII."""
    text = str(yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=unicode, width=_LONGEST))
    if text.isprintable():
        return text
    # Such texts are in double quotes: there, the names of these characters stand for them.
    return "".join(char if char.isprintable() or char == "\n" else _escape(char) for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _represent(dumper: Any, text: str) -> Any:  # noqa: ANN401 - PyYAML's nodes
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        style = None
    elif text.isprintable():
        style = "'"
    else:
        style = "|" if _is_block(text) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _is_block(text: str) -> bool:
    """Tell whether *text* has several lines of which nothing needs to be escaped."""
    return "\n" in text.rstrip("\n") and text.replace("\n", "").isprintable()


_Dumper.add_representer(str, _represent)
