"""What a backup holds, and whether it can be restored."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Pvc, Tree

CONTENDER = f"{'0123456789abcdef' * 2}__lock__0000000001"


@pytest.fixture
def file(on_tree: Pvc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A backup of the demo cluster, which is not there any more."""
    path = tmp_path / "backup.json"
    assert on_tree("cluster", "backup", str(path)).code == 0
    monkeypatch.delenv("PVC_COORDINATORS")
    return path


def damage(file: Path, **changes: str | None) -> None:
    """Set some znodes of a backup, by their paths; None removes one."""
    document = json.loads(file.read_text())
    for path, value in changes.items():
        document[path] = value
    file.write_text(json.dumps({path: value for path, value in document.items() if value is not None}))


def web(file: Path) -> str:
    return str(next(path for path, value in json.loads(file.read_text()).items() if value == "web-01"))


def test_a_good_backup_is_told_by_what_it_holds(pvc: Pvc, file: Path) -> None:
    result = pvc("cluster", "verify", str(file))
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        f"Backup:          {file}",
        "Schema:          version 15",
        f"Znodes:          {len(json.loads(file.read_text()))}",
        "Holds:           3 nodes, 20 VMs, 4 networks, 3 OSDs, 1 pool, 22 volumes, 4 snapshots, 2 faults, 27 tags",
        "Masked secrets:  none",
        "Locks:           none",
        "Matches schema:  yes",
        "Can be restored: yes",
    ]


def test_its_document_is_typed_and_complete(pvc: Pvc, file: Path) -> None:
    result = pvc("cluster", "verify", "-", "-o", "json", stdin=file.read_text())
    document = json.loads(result.out)
    counts = document.pop("counts")
    assert (counts["vms"], counts["nodes"], counts["volumes"]) == (20, 3, 22)
    assert document == {
        "file": "-", "healthy": True, "restorable": True, "reason": None, "schema_version": 15, "latest_known": 15,
        "znodes": len(json.loads(file.read_text())), "masked_secrets": [], "lock_contenders": [], "missing": [],
        "retired": [], "stray": [], "normal": [], "invalid": [], "foreign": [],
    }  # fmt: skip


def test_what_is_wrong_with_it_is_named(pvc: Pvc, file: Path) -> None:
    top = web(file)
    damage(file, **{f"{top}/state": None, f"{top}/odd": "x", f"{top}/xml": "<domain", "/cmd": "", "/theirs": ""})
    result = pvc("cluster", "verify", str(file))
    assert result.code == 1
    assert "Matches schema:  no: it differs in 4 places\nCan be restored: yes\n" in result.out
    for kind, path in (("missing", "/state"), ("stray", "/odd"), ("invalid", "/xml")):
        assert any(line.split()[:2] == [kind, f"{top}{path}"] for line in result.out.splitlines())
    document = json.loads(pvc("cluster", "verify", str(file), "-o", "json").out)
    assert (document["healthy"], document["restorable"]) == (False, True)
    assert (document["missing"], document["stray"], document["retired"]) == (
        [f"{top}/state"],
        [f"{top}/odd"],
        ["/cmd"],
    )
    assert (document["invalid"][0]["vm"], document["foreign"]) == ("web-01", ["/theirs"])
    names = pvc("cluster", "verify", str(file), "-o", "name").out.split()
    assert names == [f"{top}/state", "/cmd", f"{top}/odd", f"{top}/xml"]


def test_what_is_wrong_with_many_vms_is_one_line_of_their_names(pvc: Pvc, file: Path) -> None:
    """It was a line of a UUID for each."""
    states = [path for path in json.loads(file.read_text()) if re.fullmatch("/domains/[^/]+/state", path)]
    damage(file, **dict.fromkeys(states), **{f"{web(file)}/odd": "x"})
    table = pvc("cluster", "verify", str(file)).out
    many = f"missing  state of {len(states)} VMs (app-01, app-02, build-01, build-02, cache-01, …; all: -v)"
    assert many in table
    assert f"stray    {web(file)}/odd (web-01)" in table
    assert "/state" not in table
    assert pvc("-c", f"file:{file}", "schema", "validate").out.count(many) == 1
    every = pvc("-v", "cluster", "verify", str(file)).out
    assert all(path in every for path in states)
    assert set(states) < set(pvc("cluster", "verify", str(file), "-o", "name").out.split())


def test_masked_secrets_and_locks_are_told_and_do_not_count(pvc: Pvc, on_tree: Pvc, file: Path, tree: Tree) -> None:
    masked = file.with_name("masked.json")
    pvc("--coordinators", tree.hosts, "cluster", "backup", "--mask-secrets", str(masked))
    damage(masked, **{f"/schema/version/{CONTENDER}": "pvcnoded on pvchv1"})
    result = pvc("cluster", "verify", str(masked))
    assert result.code == 0
    assert "Masked secrets:  3\nLocks:           1 in a queue; a restore leaves them out\n" in result.out
    document = json.loads(pvc("cluster", "verify", str(masked), "-o", "json").out)
    assert document["masked_secrets"] == [f"/nodes/pvchv{n}/ipmipassword" for n in (1, 2, 3)]
    assert document["lock_contenders"] == [f"/schema/version/{CONTENDER}"]


@pytest.mark.parametrize(
    ("change", "why", "version"),
    [
        ({"/schema/version": "16"}, "schema version 16 is not known: this pvc knows 0 to 15", 16),
        ({"/schema/version": "soon"}, "'soon' is not a schema version", None),
        ({"/config": None}, "is not the backup of a whole PVC tree", 15),
    ],
)
def test_what_cannot_be_restored_is_said_with_the_reason(
    pvc: Pvc, file: Path, change: dict[str, str | None], why: str, version: int | None
) -> None:
    if "/config" in change:
        change = {path: None for path in json.loads(file.read_text()) if path.startswith("/config")}
    damage(file, **change)
    result = pvc("cluster", "verify", str(file))
    assert (result.code, "Matches schema:  unknown" in result.out) == (1, True)
    assert "Can be restored: no: " in result.out
    assert why in result.out
    document = json.loads(pvc("cluster", "verify", str(file), "-o", "json").out)
    assert (document["restorable"], document["schema_version"], document["missing"]) == (False, version, None)
    assert why in document["reason"]
    assert document["counts"]["vms"] == 20


def test_what_is_not_a_backup_is_one_line(pvc: Pvc, file: Path) -> None:
    file.write_text(file.read_text()[:-100])
    for name, code in ((str(file), 3), (f"{file}.nope", 3), (str(file.parent), 3)):
        result = pvc("cluster", "verify", name)
        assert (result.code, result.out, result.err.count("\n")) == (code, "", 1)


def test_a_backup_of_version_0_is_verified_at_its_version(
    pvc: Pvc, demo: Callable[..., Tree], tmp_path: Path
) -> None:
    tree, file = demo(version=0), tmp_path / "old.json"
    pvc("--coordinators", tree.hosts, "cluster", "backup", str(file))
    result = pvc("cluster", "verify", str(file))
    assert (result.code, "Schema:          version 0\n" in result.out) == (0, True)
    assert "tags" not in result.out


@pytest.mark.parametrize("rest", [1, 2, 3, 9, 40, 100, 1000])
def test_a_backup_that_is_cut_off_is_told_so_with_its_place(pvc: Pvc, file: Path, rest: int) -> None:
    text = file.read_text().rstrip()[:-rest]
    file.write_text(text)
    for command in (("cluster", "verify", str(file)), ("-c", f"file:{file}", "vm", "list")):
        result = pvc(*command)
        assert (result.code, result.out) == (3, "")
        assert result.err == (
            f"Error: {file} is cut off at line 1, character {len(text)}: the rest is missing; copy it again, or use"
            " another backup\n"
        )


def test_a_backup_that_is_damaged_is_told_so_with_its_place(pvc: Pvc, file: Path) -> None:
    text = file.read_text()
    at = text.index('", "', 5000) + 1
    file.write_text(text[:at] + "\n\0" + text[at:])
    for command in (("cluster", "verify", str(file)), ("-c", f"file:{file}", "vm", "list")):
        result = pvc(*command)
        assert (result.code, result.out) == (3, "")
        assert result.err.startswith(f"Error: {file} is damaged at line 2, character {at + 2}")


def test_one_difference_is_in_one_place(pvc: Pvc, file: Path) -> None:
    damage(file, **{"/config/upstream_ip": None})
    assert "it differs in 1 place\n" in pvc("cluster", "verify", str(file)).out


def test_an_empty_object_is_no_backup_of_version_0(pvc: Pvc, tmp_path: Path) -> None:
    path = tmp_path / "empty.json"
    path.write_text("{}")
    result = pvc("cluster", "verify", str(path))
    assert result.code == 1
    assert "Schema:          unknown" in result.out
    assert "Can be restored: no: it is empty, not the backup of a PVC tree: use another one" in result.out
