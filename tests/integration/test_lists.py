"""What all lists have in common: their columns, order and formats."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator

import click
import pytest

from pvc_cli import app
from pvc_cli.commands._common.listing import ColumnsOption
from pvc_cli.zk import ZKHandler
from tests.conftest import Pvc, Tree

ARGUMENTS = {
    "network acl list": ("Frontend",),
    "network dhcp list": ("Frontend",),
    "network sriov vf history": ("pvchv1/ens1f0v0",),
}


def lists(command: click.Command = app.cli, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command that has columns."""
    if any(isinstance(option, ColumnsOption) for option in command.params):
        yield words
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            deeper = command.get_command(context, name)
            assert deeper
            yield from lists(deeper, (*words, name))


LISTS = sorted(" ".join(words) for words in lists() if words[0] != "sriov")


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_every_list_has_columns() -> None:
    assert len(LISTS) > 12
    assert "vm tag list" in LISTS


@pytest.mark.parametrize("words", LISTS)
@pytest.mark.parametrize("version", [0, 15])
def test_every_list_has_every_format(
    pvc: Pvc, demo: Callable[..., Tree], monkeypatch: pytest.MonkeyPatch, words: str, version: int
) -> None:
    monkeypatch.setenv("PVC_COORDINATORS", demo(version=version).hosts)
    pvc("connection", "add", "prod", "hv1")
    command = (*words.split(), *ARGUMENTS.get(words, ()))
    table = pvc(*command)
    if table.code:
        # What this version of the schema lacks is refused, in any format alike.
        assert version == 0
        assert {pvc(*command, "-o", style).err for style in ("csv", "wide")} == {table.err}
        return
    documents = json.loads(pvc(*command, "-o", "json").out)
    assert [json.loads(line) for line in pvc(*command, "-o", "jsonl").out.splitlines()] == documents
    headers, *rows = read(pvc(*command, "-o", "csv").out)
    assert all(len(row) == len(headers) for row in rows)
    assert len(rows) == max(len(table.out.splitlines()) - 1, 0)
    assert pvc(*command, "-o", "wide").out.split("\n")[0].split() == (" ".join(headers).split() if rows else [])
    name = headers[-1].lower().replace(" ", "-")
    for options in (("--columns", name), ("--sort", name, "--columns", name), (f"--sort=-{name}", "--columns", name)):
        found, *values = read(pvc(*command, "-o", "csv", *options).out)
        assert found == headers[-1:]
        assert sorted(values) == sorted([row[-1]] for row in rows)
    assert read(pvc(*command, "-o", "csv", "--no-headers").out) == rows
    refused = pvc(*command, "--sort", "nothing-like-it")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("Error: there is no column 'nothing-like-it': ")


def test_rows_are_sorted_by_what_the_cells_stand_for(on_tree: Pvc, tree: Tree) -> None:
    with ZKHandler(tree.hosts) as handler:
        xml = handler.read(("domain.xml", tree.uuid("app-01"))) or ""
        # Less than a GiB, to be shown among others.
        handler.write([(("domain.xml", tree.uuid("app-01")), xml.replace(">4096<", ">512<"))])
        handler.write([(("domain.xml", tree.uuid("app-02")), "<broken")])
    lines = on_tree("vm", "list", "--sort=-memory,name", "--columns", "name,memory").out.splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["NAME", "MEMORY"],
        ["db-01", "16", "GiB"],
        ["db-02", "16", "GiB"],
    ]
    assert lines[-2].split() == ["app-01", "0.5", "GiB"]
    assert lines[-1].split() == ["app-02", "?"]
    assert on_tree("vm", "list", "--sort", "memory", "-o", "name").out.split()[0] == "app-01"
    assert on_tree("vm", "list", "--sort", "memory", "-o", "name").out.split()[-1] == "app-02"
    assert json.loads(on_tree("vm", "list", "--sort", "-memory,name", "-o", "json").out)[0]["name"] == "db-01"
    assert read(on_tree("vm", "list", "-o", "csv", "--columns", "memory", "^app").out) == [["MEMORY"], ["512"], [""]]


def test_vms_are_counted_by_state_node_and_tag(on_tree: Pvc, tree: Tree) -> None:
    assert [line.split() for line in on_tree("vm", "list", "--count-by", "state").out.splitlines()] == [
        ["STATE", "VMS"],
        ["fail", "1"],
        ["shutdown", "1"],
        ["start", "18"],
    ]
    nodes = json.loads(on_tree("vm", "list", "--count-by", "node", "-s", "start", "-o", "json").out)
    assert [node["node"] for node in nodes] == ["pvchv1", "pvchv2", "pvchv3"]
    assert sum(node["vms"] for node in nodes) == 18
    tree.client.delete(f"/domains/{tree.uuid('dns-01')}/tags/production", recursive=True)
    tags = json.loads(on_tree("vm", "list", "--count-by", "tag", "^(db|dns)", "-o", "json").out)
    assert tags == [
        {"tag": "production", "vms": 3},
        {"tag": "stateful", "vms": 2},
        {"tag": None, "vms": 1},
    ]
    assert on_tree("vm", "list", "--count-by", "tag", "--sort=-vms", "-o", "csv", "--no-headers").out.split()[0] == (
        "production,15"
    )


def test_a_cluster_without_tags_counts_all_vms_as_untagged(
    pvc: Pvc, demo: Callable[..., Tree], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PVC_COORDINATORS", demo(version=0).hosts)
    assert pvc("vm", "list", "--count-by", "tag", "-o", "jsonl").out == '{"tag": null, "vms": 20}\n'


def test_columns_are_for_tables_only(on_tree: Pvc) -> None:
    result = on_tree("vm", "list", "--columns", "name", "-o", "json")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(
        "Error: --columns and --no-headers need -o table, wide or csv: see 'pvc vm list --help'"
    )


def test_only_lists_are_csv(on_tree: Pvc) -> None:
    assert on_tree("vm", "info", "db-01", "-o", "csv").code == 2


def test_a_migrated_vm_shows_where_it_came_from_and_others_take_no_room(on_tree: Pvc) -> None:
    rows = on_tree("vm", "list", "--columns", "name,node,migrated").out.splitlines()
    assert sum("(from pvchv" in row for row in rows) == sum("  from pvchv" in row for row in rows) >= 1
    assert "MIGRATED" not in on_tree("vm", "list").out
    assert "(from" not in on_tree("vm", "list", "-o", "csv").out


def test_xml_is_a_block_in_yaml(on_tree: Pvc) -> None:
    out = on_tree("vm", "info", "db-01", "-o", "yaml").out
    assert "\nxml: |" in out
    assert "\n    <name>db-01</name>\n" in out


def test_the_columns_of_counts_are_those_of_counts_alone(pvc: Pvc) -> None:
    command = ("--coordinators", "127.0.0.1:1", "vm", "list")  # refused before any server is asked
    for options, chosen in (
        (("--columns", "vms"), "NAME, STATE, NODE, VCPUS, MEMORY, NETWORKS, TAGS, UUID, "),
        (("--sort", "memory", "--count-by", "node"), "NODE, VMS\n"),
    ):
        result = pvc(*command, *options)
        assert (result.code, result.out) == (2, "")
        assert f"choose from {chosen}" in result.err


def test_the_names_of_columns_complete(pvc: Pvc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_PVC_COMPLETE", "zsh_complete")
    monkeypatch.setenv("COMP_CWORD", "4")
    for typed, offered in (("name,m", ["name,MEMORY", "name,MIGRATED"]), ("name,-v", ["name,-VCPUS", "name,-VMS"])):
        monkeypatch.setenv("COMP_WORDS", f"pvc vm list --sort {typed}")
        assert pvc().out.split("\n")[1::3] == offered


def test_an_error_is_json_where_results_are_json_lines(on_tree: Pvc) -> None:
    result = on_tree("vm", "list", "-t", "pvchv4", "-o", "jsonl")
    assert (result.code, result.out) == (1, "")
    assert json.loads(result.err.splitlines()[1])["error"]["kind"] == "not_found"


def test_a_vm_outside_its_node_limit_is_marked(on_tree: Pvc, tree: Tree) -> None:
    tree.put(f"/domains/{tree.uuid('web-01')}/node_limit", b"pvchv2,pvchv3")
    (plain,) = on_tree("vm", "list", "--name", "web-01", "--no-headers").out.splitlines()
    assert " pvchv1 ! " in plain
    assert sum(" ! " in line for line in on_tree("vm", "list").out.splitlines()) == 1
    assert read(on_tree("vm", "list", "--name", "web-01", "-o", "csv", "--columns", "node").out)[1] == ["pvchv1"]
    tree.put(f"/domains/{tree.uuid('web-01')}/lastnode", b"pvchv2")
    assert " pvchv1 ! (from pvchv2) " in on_tree("vm", "list", "--name", "web-01").out
    info = on_tree("vm", "info", "web-01").out
    assert re.search(r"^Node limit: +pvchv2, pvchv3; the VM is on pvchv1, outside its limit$", info, re.MULTILINE)
    assert "outside" not in on_tree("vm", "info", "web-02").out


def test_a_node_whose_vms_have_more_memory_than_it_has_is_marked(on_tree: Pvc, tree: Tree) -> None:
    for name, value in (("memtotal", b"65536"), ("memalloc", b"40960"), ("memprov", b"65536")):
        tree.put(f"/nodes/pvchv1/{name}", value)

    def seen() -> tuple[str, str]:
        (line,) = [line for line in on_tree("node", "list").out.splitlines() if line.startswith("pvchv1")]
        (words,) = [line for line in on_tree("node", "info", "pvchv1").out.splitlines() if "provisioned" in line]
        return ("! 64 GiB" if "! 64 GiB" in line else ""), words.partition("provisioned")[2]

    assert seen() == ("", "")
    tree.put("/nodes/pvchv1/memprov", b"70000")
    assert seen() == ("! 64 GiB", "; more than the node has, if all of its VMs run")
    tree.put("/nodes/pvchv1/memalloc", b"66000")
    assert seen() == ("! 64 GiB", "; the running VMs have more than the node")
    columns = ("--columns", "memory,allocated,provisioned")
    assert read(on_tree("node", "list", "-o", "csv", *columns).out)[1] == ["65536", "66000", "70000"]


def test_vfs_without_an_agent_have_no_status_at_all(on_tree: Pvc) -> None:
    for command in ("vf", "pf"):
        assert "STATUS" not in on_tree("sriov", command, "list").out.split("\n")[0].split()
        assert "STATUS" in on_tree("sriov", command, "list", "-o", "wide").out.split("\n")[0].split()
        assert "STATUS" in on_tree("sriov", command, "list", "--columns", "status").out
