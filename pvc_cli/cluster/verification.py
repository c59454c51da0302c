"""Verify a backup: what it holds, and whether it can be restored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from pvc_cli.cluster.vms.query import names_of
from pvc_cli.errors import ConfigError, PvcError
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.backup import backup_version
from pvc_cli.zk.migration.migrate import validate
from pvc_cli.zk.migration.restore import require_whole
from pvc_cli.zk.migration.survey import Survey
from pvc_cli.zk.names import is_contender
from pvc_cli.zk.places import locate
from pvc_cli.zk.schema import find_schema
from pvc_cli.zk.secrets import is_masked
from pvc_cli.zk.spool import Spool
from pvc_cli.zk.spooled import SpoolStore

_COUNTED = {
    "node": "nodes", "domain": "vms", "network": "networks", "osd": "osds", "pool": "pools", "volume": "volumes",
    "snapshot": "snapshots", "faults": "faults",
}  # fmt: skip


class Verification(NamedTuple):
    """What is in a backup."""

    version: int | None
    """Its schema version; None if that is not a number."""
    latest_known: int
    """The newest version that this pvc knows."""
    znodes: int
    counts: Mapping[str, int]
    """How many there are of each kind of item."""
    masked: list[str]
    """Where a secret is masked."""
    contenders: list[str]
    """Places in the queue for a lock, which a restore leaves out."""
    survey: Survey | None
    """How it differs from its schema version; None if that is not known."""
    vm_names: Mapping[str, str]
    """The names of the VMs that differ, by their UUIDs."""
    objection: str | None
    """Why it cannot be restored; None if it can."""

    @property
    def invalid_vms(self) -> list[str]:
        """The VM that each invalid value is of."""
        return [self.vm_names.get(_item(value.path), "") for value in (self.survey.invalid if self.survey else ())]

    @property
    def healthy(self) -> bool:
        """Whether it can be restored, and matches its schema version then."""
        found = self.survey
        differs = found and (found.missing or found.retired or found.moved or found.stray or found.invalid)
        return self.objection is None and not differs


def names_in(handler: ZKHandler, found: Survey) -> dict[str, str]:
    """Return the names of the VMs that differ from the schema, by their UUIDs, in one batch."""
    listed = [one.path for kind in (found.missing, found.stray, found.invalid) for one in kind]
    paths = [*listed, *found.retired]
    return names_of(handler, [_item(path) for path in paths if path.startswith("/domains/")])


def _item(path: str) -> str:
    return path.split("/")[2]


def verify(pairs: Iterable[tuple[str, bytes]], schema_dir: str | Path | None = None) -> Verification:
    """Look through a backup of any size, in little memory.

    :param pairs: its paths and values.
    :param schema_dir: where an installed PVC defines newer schema versions.
    :raises ConfigError: if it is not a backup.
    """
    masked: list[str] = []
    contenders: list[str] = []
    counts = dict.fromkeys((*_COUNTED.values(), "tags"), 0)
    latest = find_schema(None, schema_dir)

    def noted() -> Iterator[tuple[str, bytes]]:
        for path, value in pairs:
            if is_contender(path):
                contenders.append(path)
            elif is_masked(path, value):
                masked.append(path)
            yield path, value

    spool = Spool(noted())
    for path in spool:
        place = locate(latest, path)
        # A part of an item's name, such as a volume's pool, has no key.
        if place.whole and place.words and len(place.words) == 2 and place.group in _COUNTED:
            counts[_COUNTED[place.group]] += 1
        counts["tags"] += place.whole and place.words[2:3] == ("tag.name",)
    version, survey, names, objection = None, None, dict[str, str](), None
    try:
        if all(path == "/" for path in spool):
            raise ConfigError("it is empty, not the backup of a PVC tree: use another one")
        version = backup_version(spool)
        handler = ZKHandler.over(SpoolStore(spool), schema_dir=schema_dir)
        require_whole(spool, handler.schema)
        survey = validate(handler)
        names = names_in(handler, survey)
    except PvcError as error:
        objection = str(error)
    return Verification(
        version, latest.version, len(spool), counts, sorted(masked), sorted(contenders), survey, names, objection
    )
