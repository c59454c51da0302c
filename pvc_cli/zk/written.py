"""A plan as it is written down: what to change, and every znode that this was decided on."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pvc_cli.errors import ConflictError, RefusedError
from pvc_cli.zk.store import ANY_VERSION, Op, Read, Store, Znode

_KINDS = ("create", "set", "delete", "check")
_CHILDREN = ("pzxid", "cversion")


class Seen(NamedTuple):
    """A znode that a plan was decided on."""

    data: bytes
    version: int
    czxid: int
    children: tuple[int, int] | None = None
    """What changes with its children: ``pzxid``, and ``cversion``, which alone tells in a backup. None where they do
    not count."""

    @classmethod
    def of(cls, znode: Znode, *, children: bool = False) -> Seen:
        """Return what is written of *znode*.

        :param children: whether it counts which children it has.
        """
        stat = znode.stat
        return cls(znode.data, stat.version, stat.czxid, (stat.pzxid, stat.cversion) if children else None)

    def is_still(self, znode: Znode) -> bool:
        """Tell whether *znode* is as it was."""
        return Seen.of(znode, children=self.children is not None) == self


class WrittenPart(NamedTuple):
    """What a plan does to one thing, all of it or nothing."""

    name: str
    """What people call the thing."""
    base: Mapping[str, Seen | None]
    """What it was decided on: each znode by its path, None where there was none."""
    steps: tuple[Op, ...]

    @property
    def outcome(self) -> dict[str, bytes | None]:
        """The values that the plan leads to, by path; None deletes."""
        return {op.path: None if op.kind == "delete" else op.data for op in self.steps if op.kind != "check"}


def write_parts(store: Store, named: Iterable[tuple[str, Sequence[Op]]]) -> list[WrittenPart]:
    """Return parts as they are written; znodes that their steps do not tell of are read, in one batch.

    :raises RefusedError: if one takes two steps, one after the other: daemons act in between.
    :raises ConflictError: if something is gone that is to be changed.
    """
    parts = [(name, tuple(ops)) for name, ops in named]
    for name, ops in parts:
        values: dict[str, bytes] = {}
        for op in ops:
            if op.kind == "set" and values.setdefault(op.path, op.data) != op.data:
                raise RefusedError(
                    f"cannot plan the change of {name}: it takes two steps, and PVC's daemons act between them; give"
                    " the command itself"
                )
    unknown = list({op.path: None for _, ops in parts for op in ops if op.kind != "create" and not op.found})
    read = dict(zip(unknown, store.read([Read(path) for path in unknown]), strict=True)) if unknown else {}
    written = []
    for name, ops in parts:
        base: dict[str, Seen | None] = {}
        for op in ops:
            znode = op.found or read.get(op.path)
            seen = Seen.of(znode) if isinstance(znode, Znode) and op.kind != "create" else None
            if seen is None and op.kind != "create" and op.path not in base:
                raise ConflictError(f"{op.path} was deleted while this was planned: rerun the same command")
            base.setdefault(op.path, seen)
        written.append(WrittenPart(name, base, ops))
    return written


def judge(part: WrittenPart, now: Mapping[str, Znode | None]) -> str | None:
    """Return the first path at which *now* is not what *part* was decided on, or None if all is."""
    for path, seen in part.base.items():
        znode = now[path]
        if (seen is None) != (znode is None) or (seen and znode and not seen.is_still(znode)):
            return path
    return None


def is_done(part: WrittenPart, now: Mapping[str, Znode | None]) -> bool:
    """Tell whether all is as *part* leads to."""
    return all((znode.data if (znode := now[path]) else None) == data for path, data in part.outcome.items())


def steps_on(part: WrittenPart, now: Mapping[str, Znode | None]) -> list[Op]:
    """Return the steps of *part*, each guarded by the znode that is there *now*, as is all else in its base."""
    changed = {op.path for op in part.steps}
    others = {path: znode for path in part.base if path not in changed and (znode := now[path])}
    steps = [Op("check", path, version=znode.version, found=znode) for path, znode in others.items()]
    for op in part.steps:
        znode = None if op.kind == "create" else now[op.path]
        version = op.version
        if znode and version == ANY_VERSION:
            version = znode.version + sum(done.path == op.path and done.kind == "set" for done in steps)
        steps.append(op._replace(version=version, found=znode))
    return steps


def encode_part(part: WrittenPart) -> dict[str, Any]:
    """Return a part for JSON."""
    return {
        "name": part.name,
        "base": {
            path: seen and {"value": encode_value(seen.data), **_encode_stat(seen)}
            for path, seen in part.base.items()
        },
        "steps": [_encode_step(op) for op in part.steps],
    }


def decode_part(document: Mapping[str, Any]) -> WrittenPart:
    """Return the part that JSON has.

    :raises ValueError: or TypeError, KeyError, if it has none.
    """
    base = {
        str(path): seen and Seen(decode_value(seen["value"]) or b"", *_decode_stat(seen))
        for path, seen in document["base"].items()
    }
    steps = tuple(map(_decode_step, document["steps"]))
    if any(not _is_path(path) for path in base):
        raise ValueError("not a path")
    first = {op.path: op.kind for op in reversed(steps)}
    for path, kind in first.items():
        # What is created was not there, and all else was.
        if path not in base or (base[path] is None) != (kind == "create"):
            raise ValueError("a step without its base")
    return WrittenPart(str(document["name"]), base, steps)


def _encode_stat(seen: Seen) -> dict[str, int]:
    children = dict(zip(_CHILDREN, seen.children, strict=True)) if seen.children else {}
    return {"version": seen.version, "czxid": seen.czxid, **children}


def _decode_stat(seen: Mapping[str, Any]) -> tuple[int, int, tuple[int, int] | None]:
    pzxid, cversion = (int(seen.get(name, -1)) for name in _CHILDREN)
    return int(seen["version"]), int(seen["czxid"]), None if pzxid == -1 else (pzxid, cversion)


def _is_path(path: str) -> bool:
    return path.startswith("/") and not {"", ".", ".."} & set(path[1:].split("/"))


def _encode_step(op: Op) -> dict[str, Any]:
    step: dict[str, Any] = {"action": op.kind, "path": op.path}
    if op.kind in ("create", "set"):
        step["value"] = encode_value(op.data)
    if op.kind != "create":
        step["version"] = op.version
    return step


def _decode_step(step: Mapping[str, Any]) -> Op:
    kind = step["action"]
    if kind not in _KINDS:
        raise ValueError(f"unknown action {kind}")
    return Op(kind, str(step["path"]), decode_value(step.get("value")) or b"", int(step.get("version", ANY_VERSION)))


def encode_value(data: bytes | None) -> Any:  # noqa: ANN401 - JSON
    """Return a value for JSON: text, or, if it is not UTF-8, an object with its base64."""
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def decode_value(value: Any) -> bytes | None:  # noqa: ANN401 - JSON
    """Return the value that :func:`encode_value` wrote."""
    if isinstance(value, dict):
        return base64.b64decode(value["base64"])
    return None if value is None else str(value).encode()
