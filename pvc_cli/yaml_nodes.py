"""Read YAML whose values know the line they stand in, and are of the type that is asked of them, never guessed.

Plain YAML guesses: ``on`` is a boolean, ``1e3`` and ``12:30`` are numbers, and readers of the two versions disagree.
Here, every scalar is the text that was written, until :meth:`Node.flag` or :meth:`Node.number` asks for more.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from pvc_cli.errors import ConfigError, hint, quoted, shortened

_NUMBER = re.compile(r"0|[1-9][0-9]*", re.ASCII)
_NOTHING = ("", "~", "null", "Null", "NULL")
_DEEPEST = 10
_MOST_DIGITS = 18


@dataclass(slots=True)
class Node:
    """A value in a YAML file."""

    source: str
    """What the file is called in messages."""
    line: int
    value: str | list[Node] | dict[str, Node]
    plain: bool = False
    """Whether it is a text without quotes."""
    key: str = ""
    """The key that it is the value of, for messages."""

    @property
    def place(self) -> str:
        """Where it is, as messages begin."""
        return f"{self.source}, line {self.line}"

    def fault(self, why: str) -> ConfigError:
        """Return the error for what is wrong with it."""
        return ConfigError(f"{self.place}: {why}")

    def entries(self, known: Collection[str], *, required: Iterable[str] = ()) -> dict[str, Node]:
        """Return the values of a mapping by their keys.

        :raises ConfigError: if it is not a mapping, has a key that is not *known*, or lacks one.
        """
        found = self.mapping(f"a mapping with {_listed(known)}")
        for key, node in found.items():
            if key not in known:
                raise node.fault(f"unknown key {quoted(key)}: {hint(key, known, f'use {_listed(known)}')}")
        for key in required:
            if key not in found:
                raise self.fault(f"{quoted(key)} is missing: give it")
        return found

    def mapping(self, expected: str) -> dict[str, Node]:
        """Return the values of a mapping by their keys; an error says that *expected* was expected."""
        if not isinstance(self.value, dict):
            raise self._unexpected(expected)
        return self.value

    def items(self, expected: str) -> list[Node]:
        """Return the items of a list; an error says that *expected* was expected."""
        if not isinstance(self.value, list):
            raise self._unexpected(expected)
        return self.value

    def text(self, expected: str) -> str:
        """Return a text as it is written; an error says that *expected* was expected."""
        if not isinstance(self.value, str) or (self.plain and self.value in _NOTHING):
            raise self._unexpected(expected)
        if not self.value.isprintable():
            raise self.fault(f"{quoted(self.value)} does not print: use letters, digits and signs")
        return self.value

    def texts(self, expected: str) -> list[Node]:
        """Return the nodes of a text, or of a list of texts that is not empty."""
        nodes = self.value if isinstance(self.value, list) and self.value else [self]
        for node in nodes:
            node.text(expected)
        return nodes

    def choice(self, choices: Collection[str]) -> str:
        """Return a text that is one of *choices*."""
        text = self.text(_listed(choices, "or"))
        if text not in choices:
            raise self._unexpected(_listed(choices, "or"))
        return text

    def flag(self) -> bool:
        """Return a boolean: ``true`` or ``false``, which every reader of YAML takes for one."""
        if not self.plain or self.value not in ("true", "false"):
            raise self._unexpected("true or false")
        return self.value == "true"

    def number(self, most: int) -> int:
        """Return a whole number, in decimal, from 0 to *most*."""
        if not (self.plain and isinstance(self.value, str) and _NUMBER.fullmatch(self.value)):
            raise self._unexpected(f"a number from 0 to {most}")
        if len(self.value) > _MOST_DIGITS or int(self.value) > most:
            raise self.fault(f"{self._name}{shortened(self.value)} is out of range: give 0 to {most}")
        return int(self.value)

    def _unexpected(self, expected: str) -> ConfigError:
        if isinstance(self.value, str):
            found = "nothing" if self.plain and self.value in _NOTHING else self.value
            quotes = " in quotes" if not self.plain else ""
            found = found if found == "nothing" else f"{quoted(found)}{quotes}"
        else:
            found = "a list" if isinstance(self.value, list) else "a mapping"
        return self.fault(f"{self._name}expected {expected}, not {found}")

    @property
    def _name(self) -> str:
        return f"{self.key}: " if self.key else ""


def _listed(words: Iterable[str], joint: str = "and") -> str:
    *most, last = words
    return f"{', '.join(most)} {joint} {last}" if most else last


def parse_nodes(text: str, source: str) -> Node:
    """Return the one document of a YAML (or JSON) text.

    :param source: what the file is called in messages.
    :raises ConfigError: if it is not YAML, or has what would make it mean something else than it says: a key
        twice, an alias, a tag such as ``!!str``.
    """
    # Imported here: most commands do not need it.
    import yaml

    _require_text(text, source)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _build(yaml.parse(text, Loader=loader), source)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        reason = " ".join(str(getattr(error, "problem", None) or error).split())
        raise ConfigError(f"{source}{where} is not valid YAML: {reason}") from None


def _require_text(text: str, source: str) -> None:
    """Check that no byte of a file was not UTF-8."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.isascii() and any("\ud800" <= char <= "\udfff" for char in line):
            raise ConfigError(f"{source}, line {number} is not UTF-8 text: save the file as UTF-8")


def _build(events: Iterable[Any], source: str) -> Node:
    """Return the node that the parser's *events* spell."""
    top: list[Node] = []
    open_: list[Node] = [Node(source, 1, top)]
    keys: list[Node | None] = [None]
    documents = 0
    for event in events:
        kind = type(event).__name__
        line = event.start_mark.line + 1
        if kind == "DocumentStartEvent":
            documents += 1
            if documents > 1:
                raise Node(source, line, "").fault("a second document begins: give one file for each")
        if kind in ("SequenceEndEvent", "MappingEndEvent"):
            open_.pop()
            keys.pop()
            continue
        if kind == "AliasEvent":
            raise Node(source, line, "").fault("aliases are not supported: write out what it stands for")
        if kind not in ("ScalarEvent", "SequenceStartEvent", "MappingStartEvent"):
            continue
        node = _node(event, kind, source, line)
        _place(node, open_[-1], keys)
        if kind != "ScalarEvent":
            if len(open_) > _DEEPEST:
                raise node.fault("it is nested too deeply: check the indentation")
            open_.append(node)
            keys.append(None)
    if not top:
        raise ConfigError(f"{source} is empty: give at least 'version: 1'")
    if isinstance(top[0].value, str):
        # Another kind of file, of which no word is shown: it may be a secret.
        raise top[0].fault("expected a mapping, not a text: give another file")
    return top[0]


def _node(event: Any, kind: str, source: str, line: int) -> Node:  # noqa: ANN401 - PyYAML's events
    if event.tag:
        raise Node(source, line, "").fault(f"tags such as {shortened(event.tag)} are not supported: remove it")
    if kind == "ScalarEvent":
        return Node(source, line, event.value, plain=event.implicit[0])
    return Node(source, line, [] if kind == "SequenceStartEvent" else {})


def _place(node: Node, parent: Node, keys: list[Node | None]) -> None:
    """Put *node* into *parent*: as an item, as the value of the last key, or as the next key."""
    if isinstance(parent.value, list):
        parent.value.append(node)
    elif isinstance(parent.value, dict) and (key := keys[-1]) is not None:
        # What is wrong with a block is looked for at its key.
        node.line, node.key = key.line, str(key.value)
        parent.value[str(key.value)] = node
        keys[-1] = None
    elif isinstance(parent.value, dict):
        if not isinstance(node.value, str):
            raise node.fault("expected a key, not a list or a mapping")
        if node.value in parent.value:
            raise node.fault(f"the key {quoted(node.value)} stands here twice: remove one")
        keys[-1] = node
