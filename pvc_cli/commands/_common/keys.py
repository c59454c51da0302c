"""A key on the command line: KEY, KEY ITEM, or KEY ITEM KEY ITEM."""

from collections.abc import Sequence

from pvc_cli.cluster.vms.query import find, is_uuid
from pvc_cli.errors import InvalidInputError, NotFoundError, hint, question, quoted
from pvc_cli.zk import Key, ZKHandler, ZKSchema


def check_key(words: Sequence[str]) -> None:
    """Check that *words* may spell a key.

    :raises InvalidInputError: if they do not.
    """
    if len(words) not in (1, 2, 4):
        raise InvalidInputError("expected KEY, KEY ITEM, or KEY ITEM KEY ITEM")


def with_uuid(handler: ZKHandler, words: Sequence[str]) -> list[str]:
    """Return *words* with a VM's UUID in place of its name, if they have one.

    :raises NotFoundError: if there is no such key or VM; a UUID may be of one that is gone.
    """
    resolve(handler.schema, words)
    key, *items = words
    if items and handler.schema.group_of(key) == "domain" and not is_uuid(items[0]):
        items[0] = find(handler, [items[0]])[0].uuid
    return [key, *items]


_FEW = 3


def require_uuid(schema: ZKSchema, words: Sequence[str]) -> None:
    """Check that a VM in *words* is one by its UUID: without a cluster, its name tells nothing.

    :raises InvalidInputError: if it is not.
    """
    key, *items = words
    if items and schema.group_of(key) == "domain" and not is_uuid(items[0]):
        raise InvalidInputError(f"{quoted(items[0])} is not a UUID: omit --version to find a VM by its name")


def resolve(schema: ZKSchema, words: Sequence[str]) -> tuple[Key, str]:
    """Return the key that *words* spell, and its path.

    :raises NotFoundError: if the schema version lacks it.
    """
    key, *items = words
    whole: Key = (key, *items) if items else key
    path = schema.path(whole)
    if path is not None:
        return whole, path
    names = (key, *items[1:2])
    missing = next((name for name in names if name not in schema.keys and name not in schema.groups), key)
    since, until = schema.since(missing), schema.until(missing)
    why = f"no version has it; {_advice(schema, missing)}" if since is None else f"added in {since}"
    why += f", removed in {until}" if until is not None else ""
    raise NotFoundError(f"schema version {schema.version} has no key {quoted(missing)}: {why}")


def _advice(schema: ZKSchema, missing: str) -> str:
    """Return which keys end like, or resemble, one that no version has."""
    ends = [name for name in schema.keys if name.endswith(f".{missing}")]
    see = "see 'pvc schema show --version N'"
    return (question(ends) if len(ends) <= _FEW else "") or hint(missing, schema.keys, see)
