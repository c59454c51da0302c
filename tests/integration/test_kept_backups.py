"""The backups that pvc makes by itself are listed and pruned."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path

import pytest

from pvc_cli.cluster.kept_backups import KeptBackup, expendable, list_backups, new_backup_path
from tests.conftest import Pvc, Tree

NOW = datetime.datetime(2026, 11, 26, tzinfo=datetime.UTC)


@pytest.fixture
def folder(home: Path) -> Path:
    path = home / "state" / "pvc" / "backups"
    path.mkdir(parents=True)
    return path


def keep(folder: Path, name: str, text: str = '{"/": "", "/schema/version": "15"}\n') -> Path:
    file = folder / name
    file.write_text(text)
    return file


def test_there_may_be_none(pvc: Pvc, home: Path) -> None:
    for words in ("backups list", "backup list"):
        result = pvc("cluster", *words.split())
        assert (result.code, result.out) == (0, "")
        assert result.err == f"There are no backups in {home}/state/pvc/backups.\n"
    assert pvc("cluster", "backups", "list", "-o", "json").out == "[]\n"
    for words in ("backups prune", "backup prune"):
        result = pvc("cluster", *words.split(), "--keep", "1")
        assert (result.code, result.err) == (0, "Nothing to do: none of 0 backups is expendable.\n")


def test_a_backup_before_a_change_is_listed_with_its_cluster_and_version(
    on_tree: Pvc, tree: Tree, home: Path
) -> None:
    assert on_tree("schema", "rollback", "--to", "13", "--yes", "--force").code == 0
    (document,) = json.loads(on_tree("cluster", "backups", "list", "-o", "json").out)
    file = Path(document.pop("file"))
    assert abs(document.pop("timestamp") - file.stat().st_mtime) < 60
    assert document == {
        "before": "schema-15-to-13", "cluster": tree.hosts, "schema_version": 15, "size": file.stat().st_size,
    }  # fmt: skip
    header, row = on_tree("cluster", "backups", "list").out.splitlines()
    assert header.split() == ["TIME", "BEFORE", "CLUSTER", "SCHEMA", "SIZE", "FILE"]
    assert re.fullmatch(
        rf"\S+ \S+ UTC +schema 15 to 13 +{re.escape(tree.hosts)} +15 +[\d.]+ KiB +{re.escape(str(file))}", row
    )
    assert on_tree("cluster", "backups", "list", "-o", "name").out == f"{file}\n"
    # It is a backup like any other.
    assert on_tree("cluster", "verify", str(file)).code == 0
    assert on_tree("cluster", "restore", str(file), "--yes", "--force", "--no-backup").code == 0


def test_older_names_and_what_cannot_be_read_are_told_apart_from_other_files(pvc: Pvc, folder: Path) -> None:
    keep(folder, "20260101T000000Z-schema-9-to-15-12.json")
    escaped = '{"/": "x \\"/schema/version\\": \\"3\\""}'
    keep(folder, "20260102T000000Z-restore-12-1@hv1%3A2181,hv2%2Fpvc.json", escaped)
    keep(folder, "20260103T000000Z-restore-12@hv1.json", "")
    for name in ("mine.json", "20260101T000000Z-restore-12.json.old", "20269901T000000Z-restore-12.json"):
        keep(folder, name)
    (folder / "20260104T000000Z-schema-9-to-15-12.json").mkdir()
    found = json.loads(pvc("cluster", "backups", "list", "-o", "json").out)
    assert [(one["cluster"], one["schema_version"]) for one in found] == [
        ("hv1", None), ("hv1:2181,hv2/pvc", None), (None, 15),
    ]  # fmt: skip


def test_a_name_has_room_for_any_cluster(home: Path) -> None:
    for cluster in ("[::1]:2181/a b%", ",".join(f"node{n}.example.net:2181" for n in range(40))):
        path = new_backup_path("schema-9-to-15", cluster)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
        assert new_backup_path("schema-9-to-15", cluster) != path
        (found,) = list_backups()
        assert cluster.startswith((found.cluster or "?").rstrip("…"))
        path.unlink()


def test_the_newest_of_each_cluster_stay(pvc: Pvc, folder: Path) -> None:
    """A busy test cluster does not push out the backups of another one."""
    names = [
        f"202601{day:02}T000000Z-schema-9-to-15-1@{cluster}.json"
        for day in range(1, 6)
        for cluster in ("lab", "prod")
    ]
    for name in [*names, "mine.json"]:
        keep(folder, name)
    before = sorted(folder.iterdir())
    dry = pvc("cluster", "backups", "prune", "--keep", "3", "--dry-run")
    assert (dry.code, dry.out.splitlines()) == (0, [f"would delete {folder / name}" for name in names[3::-1]])
    assert dry.err == "Dry run: would delete 4 of 10 backups, 140 B.\n"
    refused = pvc("cluster", "backups", "prune", "--keep", "3")
    assert (refused.code, refused.out, "rerun with --yes" in refused.err) == (1, "", True)
    assert sorted(folder.iterdir()) == before
    result = pvc("cluster", "backups", "prune", "--keep", "3", "--yes", "-o", "json")
    document = json.loads(result.out)
    assert (result.code, result.err) == (0, "Deleted 4 of 10 backups, 140 B.\n")
    assert document["counts"] == {"changed": 4, "unchanged": 0, "refused": 0, "failed": 0}
    assert document["items"][0] == {"name": str(folder / names[3]), "status": "changed"}
    assert sorted(file.name for file in folder.iterdir()) == [*names[4:], "mine.json"]
    assert pvc("cluster", "backups", "prune", "--keep", "3", "--yes").code == 0


def test_with_an_age_the_newest_still_stay(pvc: Pvc, folder: Path) -> None:
    def made(day: int, cluster: str) -> KeptBackup:
        time = datetime.datetime(2026, 11, day, tzinfo=datetime.UTC)
        return KeptBackup(Path(f"{cluster}{day}"), time, "schema-9-to-15", cluster, 0)

    backups = [made(25, "a"), made(20, "b"), made(10, "a"), made(5, "b"), made(1, "a")]

    def chosen(keep: int | None, older_than: float | None) -> list[str]:
        return [str(b.path) for b in expendable(backups, keep=keep, older_than=older_than, now=NOW)]

    assert chosen(None, 10) == ["a10", "b5", "a1"]
    assert chosen(1, 20) == ["b5", "a1"]
    assert chosen(2, 0) == ["a1"]
    assert chosen(0, None) == [str(backup.path) for backup in backups]
    result = pvc("cluster", "backups", "prune")
    assert (result.code, result.err) == (2, "Error: expected --keep N, --older-than DAYS, or both\n")
    for words in (("--keep", "-1"), ("--older-than", "4294967296")):
        keep(folder, "20260101T000000Z-restore-1@lab.json")
        assert pvc("cluster", "backups", "prune", *words).code == 2


def test_what_cannot_be_deleted_is_named_and_the_rest_goes(
    pvc: Pvc, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stays = keep(folder, "20260101T000000Z-schema-9-to-15-1@lab.json")
    goes = keep(folder, "20260102T000000Z-schema-9-to-15-1@lab.json")
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path == stays:
            raise PermissionError(13, "Permission denied")
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    result = pvc("cluster", "backups", "prune", "--keep", "0", "--yes", "-o", "name")
    assert (result.code, result.out) == (1, f"{goes}\n")
    assert result.err == f"Error: cannot delete {stays}: Permission denied\nDeleted 1 of 2 backups, 35 B.\n"
    assert (stays.exists(), goes.exists()) == (True, False)


def test_a_file_called_like_a_command_can_be_backed_up_to(
    on_tree: Pvc, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """'cluster backup list' lists what pvc made by itself; with its folder, it is a file."""
    home.mkdir()
    monkeypatch.chdir(home)
    assert on_tree("cluster", "backup", "list").code == 0
    assert not (home / "list").exists()
    assert on_tree("cluster", "backup", "./list").code == 0
    assert (home / "list").exists()
