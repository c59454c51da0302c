"""What all lists have in common: their columns, order and formats."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from pvc_cli import commands
from pvc_cli.commands._common.listing import ColumnsOption
from pvc_cli.zk import ZKHandler
from tests.command_tree import leaves, walk
from tests.conftest import Pvc, Tree

ARGUMENTS = {
    "key find": ("domain.state",),
    "key list": ("base.node",),
    "network sriov pf drain": ("pvchv1", "ens1f0", "--dry-run"),
    "schema diff": ("9", "10"),
    "vm meta get": ("--all",),
    "network acl list": ("Frontend",),
    "network dhcp list": ("Frontend",),
    "network sriov vf history": ("pvchv1/ens1f0v0",),
}


def lists() -> Iterator[tuple[str, ...]]:
    """Yield the words of every command that has columns."""
    for words, command in walk():
        if any(isinstance(option, ColumnsOption) for option in command.params):
            yield words


MEASURED = {"connection test"}
"""What shows something else each time."""
LISTING = ("TAGS", "NETWORKS", "NODE LIMIT", "FEATURES")
"""Columns that list several things."""
LISTS = sorted({" ".join(words) for words in lists() if words[0] != "sriov"} - MEASURED)


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_every_list_has_columns() -> None:
    assert len(LISTS) > 12
    assert "vm tag list" in LISTS


@pytest.mark.parametrize("words", LISTS)
@pytest.mark.parametrize("version", [0, 15])
@pytest.mark.usefixtures("no_time_passes")
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
    # Some lists are part of one document.
    lines = [json.loads(line) for line in pvc(*command, "-o", "jsonl").out.splitlines()]
    assert lines == (documents if isinstance(documents, list) else [documents])
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
    for typed, offered in (("name,m", ["name,memory", "name,migrated"]), ("name,-V", ["name,-VCPUS", "name,-VMS"])):
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


SCREENS = {
    "cluster status": "one cluster, and what is wrong with it",
    "connection show": "one connection",
    "history show": "one command, and what it changed",
    "network sriov agent sync": "what became of one node's cards",
    "network sriov pf info": "one PF",
    "network sriov vf info": "one VF",
    "schema show": "one schema, and who runs it",
}
"""What shows a table within details of one thing, or after a change; all other tables are lists."""


LEAVES = {" ".join(words): command for words, command in leaves() if words[0] != "sriov"}


def makes_tables(words: str) -> bool:
    """Tell whether the module of a command lays out a table, or lists something."""
    source = (Path(commands.__file__).parent / f"{words.replace(' ', '/')}.py").read_text(encoding="utf-8")
    calls = (call.func for call in ast.walk(ast.parse(source)) if isinstance(call, ast.Call))
    called = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}
    return bool(called & {"table", "show_list", "show_records"}) or words.endswith(" list")


@pytest.mark.parametrize("words", [words for words in LEAVES if makes_tables(words) and words not in SCREENS])
def test_whatever_shows_a_table_takes_the_options_of_lists(words: str) -> None:
    options = {name: option for option in LEAVES[words].params for name in option.opts}
    assert {"--columns", "--sort", "--count-by", "--no-headers"} <= options.keys()
    formats = options["--output"].type
    assert isinstance(formats, click.Choice)
    assert {"wide", "csv", "jsonl"} <= set(formats.choices)


def test_what_shows_details_is_no_list() -> None:
    for words in SCREENS:
        assert "--columns" not in {name for option in LEAVES[words].params for name in option.opts}


@pytest.mark.parametrize("words", LISTS)
def test_every_list_counts_by_each_of_its_columns(
    pvc: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    pvc("connection", "add", "prod", "hv1")
    command = (*words.split(), *ARGUMENTS.get(words, ()))
    headers, *rows = read(pvc(*command, "-o", "csv").out)
    things = next(option for option in LEAVES[words].params if option.name == "sort").known[-1]  # type: ignore[attr-defined]
    for at, header in enumerate(headers):
        name = header.lower().replace(" ", "-")
        counted = read(pvc(*command, "-o", "csv", "--count-by", name).out)
        assert counted[0] == [name.upper(), things]
        values = {row[at] for row in rows}
        if header not in LISTING:
            assert {row[0] for row in counted[1:]} == values
            assert sum(int(row[1]) for row in counted[1:]) == len(rows)
        documents = json.loads(pvc(*command, "-o", "json", "--count-by", name).out)
        assert [list(one) for one in documents] == [[name.replace("-", "_"), things.lower()]] * (len(counted) - 1)


@pytest.mark.parametrize("words", LISTS)
def test_counts_have_the_values_and_types_of_the_lists_own_documents(
    pvc: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    pvc("connection", "add", "prod", "hv1")
    command = (*words.split(), *ARGUMENTS.get(words, ()))
    documents = json.loads(pvc(*command, "-o", "json").out)
    headers, *_ = read(pvc(*command, "-o", "csv").out)
    if isinstance(documents, dict) or not documents:
        return
    for field in (header.lower().replace(" ", "_") for header in headers):
        values = [one[field] for one in documents if isinstance(one.get(field, []), bool | int | str | None)]
        if len(values) != len(documents):
            continue
        counted = json.loads(pvc(*command, "-o", "json", "--count-by", field).out)
        found = Counter({typed(one[field]): next(n for name, n in one.items() if name != field) for one in counted})
        assert found == Counter(typed(None if value == "" else value) for value in values), field
        named = pvc(*command, "-o", "name", "--count-by", field).out.splitlines()
        assert len(named) == sum(one[field] is not None for one in counted)
        assert "" not in named


def typed(value: object) -> tuple[type, object]:
    """A value that is equal to none of another type, as 1 is to True."""
    return type(value), value


@pytest.mark.parametrize(
    ("words", "column", "expected"),
    [
        ("network list", "vni", {1001, 1002, 1003, 2001}),
        ("network list", "dhcp", {True, False}),
        ("vm list", "autostart", {True, False}),
        ("vm list", "network", {"hostdev:ens1f0v0", 1001, 1002, 1003, 2001}),
        ("vm meta get --all", "autostart", {True, False}),
        ("sriov vf list", "used", {True, False}),
        ("sriov vf list", "trust", {True, False}),
        ("sriov vf list", "used-by", {"nfv-01", None}),
        ("sriov vf list", "vlan", {0, 100}),
        ("vm tag list web-01 db-01", "protected", {True, False}),
        ("storage osd list", "up", {True}),
        ("storage osd list", "db-dev", {None}),
    ],
)
def test_counts_are_typed_for_programs(
    on_tree: Pvc, tree: Tree, words: str, column: str, expected: set[object]
) -> None:
    tree.put(f"/domains/{tree.uuid('web-01')}/node_autostart", b"True")
    tree.put("/nodes/pvchv1/sriov/vf/ens1f0v1/config/trust", b"True")
    tree.put("/nodes/pvchv1/sriov/vf/ens1f0v1/config/vlan_id", b"100")
    counted = json.loads(on_tree(*words.split(), "--count-by", column, "-o", "json").out)
    found = [next(iter(one.values())) for one in counted]
    assert set(map(typed, found)) == set(map(typed, expected))


def test_what_has_none_is_no_name(on_tree: Pvc) -> None:
    assert on_tree("vm", "list", "web-01", "--count-by", "node-limit", "-o", "name").out == ""


@pytest.mark.parametrize(
    ("words", "column"),
    [("vm tag list", "vm"), ("node list", "vm-up"), ("sriov pf list", "vf"), ("storage pool list", "pg")],
)
def test_a_column_of_numbers_is_not_counted_by_one_of_the_things(on_tree: Pvc, words: str, column: str) -> None:
    result = on_tree(*words.split(), "--count-by", column)
    assert (result.code, result.out) == (2, "")
    assert f"there is no column '{column}'" in result.err.lower()


def test_what_a_column_lists_is_counted_one_by_one(on_tree: Pvc, tree: Tree) -> None:
    tree.put(f"/domains/{tree.uuid('web-01')}/node_limit", b"pvchv1,pvchv2")
    tree.put(f"/domains/{tree.uuid('web-02')}/node_limit", b"pvchv2,pvchv3")
    tree.put(f"/domains/{tree.uuid('db-01')}/node_limit", b"")
    for column in ("node-limit", "node-limits"):
        result = on_tree("vm", "list", "^(web-0[12]|db-01)$", "--count-by", column, "-o", "csv", "--no-headers")
        if column == "node-limits":
            assert (result.code, result.err.partition(":")[0]) == (2, "Error")
            continue
        assert result.out.split() == ["pvchv1,1", "pvchv2,2", "pvchv3,1", ",1"]
    # Tags are counted without the VMs being read, and from what was read, alike.
    one, all_ = (
        [line.split()[-2:] for line in on_tree("vm", "list", "--count-by", word).out.splitlines()[1:]]
        for word in ("tag", "tags")
    )
    assert one == all_


def test_counts_have_an_order_a_cluster_and_a_reason_for_none(on_tree: Pvc) -> None:
    out = on_tree("sriov", "vf", "list", "--count-by", "used", "--sort=-vfs").out
    assert [line.split()[0] for line in out.splitlines()] == ["USED", "no", "yes"]
    assert on_tree("fault", "list", "--count-by", "status", "-o", "name").out == "ack\n"
    assert on_tree("node", "list", "--count-by", "mode", "-o", "jsonl").out.splitlines() == [
        '{"mode": "coordinator", "nodes": 3}'
    ]
    nothing = on_tree("storage", "volume", "list", "^none$", "--count-by", "pool")
    assert (nothing.out, nothing.err) == ("", "No volume matches.\n")
    refused = on_tree("node", "list", "--count-by", "colour")
    assert refused.code == 2
    assert refused.err.startswith("Error: there is no column 'colour': choose from NAME, DAEMON,")


def test_the_same_things_are_sorted_in_every_format(on_tree: Pvc) -> None:
    names = [
        one["used_by"]
        for one in json.loads(on_tree("sriov", "vf", "list", "--count-by", "used-by", "-o", "json").out)
    ]
    assert None in names
    assert "?" not in names
