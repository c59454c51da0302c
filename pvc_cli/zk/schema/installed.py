"""Schema versions newer than this pvc, from the definitions that an installed PVC brings: one JSON file each.

PVC's file of version N holds all keys of that version: `{"version": "N", "root": "", "base": {KEY: PATH, …},
GROUP: {KEY: PATH, …}, …}`. It says neither what value a new key gets nor where a new kind of sub-item lives.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pvc_cli.errors import InvalidItemError, SchemaError, quoted
from pvc_cli.zk.names import NOT_PVCS, check_item
from pvc_cli.zk.schema.definition import Definition, Group, Version, Versions, versions
from pvc_cli.zk.schema.model import ZKSchema

FOLDER = Path("/usr/share/pvc/daemon_lib/migrations/versions")
"""Where PVC installs its definitions."""


def find_schema(version: int | None = None, folder: str | Path | None = None) -> ZKSchema:
    """Return the schema of *version*, by default the newest that is known.

    :param folder: where newer versions are defined; without it, PVC's own place is looked into for a version that
        does not come with pvc.
    :raises SchemaError: if neither this pvc nor the folder knows the version.
    """
    newest = ZKSchema.newest()
    if folder is None and (version is None or version <= newest):
        return ZKSchema.at(newest if version is None else version)
    known = installed_versions(Path(folder or FOLDER))
    return ZKSchema.at(len(known) - 1 if version is None else version, known)


@cache
def installed_versions(folder: Path) -> Versions:
    """Return the versions that come with pvc, and after them the newer ones that *folder* defines.

    :raises SchemaError: if a file there cannot be read, or defines no schema version.
    """
    known = versions()
    while (file := folder / f"{len(known)}.json").exists():
        known = (*known, _read(file, ZKSchema(len(known) - 1, known)))
    return known


def _read(file: Path, before: ZKSchema) -> Version:
    """Return the version that *file* defines, as what it changes against the one before."""
    # Imported here: hardly any command reads such a file.
    import json

    number = before.version + 1
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SchemaError(f"cannot read {file}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"{file} is not a schema definition: {error}") from None
    keys = _keys(file, number, document)
    if missing := {"base.schema", "base.schema.version", "base.node", "base.domain"} - keys.keys():
        raise SchemaError(f"{file} is not a schema definition: it has no key {min(missing)}")
    return Version(
        number=number,
        summary=f"As the installed PVC defines it in {file.name}.",
        groups={
            group: Group(base=f"base.{group}" if f"base.{group}" in keys else None)
            for group in dict.fromkeys(map(ZKSchema.group_of, keys))
            if group != "base" and group not in before.groups
        },
        add={key: Definition(path) for key, path in keys.items() if key not in before.keys},
        remove=tuple(key for key in before.keys if key not in keys),
        move={key: path for key, path in keys.items() if key in before.keys and before.keys[key].path != path},
    )


def _keys(file: Path, number: int, document: object) -> Mapping[str, str]:
    """Return every key of a definition with its path."""
    if not isinstance(document, dict) or str(document.get("version")) != str(number):
        raise SchemaError(f"{file} is not a schema definition: expected version {number}")
    keys = {}
    for group, entries in document.items():
        if group in ("version", "root"):
            continue
        if not isinstance(entries, dict):
            raise SchemaError(f"{file} is not a schema definition: group {quoted(group)} is not an object")
        for name, path in entries.items():
            key = f"{group}.{name}"
            if not isinstance(path, str) or (path and (not path.startswith("/") or path.endswith("/"))):
                raise SchemaError(f"{file} is not a schema definition: the path of {quoted(key)} is {path!r}")
            _check_path(file, key, path)
            keys[key] = path or ("/" if group == "base" else "")
    return keys


def _check_path(file: Path, key: str, path: str) -> None:
    """Check that a key's path cannot lead out of its place, nor to what is not PVC's."""
    names = path.split("/")[1:]
    try:
        for name in names:
            check_item(name)
    except InvalidItemError as error:
        raise SchemaError(f"{file} is not a schema definition: the path of {quoted(key)}: {error}") from None
    if key.startswith("base.") and names and names[0] in NOT_PVCS:
        raise SchemaError(f"{file} is not a schema definition: {quoted(key)} is in /{names[0]}, which is not PVC's")
