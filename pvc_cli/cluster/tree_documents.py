"""The JSON documents of whole trees: how they differ from their schema, from each other, and what a backup holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pvc_cli.cluster.values import Json

if TYPE_CHECKING:
    from pvc_cli.cluster.difference_model import ItemDifference
    from pvc_cli.cluster.kept_backups import KeptBackup
    from pvc_cli.cluster.verification import Verification
    from pvc_cli.zk.migration.survey import Survey


def survey_document(found: Survey, vms: Sequence[str]) -> Json:
    """Return the document of how a tree differs from its schema version.

    :param vms: the name of the VM that each invalid value is of.
    """
    return {
        "missing": [missing.path for missing in found.missing],
        "retired": found.retired + [source for source, _ in found.moved],
        "stray": [stray.path for stray in found.stray],
        "pvc_made": [stray.path for stray in found.stray if stray.pvc_made],
        "normal": found.normal,
        "invalid": [
            {"vm": vm, "path": i.path, "value": i.znode.text, "repair": i.repair}
            for vm, i in zip(vms, found.invalid, strict=True)
        ],
        "stuck_locks": [path for path, _ in found.stuck],
        "foreign": found.foreign,
    }


def verification_document(file: str, found: Verification) -> Json:
    """Return the document of a backup that was verified; null stands for what its version keeps from being told."""
    survey = survey_document(found.survey, found.invalid_vms) if found.survey else {}
    return {
        "file": file,
        "healthy": found.healthy,
        "restorable": found.objection is None,
        "reason": found.objection,
        "schema_version": found.version,
        "latest_known": found.latest_known,
        "znodes": found.znodes,
        "counts": found.counts,
        "masked_secrets": found.masked,
        "lock_contenders": found.contenders,
        **{name: survey.get(name) for name in ("missing", "retired", "stray", "normal", "invalid", "foreign")},
    }


def difference_document(item: ItemDifference) -> Json:
    """Return the document of an item that differs; a key that no schema version has is null."""
    return item._asdict() | {
        "changes": [
            {
                "key": list(change.words) or None,
                "path": change.path,
                "before": change.before,
                "after": change.after,
            }
            for change in item.changes
        ]
    }


def changed_item_document(item: ItemDifference, changes: Sequence[Json]) -> Json:
    """Return the document of an item that a change of a whole tree changes, with the documents of its changes."""
    uuid = {"uuid": item.id} if item.kind == "vm" else {}
    return {"name": item.name, **uuid, "kind": item.kind, "status": "changed", "changes": changes}


def kept_backup_document(backup: KeptBackup, version: int | None) -> Json:
    """Return the document of a backup that pvc made by itself; the time in seconds since 1970, the size in bytes."""
    return {
        "file": str(backup.path),
        "timestamp": int(backup.time.timestamp()),
        "before": backup.before,
        "cluster": backup.cluster,
        "schema_version": version,
        "size": backup.size,
    }


def pruned_document(chosen: Sequence[KeptBackup], failed: Mapping[KeptBackup, str]) -> Json:
    """Return the document of which backups were deleted, or would be in a dry run."""
    items = [
        {"name": str(backup.path), "status": "failed", "reason": failed[backup]}
        if backup in failed
        else {"name": str(backup.path), "status": "changed"}
        for backup in chosen
    ]
    counts = {"changed": len(chosen) - len(failed), "unchanged": 0, "refused": 0, "failed": len(failed)}
    return {"items": items, "counts": counts}
