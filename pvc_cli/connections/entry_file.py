"""The file of one change in the history: how it ended, in its head, then what was intended, and what was done of it.

The head begins with a mark of a fixed size, and every intention is followed by room for its outcome: both are written
in place, so that a disk that fills up in between takes nothing of what was done.
"""

import errno
import fcntl
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pvc_cli.errors import NotFoundError, RefusedError
from pvc_cli.files import cannot_read
from pvc_cli.zk.undo import UNKNOWN, Changed, Thing
from pvc_cli.zk.written import decode_value, encode_value

FORMAT = 2
"""The format of new files; 1 had neither a mark nor room for outcomes, and no number."""
SUFFIX = ".jsonl"
Ended = Literal["running", "ended", "unfinished"]
"""What a file tells about its command; one that is killed leaves ``running``."""
Gap = Literal["", "too large", "unwritable", "damaged", "newer"]
"""Why a file lacks something of what was changed."""

_OUTCOME_SIZE = 64
_OUTCOME_OF_ONE = 36
"""The most characters that a version, a czxid and what is around them take."""
_PATHS = re.compile(rb'\["(/[^"\\]*(?:\\.[^"\\]*)*)",')
_NUMBER = re.compile(rb'"of":(\d+)')
_COMPACT = (",", ":")


class Wanted:
    """The znodes whose changes are asked for.

    :param prefix: what their paths begin with.
    :param paths: their paths; all that begin so by default.
    """

    def __init__(self, prefix: str, paths: Collection[str] | None = None) -> None:
        self._prefix, self._paths = prefix, paths
        self._start = b'["' + _encode_path(prefix)
        self._encoded = None if paths is None else frozenset(map(_encode_path, paths))

    def has(self, path: str) -> bool:
        """Tell whether the znode at *path* is one of them."""
        return path.startswith(self._prefix) and (self._paths is None or path in self._paths)

    def may_be_in(self, line: bytes) -> bool:
        """Tell whether a line of intentions may have one of them: most of a long history has none, which is cheap."""
        if self._start not in line:
            return False
        return self._encoded is None or not self._encoded.isdisjoint(_PATHS.findall(line))


def _encode_path(path: str) -> bytes:
    return json.dumps(path)[1:-1].encode("ascii")


class Recorded(NamedTuple):
    """What a file tells of the changes of its command."""

    made: list[Changed]
    """What it is known to have changed, each znode once."""
    unfinished: list[Changed]
    """What it was about to change when it was killed, or lost the cluster: perhaps it did."""

    @property
    def changes(self) -> list[Changed]:
        """What it changed, each znode once, and what it was about to change when it ended."""
        before = {change.path: change.before for change in self.made}
        # Whether it took something back is for its version to tell.
        perhaps = [c for c in self.unfinished if c.path not in before or before[c.path] != c.after]
        return _merged([*self.made, *perhaps])


def encode_mark(ended: Ended, gap: Gap, size: int, things: int | None = None) -> bytes:
    """Return what a file begins with; it has always the same length.

    :param size: how long the file is once its command has ended.
    :param things: how many VMs, nodes and other things it changed, once that is known.
    """
    facts = f'"ended":{json.dumps(ended):<12},"gap":{json.dumps(gap):<12},"size":{size:>12}'
    return f'{{{facts},"things":{json.dumps(things):>8},'.encode("ascii")


def encode_head(facts: Mapping[str, Any]) -> bytes:
    """Return the first line of a file."""
    return encode_mark("running", "", 0) + json.dumps({"format": FORMAT, **facts}).encode("ascii")[1:] + b"\n"


def encode_intention(changes: Sequence[Changed]) -> tuple[bytes, int]:
    """Return the line of what is about to be changed with the room for its outcome, and where in it that begins."""
    values = [[c.path, encode_value(c.before), encode_value(c.after)] for c in changes]
    # By path, as an object: what looks for changes of a path need not look at it.
    things = {c.thing.path: [encode_value(c.thing.value), c.thing.czxid] for c in changes if c.thing}
    known = {"things": things} if things else {}
    line = json.dumps({"intended": values, **known}, separators=_COMPACT).encode("ascii") + b"\n"
    return line + b" " * (_OUTCOME_SIZE + _OUTCOME_OF_ONE * len(changes)) + b"\n", len(line)


def encode_outcome(number: int, changed: Sequence[Changed]) -> bytes:
    """Return what was done of an intention; it fits into the room that was left for it."""
    marks = [[c.version, c.czxid] for c in changed]
    return json.dumps({"of": number, "done": marks}, separators=_COMPACT).encode("ascii")


def decode_head(path: Path) -> tuple[dict[str, Any], int, bool]:
    """Return the facts in the head of a file, none if it has no whole one, its size, and whether its command runs.

    :raises OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        line = file.readline()
        try:
            head = json.loads(line) if line.endswith(b"\n") else {}
        except ValueError:
            head = {}
        if not isinstance(head, dict):
            head = {}
        running = head.get("ended") == "running" and _is_locked(file.fileno())
        return head, file.seek(0, 2), running


def _is_locked(descriptor: int) -> bool:
    """Tell whether the process that writes a file holds its lock: the kernel releases that of a killed one."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in (errno.EAGAIN, errno.EACCES)
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def read_changes(path: Path, size: int | None = None, wanted: Wanted | None = None) -> Recorded:
    """Return what the file at *path* tells of changes.

    :param size: how much of it counts; all by default.
    :param wanted: the znodes that are asked for; all by default.
    :raises NotFoundError: if the file is gone: the oldest make room for new ones.
    :raises ConfigError: if it cannot be read.
    :raises RefusedError: if it is damaged.
    """
    made: list[Changed] = []
    intended: dict[int, dict[int, Changed]] = {}
    batches = 0
    try:
        for line in _lines(path, size):
            if line.startswith(b'{"intended"'):
                intended[batches] = _intended(line, wanted)
                batches += 1
            elif line.startswith((b'{"of"', b'{"open"')):
                number = _NUMBER.search(line, 0, _OUTCOME_SIZE)
                if number and (changes := intended.pop(int(number[1]), {})):
                    made += _done(changes, json.loads(line)["done"])
            elif line.startswith(b'{"changes"'):  # before files told of intentions
                made += [
                    Changed(at, decode_value(before), decode_value(after), version, czxid)
                    for at, before, after, version, czxid in json.loads(line)["changes"]
                ]
            else:
                json.loads(line)
    except FileNotFoundError:
        raise NotFoundError(f"the change {path.stem} is no longer in the history: see 'pvc history list'") from None
    except OSError as error:
        raise cannot_read(path, error) from None
    except (ValueError, KeyError, TypeError):
        raise RefusedError(
            f"the entry of {path.stem} in the history is damaged ({path}): restore the backup that was made before it"
            " with 'pvc cluster restore'"
        ) from None
    if wanted:
        made = [change for change in made if wanted.has(change.path)]
    return Recorded(_merged(made), [change for changes in intended.values() for change in changes.values()])


def _intended(line: bytes, wanted: Wanted | None) -> dict[int, Changed]:
    """Return what a line says is about to be changed, by its place: all that is asked for."""
    if wanted and not wanted.may_be_in(line):
        return {}
    document = json.loads(line)
    things = {
        path: Thing(path, decode_value(value) or b"", czxid)
        for path, (value, czxid) in document.get("things", {}).items()
    }
    return {
        place: Changed(path, decode_value(before), decode_value(after), *UNKNOWN, _thing_above(path, things))
        for place, (path, before, after) in enumerate(document["intended"])
        if not wanted or wanted.has(path)
    }


def _thing_above(path: str, things: Mapping[str, Thing]) -> Thing | None:
    """Return which of *things* what is at *path* is of, if it is."""
    while path := path.rpartition("/")[0]:
        if thing := things.get(path):
            return thing
    return None


def _done(changes: Mapping[int, Changed], marks: Sequence[tuple[int, int]]) -> Iterator[Changed]:
    """Yield what was done of *changes*: all of them with their *marks*, or nothing where there are none."""
    for place, change in changes.items():
        if place < len(marks):
            version, czxid = marks[place]
            yield change._replace(version=version, czxid=czxid)


def _merged(changes: Sequence[Changed]) -> list[Changed]:
    """Return *changes* with one for each znode, without those that came back to what was there."""
    merged: dict[str, Changed] = {}
    for change in changes:
        merged[change.path] = merged[change.path].then(change) if change.path in merged else change
    return [change for change in merged.values() if change.before != change.after]


def _lines(path: Path, size: int | None) -> Iterator[bytes]:
    """Yield the lines of a file but its head; a last one that was cut off, before anything was sent, is left out."""
    left = size
    with path.open("rb") as file:
        for number, line in enumerate(file):
            if left is not None:
                left -= len(line)
            if not line.endswith(b"\n") or (left is not None and left < 0):
                return
            if number and line.strip():
                yield line
