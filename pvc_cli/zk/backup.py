"""Read a whole tree, and encode it as PVC's own `cluster backup` does.

A backup is one JSON object of paths and values. Bytes that are not UTF-8 are kept as lone surrogates, so that a
value is restored byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from pvc_cli.errors import (
    AccessDeniedError,
    ConfigError,
    ConflictError,
    InvalidItemError,
    SchemaError,
    quoted,
    quoted_whole,
)
from pvc_cli.files import cannot_read, cannot_write, write_file
from pvc_cli.zk.base import VERSION_PATH, version_mark
from pvc_cli.zk.names import NOT_PVCS, check_item, is_contender
from pvc_cli.zk.scanner import Scanner
from pvc_cli.zk.schema import parse_version, pvcs_roots
from pvc_cli.zk.secrets import mask
from pvc_cli.zk.store import Znode, access_denied
from pvc_cli.zk.walk import walk

if TYPE_CHECKING:
    from pvc_cli.zk.handler import ZKHandler

Tree = Mapping[str, bytes]


def stream_backup(
    handler: ZKHandler, *, mask_secrets: bool = False, on_warning: Callable[[str], None] = lambda _: None
) -> Iterator[tuple[str, bytes]]:
    """Yield every persistent znode with its value, parents first, in bounded memory.

    ZooKeeper's own znodes, those of PVC's PostgreSQL manager, and ephemeral ones are left out: a restored lock
    contender would never go away. What is not PVC's and may not be read is left out, too.

    :param mask_secrets: mask the nodes' IPMI passwords, and those of the VMs' consoles.
    :param on_warning: is told what was left out, and what kept moving while it was read.
    :raises AccessDeniedError: if something of PVC's may not be read: the backup would not be whole.
    :raises ConflictError: if the schema version changed meanwhile: the backup would be of two versions.
    """
    mark = version_mark(handler.store)
    view, denied = handler.tolerant()
    names = view.children("base.root") or []

    def on_moving(path: str) -> None:
        on_warning(f"the children of {path} kept changing: the backup may lack what was moved there meanwhile")

    for path, znode in walk(view.store, ["/"], on_moving, skip=NOT_PVCS):
        if is_kept(path, znode):
            yield path, mask(path, znode.data) if mask_secrets else znode.data
    if version_mark(handler.store) != mark:
        raise ConflictError("the schema version changed while the tree was read: rerun the same command")
    theirs = {f"/{name}" for name in names} - {f"/{name}" for name in pvcs_roots()}
    ours = [path for path in denied if "/".join(path.split("/")[:2]) not in theirs]
    if ours:
        raise AccessDeniedError(
            f"the backup would not be whole: ZooKeeper denied access to {len(ours)} znodes, among them {ours[0]};"
            " use credentials with access"
        )
    for root in sorted({"/".join(path.split("/")[:2]) for path in denied}):
        on_warning(f"left out {root}, or a part of it: it is not PVC's, and access was denied")


def read_backup(handler: ZKHandler, *, mask_secrets: bool = False) -> dict[str, bytes]:
    """Return what :func:`stream_backup` yields, sorted by path."""
    return dict(sorted(stream_backup(handler, mask_secrets=mask_secrets)))


def read_all(handler: ZKHandler) -> Iterator[tuple[str, Znode]]:
    """Yield every znode but ZooKeeper's own, those of PVC's PostgreSQL manager, and foreign ones that are denied.

    :raises AccessDeniedError: at the end, if something of PVC's may not be read.
    """
    ours = pvcs_roots()
    view, denied = handler.tolerant()
    yield from walk(view.store, ["/"], skip=NOT_PVCS)
    for path in denied:
        if path.split("/")[1] in ours:
            raise access_denied(path)


def is_kept(path: str, znode: Znode) -> bool:
    """Tell whether a backup has this znode."""
    return not znode.stat.ephemeral_owner and not is_contender(path)


def back_up(
    handler: ZKHandler,
    path: Path,
    *,
    overwrite: bool = False,
    mask_secrets: bool = False,
    on_warning: Callable[[str], None] = lambda _: None,
) -> int:
    """Back up the whole tree to the file at *path*; return how many znodes it has.

    :raises RefusedError: if an earlier backup is there, and it is not to be replaced.
    :raises ConfigError: if the file cannot be written.
    :raises AccessDeniedError: if something of PVC's may not be read.
    """
    count = 0

    def counted() -> Iterator[tuple[str, bytes]]:
        nonlocal count
        for pair in stream_backup(handler, mask_secrets=mask_secrets, on_warning=on_warning):
            count += 1
            yield pair

    write_backup_file(path, encode_parts(counted()), overwrite=overwrite)
    return count


def backup_version(tree: Tree) -> int:
    """Return the schema version of a backup: 0 if it has none.

    :raises SchemaError: if it has an invalid one.
    """
    text = tree.get(VERSION_PATH, b"").decode("utf-8", "replace")
    version = parse_version(text)
    if version is None:
        raise SchemaError(f"cannot restore the backup: {quoted(text[:40])} is not a schema version")
    return version


def encode_backup(tree: Tree) -> str:
    """Return the backup that holds *tree*."""
    return "".join(encode_parts(tree.items()))


def encode_parts(pairs: Iterable[tuple[str, bytes]]) -> Iterator[str]:
    """Yield the text of a backup, a part for each znode."""
    encode = json.encoder.encode_basestring_ascii
    separator = "{"
    for path, value in pairs:
        yield f"{separator}{encode(path)}: {encode(value.decode('utf-8', 'surrogateescape'))}"
        separator = ", "
    yield "}\n" if separator == ", " else "{}\n"


def decode_backup(text: str, origin: str) -> dict[str, bytes]:
    """Return the tree in a backup; missing parents are added with empty values.

    Lock contenders, which PVC's own backup has if a lock was held at that moment, are left out: restored, they would
    keep the lock for ever.

    :param origin: what to call the backup in an error.
    :raises ConfigError: if *text* is not a backup.
    """
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        if not text.lstrip().startswith("{"):
            raise ConfigError(f"{origin} is not a PVC backup: {error}") from None
        cut = error.msg.startswith("Unterminated") or error.pos >= len(text.rstrip())
        at = len(text) if cut else error.pos + 1
        raise _broken(origin, f"line {text.count(chr(10), 0, at) + 1}, character {at}", error.msg, cut=cut) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{origin} is not a PVC backup: {error}") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{origin} is not a PVC backup: expected a JSON object of paths and values")
    tree = {"/": b""}
    for path, value in sorted(document.items()):
        if not isinstance(value, str):
            raise ConfigError(f"{origin} is not a PVC backup: the value of {quoted_whole(path)} is not text")
        parents = _check_path(path, origin)
        if any(map(is_contender, (path, *parents))):
            continue
        for parent in parents:
            tree.setdefault(parent, b"")
        tree[path] = _encoded(path, value, origin)
    return tree


def scan_backup_file(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the paths and values of the backup file at *path* as they are read; see :func:`scan_backup`."""
    try:
        with path.open(encoding="utf-8") as stream:
            yield from scan_backup(stream, str(path))
    except OSError as error:
        raise cannot_read(path, error) from None


def scan_backup(stream: TextIO, origin: str) -> Iterator[tuple[str, bytes]]:
    """Yield the paths and values of a backup as they are read; see :func:`decode_backup`.

    Parents that are missing are not added, contenders not left out, and a path that comes twice is yielded twice.

    :raises ConfigError: if it cannot be read, or is not a backup, which may turn out late.
    """
    text = Scanner(stream)
    try:
        if text.next() != "{":
            raise ConfigError(f"{origin} is not a PVC backup: expected a JSON object of paths and values")
        mark = text.next()
        while mark != "}":
            path = text.string(mark)
            if text.next() != ":":
                raise ValueError(f"expected a colon after {quoted(path)}")
            if (mark := text.next()) != '"':
                raise ConfigError(f"{origin} is not a PVC backup: the value of {quoted_whole(path)} is not text")
            value = text.string(mark)
            _check_path(path, origin)
            yield path, _encoded(path, value, origin)
            mark = text.next()
            if mark == "," and (mark := text.next()) == "}":
                raise ValueError("expected a path after a comma")
        if rest := text.next():
            raise ValueError(f"extra data after the end: {quoted(rest)}")
    except UnicodeDecodeError:
        raise ConfigError(f"{origin} is not a PVC backup: it is not UTF-8") from None
    except ValueError as error:
        # Where JSON's reader sees a place, it is that in a piece.
        raise _broken(origin, text.place, str(getattr(error, "msg", error)), cut=text.cut) from None


def _broken(origin: str, place: str, why: str, *, cut: bool) -> ConfigError:
    """Return the error for a file that began as a backup."""
    if cut:
        return ConfigError(
            f"{origin} is cut off at {place}: the rest is missing; copy it again, or use another backup"
        )
    return ConfigError(f"{origin} is damaged at {place}: {why}; copy it again, or use another backup")


def _encoded(path: str, value: str, origin: str) -> bytes:
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ConfigError(f"{origin} is not a PVC backup: the value of {quoted_whole(path)} is not text") from None


def read_backup_file(path: Path) -> str:
    """Return the text of the backup file at *path*.

    :raises ConfigError: if it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise cannot_read(path, error) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not a PVC backup: it is not UTF-8") from None


def require_new(path: Path, *, overwrite: bool = False) -> None:
    """Check, before anything else is done, that no earlier backup is in the way.

    :raises RefusedError: if there is one, and it is not to be replaced.
    """
    if not overwrite and path.is_file() and path.stat().st_size:
        raise cannot_write(path, FileExistsError())


def write_backup_file(path: Path, text: str | Iterable[str], *, overwrite: bool = False) -> None:
    """Write a backup to the file at *path*.

    :raises RefusedError: if an earlier backup is there, and it is not to be replaced.
    :raises ConfigError: if the file cannot be written.
    """
    try:
        write_file(path, text, overwrite=overwrite)
    except OSError as error:
        raise cannot_write(path, error) from None


def _check_path(path: str, origin: str) -> list[str]:
    """Return the parents of *path*, the root left out."""
    if path == "/":
        return []
    names = path.split("/")
    try:
        if names[0] or len(names) == 1:
            raise InvalidItemError("it does not start with a slash")
        for name in names[1:]:
            check_item(name)
    except InvalidItemError as error:
        raise ConfigError(f"{origin} is not a PVC backup: {quoted(path)} is not a znode path: {error}") from None
    return ["/".join(names[: n + 1]) for n in range(1, len(names) - 1)]
