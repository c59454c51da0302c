from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from ruamel.yaml import YAML

from tests.conftest import Pvc, Tree


def test_connections_are_kept_used_shown_and_forgotten(pvc: Pvc, home: Path) -> None:
    assert pvc("connection", "list").err.startswith("No connections in ")
    assert (
        pvc("connection", "add", "prod", "hv1,hv2").err
        == "Saved connection 'prod' (hv1,hv2); it is the current connection now.\n"
    )
    assert pvc("connection", "add", "lab", "lab:2182/pvc").code == 0
    assert json.loads(pvc("connection", "list", "-o", "json").out) == [
        {"name": "lab", "coordinators": "lab:2182/pvc", "current": False, "protection": None},
        {"name": "prod", "coordinators": "hv1,hv2", "current": True, "protection": None},
    ]
    assert pvc("connection", "list").out.splitlines()[2].split() == ["*", "prod", "hv1,hv2"]
    assert pvc("connection", "use", "lab").err == "Connection 'lab' is now current.\n"
    shown = json.loads(pvc("connection", "show", "-o", "json").out)
    assert shown["coordinators"] == "lab:2182/pvc"
    assert str(home) in shown["origin"]
    assert pvc("connection", "show", "prod", "-o", "name").out == "prod\n"
    assert "hv1,hv2" in pvc("connection", "show", "prod").out
    assert pvc("connection", "remove", "lab").code == 0
    assert pvc("connection", "list", "-o", "name").out == "prod\n"
    assert pvc("connection", "show").code == 3


def test_the_current_connection_is_used(pvc: Pvc, tree: Tree) -> None:
    pvc("connection", "add", "here", tree.hosts)
    assert pvc("vm", "list", "-o", "name").out.count("\n") == 20
    assert pvc("-c", "here", "vm", "list", "-o", "name").code == 0


def test_the_connection_in_use_is_named(pvc: Pvc, tree: Tree, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was: only its servers, and null for programs, unless the name was typed."""
    pvc("connection", "add", "lab", tree.hosts)
    lines = pvc("connection", "show").out.splitlines()
    assert [line.split(maxsplit=1) for line in lines[:2]] == [["Name:", "lab"], ["Coordinators:", tree.hosts]]
    for words in (("connection", "show"), ("-c", "lab", "connection", "show"), ("connection", "test")):
        assert json.loads(pvc(*words, "-o", "json").out)["name"] == "lab"
    file = home / "config" / "pvc" / "connections.yaml"
    used = f"Using lab ({tree.hosts}, from the current entry of {file}).\n"
    assert pvc("-v", "vm", "list", "-o", "name").err.startswith(used)
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    assert "Name:" not in pvc("connection", "show").out
    assert json.loads(pvc("connection", "show", "-o", "json").out)["name"] is None


def test_a_kept_connection_is_replaced_only_with_force(pvc: Pvc) -> None:
    pvc("connection", "add", "prod", "hv1")
    assert pvc("connection", "add", "prod", "hv1").err == "Connection 'prod' is saved already (hv1).\n"
    result = pvc("connection", "add", "prod", "hv2")
    assert (result.code, result.err) == (
        1,
        "Error: connection 'prod' already exists (hv1): replace it with --force\n",
    )
    assert pvc("connection", "add", "prod", "hv2", "--force").code == 0
    assert pvc("connection", "show", "-o", "name").out == "hv2\n"


def test_a_dry_run_keeps_nothing(pvc: Pvc, home: Path) -> None:
    result = pvc("connection", "add", "prod", "hv1", "--dry-run")
    assert (result.code, result.err) == (
        0,
        "Dry run, nothing written: Saved connection 'prod' (hv1); it is the current connection now.\n",
    )
    assert not home.exists()


@pytest.mark.parametrize("command", ["use", "remove", "show"])
def test_an_unknown_connection_is_refused(pvc: Pvc, command: str) -> None:
    result = pvc("connection", command, "nope")
    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert "there is no connection 'nope'" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        *(("", "hv1"), ("a\x1b", "hv1"), (" a", "hv1"), ("a", ""), ("a", "hv\n1")),
        *(
            ("a", "hv1:99999"),
            ("a", "hv 1"),
            ("a", "-"),
            ("-", "hv1"),
            ("a", "http://hv1"),
            ("a", "hv1,,hv2"),
            ("a", "hv1/a//b"),
        ),
    ],
)
def test_what_cannot_be_kept_is_refused(pvc: Pvc, home: Path, arguments: tuple[str, str]) -> None:
    assert pvc("connection", "add", *arguments).code == 2
    assert not home.exists()


def test_names_that_look_like_other_types_survive_a_save(pvc: Pvc, home: Path) -> None:
    path = home / "config" / "pvc" / "connections.yaml"
    path.parent.mkdir(parents=True)
    names = ["010", "08", "0o17", "1e3", "null", "on", "y", "~"]
    path.write_text("connections:\n" + "".join(f"  {name}:\n    coordinators: hv1\n" for name in names))
    for _ in range(2):
        assert pvc("connection", "add", "more", "hv2", "--force").code == 0
        assert pvc("connection", "list", "-o", "name").out.split() == sorted([*names, "more"])
    for read in (yaml.safe_load, YAML(typ="safe", pure=True).load):
        assert set(read(path.read_text())["connections"]) == {*names, "more"}


def test_a_connection_is_protected_and_stays_so(pvc: Pvc, home: Path) -> None:
    def protection() -> object:
        return json.loads(pvc("connection", "list", "-o", "json").out)[0]["protection"]

    assert pvc("connection", "add", "prod", "hv1", "--user", "pvc", "--password-file", "/x", "--protect").code == 3
    assert pvc("connection", "add", "prod", "hv1", "--protect").code == 0
    assert protection() == "confirm"
    assert pvc("connection", "list").out.splitlines()[1].split(maxsplit=3)[3] == "asks before changes"
    assert "Protection:   asks before changes" in pvc("connection", "show").out
    # Neither saved again nor replaced.
    assert pvc("connection", "add", "prod", "hv1").err.startswith("Connection 'prod' is saved already")
    assert pvc("connection", "add", "prod", "hv1", "--read-only").code == 1
    assert pvc("connection", "add", "prod", "hv2", "--force", "--confirm", "prod").code == 0
    assert protection() == "confirm"
    assert pvc("connection", "protect", "prod", "--read-only").err == "Connection 'prod': read-only.\n"
    assert protection() == "read-only"
    assert json.loads(pvc("connection", "show", "prod", "-o", "json").out)["protection"] == "read-only"
    assert (
        pvc("connection", "protect", "prod", "--off", "--confirm", "prod").err
        == "Connection 'prod': not protected.\n"
    )
    assert protection() is None
    assert pvc("connection", "protect", "prod", "--off", "--read-only").code == 2
    assert pvc("connection", "protect", "lab").code == 1
    # An unknown word is an error, for it would protect nothing.
    path = home / "config" / "pvc" / "connections.yaml"
    path.write_text(path.read_text().replace("coordinators: hv2", "coordinators: hv2\n    protection: on"))
    assert "protection is 'on': use confirm or read-only" in pvc("vm", "list").err


@pytest.mark.parametrize("protection", ["--protect", "--read-only"])
@pytest.mark.parametrize(
    "words",
    [
        ("protect", "prod", "--off"),
        ("remove", "prod"),
        ("add", "prod", "hv2", "--force"),
        ("add", "prod", "hv1", "--tls", "--force"),
    ],
)
def test_a_protection_is_not_taken_away_unasked(
    pvc: Pvc, home: Path, protection: str, words: tuple[str, ...]
) -> None:
    pvc("connection", "add", "prod", "hv1", protection)
    pvc("connection", "add", "lab", "hv9")
    path = home / "config" / "pvc" / "connections.yaml"
    before = path.read_text()
    for refused, said in (
        (pvc("connection", *words), "connection 'prod' is protected, and there is no terminal to type its name on"),
        (pvc("connection", *words, "--confirm", "lab"), "--confirm says 'lab', but the cluster is 'prod'"),
    ):
        assert (refused.code, refused.out, path.read_text()) == (1, "", before)
        assert refused.err.startswith(f"Error: {said}")
    assert pvc("connection", *words, "--dry-run").code == 0
    assert path.read_text() == before
    assert pvc("connection", *words, "--confirm", "prod").code == 0
    assert path.read_text() != before


def test_a_read_only_connection_is_opened_for_changes_only_by_name(pvc: Pvc) -> None:
    pvc("connection", "add", "prod", "hv1", "--read-only")
    assert pvc("connection", "protect", "prod").code == 1
    assert pvc("connection", "protect", "prod", "--confirm", "prod").code == 0
    # What protects more, or changes nothing that is protected, asks for nothing.
    assert pvc("connection", "protect", "prod", "--read-only").code == 0
    assert pvc("connection", "add", "lab", "hv9").code == 0
    assert pvc("connection", "use", "lab").code == 0
    assert pvc("connection", "remove", "lab").code == 0


def test_what_is_so_already_is_said_in_a_sentence(pvc: Pvc) -> None:
    pvc("connection", "add", "prod", "hv1", "--protect")
    for words, said in (
        (("use", "prod"), "Connection 'prod' is current already.\n"),
        (("protect", "prod"), "Connection 'prod': asks before changes already.\n"),
        (("add", "prod", "hv1"), "Connection 'prod' is saved already (hv1).\n"),
    ):
        for dry_run in ((), ("--dry-run",)):
            result = pvc("connection", *words, *dry_run)
            assert (result.code, result.err) == (0, said)
