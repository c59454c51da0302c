"""Check znode names, because kazoo would silently turn a path into another one.

kazoo collapses ``/domains//tags`` into ``/domains/tags``: an empty name addresses its parent. So a name is
refused before it becomes part of a path, and nothing that a user types can name a parent or a sibling.
"""

import re
from functools import lru_cache

from pvc_cli.errors import InvalidItemError, quoted

# org.apache.zookeeper.common.PathUtils refuses these. It looks at UTF-16 units, so that every character
# beyond the basic multilingual plane counts as two surrogates, and is refused as well.
_REFUSED = "[\x00-\x1f\x7f-\x9f\ud800-\uf8ff\ufff0-\uffff\U00010000-\U0010ffff]"

NOT_PVCS = frozenset({"zookeeper", "patroni"})
"""Root znodes that belong to ZooKeeper and to PVC's PostgreSQL manager: never listed, never touched."""
_CONTENDER = re.compile(r"[0-9a-f]{32}__r?lock__\d{10}")


@lru_cache(maxsize=65536)
def check_item(name: str, what: str = "znode name") -> str:
    """Return *name* if it is a valid name of one znode.

    :param what: what the name is to whoever gave it, for the error.
    :raises InvalidItemError: if it is not text, empty, ``.`` or ``..``, or contains a slash or a character that
        ZooKeeper refuses.
    """
    if not isinstance(name, str):
        raise InvalidItemError(f"{quoted(name)} is not a valid {what}: it is not text")
    if not name:
        raise InvalidItemError(f"an empty string is not a valid {what}")
    if name in (".", ".."):
        raise InvalidItemError(f"{quoted(name)} is not a valid {what}: it addresses another part of the tree")
    if "/" in name:
        raise InvalidItemError(f"{quoted(name)} is not a valid {what}: it contains a slash")
    # Printable ASCII is nearly all there is, and compiling the pattern takes longer than a small command's reads.
    if not (name.isascii() and name.isprintable()) and (refused := re.search(_REFUSED, name)):
        raise InvalidItemError(f"{quoted(name)} is not a valid {what}: ZooKeeper refuses {quoted(refused.group())}")
    return name


def is_contender(path: str) -> bool:
    """Tell whether *path* is a place in a queue for a lock, as kazoo's recipes create it: not data, and others'."""
    # Hardly any path has this, and looking for it is faster than the pattern.
    return "lock__" in path and bool(_CONTENDER.fullmatch(path.rpartition("/")[2]))
