"""Plans as files: what a command would do, with all that this was decided on, for 'pvc apply' to do later."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pvc_cli import identity
from pvc_cli.connections.cluster_id import ClusterId, unsure
from pvc_cli.errors import ConfigError, ConflictError, RefusedError
from pvc_cli.files import cannot_read, cannot_write, write_file
from pvc_cli.zk.base import Base
from pvc_cli.zk.written import WrittenPart, decode_part, encode_part

_FORMAT = 1
_FIRST = '"pvc_plan"'
"""What the text of a plan begins with."""
_MODE = 0o600


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan, as its file has it."""

    cluster: ClusterId
    schema: tuple[int, int | None, int | None]
    """The schema version, and its znode's version and czxid; None where there is no such znode."""
    user: str
    time: float
    """In seconds since 1970."""
    command: tuple[str, ...]
    parts: tuple[WrittenPart, ...]

    def require(self, cluster: ClusterId, base: Base) -> None:
        """Check that the plan is for *cluster*, whose schema version is *base*.

        :raises RefusedError: if it is for another one, or one of which this may be a copy.
        :raises ConflictError: if the schema version was set since.
        """
        if self.cluster.is_copy(cluster):
            raise RefusedError(f"{unsure(self.cluster, cluster, 'that the plan is for')}; otherwise plan again")
        if not self.cluster.is_same(cluster):
            if self.cluster.hosts == cluster.hosts:
                raise RefusedError(f"the plan is for another cluster that was at {cluster.hosts} then: plan again")
            raise RefusedError(
                f"the plan is for the cluster {self.cluster.hosts}, not for {cluster.hosts}: connect to that"
            )
        if self.schema[0] != base.version:
            raise ConflictError(
                f"the schema version was {self.schema[0]} when this was planned, is {base.version} now: plan again"
            )
        if self.schema != _mark(base):
            raise ConflictError("the schema version was set again since this was planned: plan again")


def save_plan(
    path: Path,
    cluster: ClusterId,
    base: Base,
    command: Sequence[str],
    parts: Sequence[WrittenPart],
    *,
    overwrite: bool,
) -> None:
    """Write a plan to the file at *path*, for this user alone: it holds values, secrets among them.

    :raises RefusedError: if there is a file, and it is not to be replaced.
    :raises ConfigError: if it cannot be written.
    """
    version, znode_version, czxid = _mark(base)
    document = {
        "pvc_plan": _FORMAT,
        "cluster": cluster.hosts,
        "cluster_id": cluster.mark,
        "schema": {"version": version, "znode_version": znode_version, "czxid": czxid},
        "user": identity.user(),
        "time": time.time(),
        "command": list(command),
        "items": [encode_part(part) for part in parts],
    }
    try:
        if overwrite and path.is_file():
            path.chmod(_MODE)
        write_file(path, json.dumps(document, indent=1) + "\n", mode=_MODE, overwrite=overwrite)
    except OSError as error:
        raise cannot_write(path, error) from None


def load_plan(path: Path) -> PlanFile:
    """Return the plan in the file at *path*.

    :raises ConfigError: if it cannot be read, or is none.
    """
    try:
        return _decode(json.loads(text := path.read_text("utf-8")))
    except json.JSONDecodeError as error:
        if is_plan(text) and (error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")):
            raise ConfigError(f"{path} is cut off: the rest is missing; copy it again, or plan again") from None
        raise _no_plan(path) from None
    except OSError as error:
        raise cannot_read(path, error) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _no_plan(path) from None


def is_plan(text: str) -> bool:
    """Tell whether *text*, whole or cut, is that of a plan."""
    return text.lstrip().removeprefix("{").lstrip().startswith(_FIRST)


def _no_plan(path: Path) -> ConfigError:
    return ConfigError(f"{path} is not a plan: write one with --plan, or use -f for a file of desired state")


def _decode(document: Any) -> PlanFile:  # noqa: ANN401 - JSON
    if document["pvc_plan"] != _FORMAT:
        raise ValueError("another format")
    schema = document["schema"]
    return PlanFile(
        ClusterId(str(document["cluster"]), document.get("cluster_id")),
        (int(schema["version"]), schema["znode_version"], schema["czxid"]),
        str(document["user"]),
        float(document["time"]),
        tuple(map(str, document["command"])),
        tuple(map(decode_part, document["items"])),
    )


def _mark(base: Base) -> tuple[int, int | None, int | None]:
    return (base.version, base.znode.version, base.znode.stat.czxid) if base.znode else (base.version, None, None)
