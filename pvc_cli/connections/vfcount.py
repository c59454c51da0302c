"""Change how many VFs a PF is to have in a node's PVC configuration, and no other byte of that file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pvc_cli.connections.yaml_file import parse_yaml
from pvc_cli.errors import ConfigError, ConflictError, NotFoundError, RefusedError, quoted
from pvc_cli.files import FileLock, cannot_write, write_file

_LOCK_TIMEOUT = 10.0
_WHERE = ("guest_networking", "sriov_device")
_REST_OF_LINE = re.compile(r"[ \t]*(?:#[^\n]*)?\r?")


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to become of the file."""

    path: Path
    data: bytes
    """What is in it now."""
    text: str
    """What is to be in it."""
    line: int
    """The number of the line that differs, as it is then."""
    before: str
    """That line, without what encloses it; empty if it is a new one."""
    after: str
    old: int | None
    new: int
    document: object
    """What the file says then."""

    @property
    def changes(self) -> bool:
        """Whether the number is another one."""
        return self.old != self.new


def edit_vfcount(path: Path, data: bytes, phy: str, count: int) -> Edit:
    """Return the edit that has the PF *phy* get *count* VFs.

    :raises ConfigError: if *data* is not YAML.
    :raises NotFoundError: if the PF is not configured.
    :raises RefusedError: if it is written in a way in which one number cannot be changed without changing more.
    """
    document = parse_yaml(path, data)
    at = _find_entry(path, document, phy)
    entry = document[_WHERE[0]][_WHERE[1]][at]
    old = entry.get("vfcount")
    known = int(str(old)) if not isinstance(old, bool) and str(old).isdecimal() else None
    text = data.decode("utf-8")
    by_hand = RefusedError(
        f"{path}: cannot change the vfcount of {phy} alone, as it is written there: set it to {count} with an editor"
    )
    found = _find_place(text, at, count, present="vfcount" in entry)
    if found is None:
        raise by_hand
    start, end, new = found
    edited = text[:start] + new + text[end:]
    try:
        after = parse_yaml(path, edited.encode())
    except ConfigError:
        raise by_hand from None
    values, expected = dict(_values(after)), dict(_values(document))
    place = (*_WHERE, at, "vfcount")
    expected.pop(place, None)
    # An alias, a key that stands twice, a merge: whatever it is, more differs then, or nothing.
    if values.pop(place, "") not in (repr(count), repr(str(count))) or values != expected:
        raise by_hand
    first = start if text[start:end] else start + len(new) - len(new.lstrip())
    added = not text[start:end] and "\n" in new
    return Edit(
        path,
        data,
        edited,
        line=edited.count("\n", 0, first) + 1,
        before="" if added else _line_at(text, start),
        after=_line_at(edited, first),
        old=known,
        new=count,
        document=after,
    )


def write_edit(edit: Edit) -> None:
    """Replace the file; its owner and mode stay, and a link to it does, too.

    :raises ConflictError: if it was changed since it was read.
    :raises ConfigError: if it cannot be written.
    """
    try:
        with FileLock(edit.path, _LOCK_TIMEOUT):
            if edit.path.read_bytes() != edit.data:
                raise ConflictError(f"{edit.path} was changed meanwhile, and left as it is: rerun the same command")
            write_file(edit.path, edit.text)
    except OSError as error:
        raise cannot_write(edit.path, error) from None


def _find_entry(path: Path, document: object, phy: str) -> int:
    """Return the number of a PF's entry in the list."""
    found = document
    for name in _WHERE:
        found = found.get(name) if isinstance(found, dict) else None
    entries = found if isinstance(found, list) else []
    names = [entry.get("phy", entry.get("device")) if isinstance(entry, dict) else None for entry in entries]
    if phy not in names:
        raise NotFoundError(f"{path} has no device {quoted(phy)} in {'.'.join(_WHERE)}: add it there first")
    return names.index(phy)


def _find_place(text: str, at: int, count: int, *, present: bool) -> tuple[int, int, str] | None:
    """Return which part of *text* to replace, and with what; None if that cannot be told."""
    import yaml

    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    for name in _WHERE:
        pair = _pair(node, name)
        node = pair[1] if pair else None
    if not isinstance(node, yaml.SequenceNode):
        return None
    entry = node.value[at]
    if present:
        return _find_number(text, entry, count)
    named = _pair(entry, "phy") or _pair(entry, "device")
    if named is None or _is_elsewhere(named):
        return None
    return _add_in_flow(text, named, count) if entry.flow_style else _add_line(text, named, count)


def _pair(node: Any, name: str) -> tuple[Any, Any] | None:  # noqa: ANN401 - PyYAML's nodes
    """Return the nodes of a key and of its value in a mapping."""
    pairs = node.value if type(node).__name__ == "MappingNode" else []
    return next(((key, value) for key, value in pairs if key.value == name), None)


def _is_elsewhere(pair: tuple[Any, Any]) -> bool:
    """Tell whether the value is an alias: what it stands for is written further up."""
    return bool(pair[1].start_mark.index < pair[0].end_mark.index)


def _find_number(text: str, entry: Any, count: int) -> tuple[int, int, str] | None:  # noqa: ANN401
    pair = _pair(entry, "vfcount")
    if pair is None or _is_elsewhere(pair):
        return None
    value = pair[1]
    start, end = value.start_mark.index, value.end_mark.index
    if start == end:
        return start, end, f" {count}"
    quote = value.style if value.style in ("'", '"') else ""
    # With an anchor or a tag, there is more than the value.
    return (start, end, f"{quote}{count}{quote}") if text[start:end] == f"{quote}{value.value}{quote}" else None


def _add_in_flow(text: str, named: tuple[Any, Any], count: int) -> tuple[int, int, str]:
    """Return what to put behind the device's name within braces."""
    key, value = named
    word = text[key.start_mark.index : key.end_mark.index].replace(key.value, "vfcount")
    return value.end_mark.index, value.end_mark.index, f", {word}: {count}"


def _add_line(text: str, named: tuple[Any, Any], count: int) -> tuple[int, int, str] | None:
    """Return the line to put below that of the device's name."""
    key, value = named
    rest = _REST_OF_LINE.match(text, value.end_mark.index)
    end = rest.end() if rest else -1
    if value.style in ("|", ">") or text[end : end + 1] not in ("", "\n"):
        return None
    word = text[key.start_mark.index : key.end_mark.index].replace(key.value, "vfcount")
    # The end of the line above becomes that of the new one.
    ending = "\r\n" if text[end - 1] == "\r" else "\n"
    place = end - len(ending) + 1
    return place, place, f"{ending}{' ' * key.start_mark.column}{word}: {count}"


def _values(node: object, *path: object) -> Iterator[tuple[tuple[object, ...], str]]:
    """Yield where each value of a document is, and the value: with its type, and as often as aliases name it."""
    parts = list(enumerate(node)) if isinstance(node, list) else list(node.items()) if isinstance(node, dict) else []
    for name, part in parts:
        yield from _values(part, *path, name)
    if not parts:
        yield path, repr(node)


def _line_at(text: str, index: int) -> str:
    start = text.rfind("\n", 0, index) + 1
    return text[start:].partition("\n")[0].strip()
