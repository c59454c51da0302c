"""Hostile input, on the command line and in the tree: no traceback, no escape sequence, no change not meant."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pvc_cli.agent.config import parse_config
from pvc_cli.connections.node_config import read_node_config
from pvc_cli.connections.saved import Connections
from pvc_cli.errors import ConfigError
from pvc_cli.zk import ZKHandler
from pvc_cli.zk.backup import decode_backup
from pvc_cli.zk.live import LiveStore
from pvc_cli.zk.snapshot import SnapshotStore
from pvc_cli.zk.store import Op
from tests.command_tree import leaves
from tests.conftest import Pvc, Tree, examples

# A session's keeper draws random numbers of its own meanwhile, and Hypothesis takes that for the test's doing.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
MANY = settings(
    examples(150),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# What starts servers, waits for ever, asks, or has no cluster to do with.
LEFT_OUT = {"sandbox", "completion", "version", "run", "sync", "--watch", "--help", "-h"}
NASTY = [
    "", " ", "-", "--", "..", ".", "/", "a/b", "\n", "\x1b[2J", "\u202e", "\ud800", "\U0001f600", "%s", "$(id)",
    "'", '"', ",", ",,", "*", "[", "[!", "?", "0", "-1", "4294967296", "9" * 400, "1e9", "NaN", "True", "x" * 5000,
    "00000000-0000-0000-0000-000000000000", "web-01", "pvchv1", "ens1f0", "ens1f0v1", "production", "file:/",
    "domain.state",
]  # fmt: skip
# Anything but NUL: no process can be given that.
words = st.one_of(st.sampled_from(NASTY), st.text(st.characters(exclude_characters="\0"), max_size=20))
LEAVES = [(words, command) for words, command in leaves() if not LEFT_OUT & {*words} and "sriov" not in words[1:]]


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """Any command, with any of its options, each with anything for a value."""
    path, command = draw(st.sampled_from(LEAVES))
    line: list[str] = []
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            name = draw(st.sampled_from([*parameter.opts, *parameter.secondary_opts]))
            if LEFT_OUT & {*parameter.opts} or not draw(st.booleans()):
                continue
            line.append(name)
            if not parameter.is_flag:
                line.append(draw(words))
        else:
            line += draw(
                st.lists(words, min_size=0, max_size=3) if parameter.nargs == -1 else st.lists(words, max_size=1)
            )
    return [*path, *draw(st.permutations(line) if draw(st.booleans()) else st.just(line))]


def judge(code: int, out: str, err: str) -> None:
    assert code in (0, 1, 2, 3, 4, 5)
    assert "Traceback" not in err
    for text in (out, err):
        assert not any(
            (ord(character) < 32 and character not in "\n") or 0x7F <= ord(character) < 0xA0 for character in text
        )
        assert "\u202e" not in text
    if code == 2:
        assert err.splitlines()[-1].startswith("Error: ")
        assert out == ""


@MANY
@given(line=command_lines(), names=st.text(max_size=20))
@example(line=["vm", "list", "\ud800"], names="")
def test_any_command_line_ends_with_a_code_and_a_line(
    pvc: Pvc, file_cluster: Path, line: list[str], names: str, tmp_path: Path
) -> None:
    """On a copy of the demo cluster in a file, so that one example does not undo another."""
    folder = tmp_path / "here"
    folder.mkdir(exist_ok=True)
    os.chdir(folder)
    copy = tmp_path / "cluster.json"
    copy.write_bytes(file_cluster.read_bytes())
    result = pvc("--write", "-c", f"file:{copy}", *line, stdin=f"web-01\n{names}")
    judge(result.code, result.out, result.err)
    if result.code == 2:
        assert json.loads(copy.read_text()) == json.loads(file_cluster.read_text())
    decode_backup(copy.read_text(), str(copy))


@pytest.fixture
def file_cluster(on_tree: Pvc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo cluster in a file; the folder that the test stands in is its own."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "whole.json"
    assert on_tree("cluster", "backup", str(path)).code == 0
    monkeypatch.delenv("PVC_COORDINATORS")
    return path


READING = [
    "vm list", "vm list -o json", "vm list -o yaml", "vm list -s start -t pvchv1 -g production", "vm info web-01",
    "vm info web-01 -o json", "vm tag list", "vm tag list web-01", "vm tag add --all seen --dry-run",
    "vm tag remove --all production --dry-run", "node list", "node info pvchv1", "node list -o json", "sriov pf list",
    "sriov pf info pvchv1 ens1f0", "sriov vf list", "sriov vf list -o json", "sriov vf info pvchv1 ens1f0v0",
    "sriov vf set pvchv1 ens1f0v* --vlan-id 5 --dry-run", "sriov vf claim pvchv1 ens1f0v1 web-01 --dry-run",
    "sriov vf release pvchv1 ens1f0v0 --dry-run", "sriov vf audit", "sriov vf audit --fix --dry-run", "schema show",
    "schema validate", "schema validate -o json", "schema apply --dry-run", "schema rollback --to 3 --dry-run",
]  # fmt: skip
values = st.one_of(
    st.sampled_from([
        b"", b"\xff\xfe", b"\x00", b"\x1b]0;owned\x07\x1b[2J", "\u202eevil\u2066".encode(), b"<domain>", b"<a/>",
        b"maybe", b"-1", b"NaN", b"inf", b"1e400", b"9" * 5000,
        b"<!DOCTYPE d [<!ENTITY a 'a'><!ENTITY b '&a;&a;'>]><domain>&b;</domain>",
        b"<domain><vcpu>x</vcpu><memory unit='parsec'>1</memory><devices><interface/><disk/></devices></domain>",
        b"x" * 900_000, "\U0001f600".encode(), b"99999999-9999-9999-9999-999999999999",
    ]),
    st.binary(max_size=40),
)  # fmt: skip


@pytest.fixture
def sound(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What is in the demo cluster; and whoever writes to it is found out."""

    def commit(_store: LiveStore, ops: Sequence[Op]) -> None:
        raise AssertionError(f"a command that only looks wants to write: {ops}")

    monkeypatch.setattr(LiveStore, "commit", commit)
    return tree.dump()


@settings(examples(60), suppress_health_check=MANY.suppress_health_check)
@given(data=st.data())
def test_whatever_is_in_the_tree_every_listing_shows_it(
    pvc: Pvc, tree: Tree, sound: dict[str, bytes], data: st.DataObject
) -> None:
    """Some znodes hold anything, some are gone; and what shows them changes nothing."""
    paths = [path for path in sorted(sound) if path.count("/") > 1 and path != "/schema/version"]
    hostile = data.draw(st.dictionaries(st.sampled_from(paths), st.one_of(st.none(), values), min_size=1, max_size=6))
    command = data.draw(st.sampled_from(READING))
    touched: set[str] = set()
    try:
        for path, value in sorted(hostile.items(), reverse=True):
            if value is None:
                touched |= {known for known in sound if f"{known}/".startswith(f"{path}/")}
                tree.client.delete(path, recursive=True)
            elif path not in touched:
                touched.add(path)
                tree.client.set(path, value)
        result = pvc("--coordinators", tree.hosts, *command.split())
        judge(result.code, result.out, result.err)
    finally:
        for path in sorted(touched):
            tree.put(path, sound[path])


def test_a_value_of_a_megabyte_is_shown_and_not_choked_on(pvc: Pvc, tree: Tree) -> None:
    uuid = tree.uuid("web-01")
    tree.client.set(f"/domains/{uuid}/xml", b"<domain><description>" + b"x" * 1_000_000 + b"</description></domain>")
    tree.client.set(f"/domains/{uuid}/consolelog", b"\x1b" * 1_040_000)
    result = pvc("--coordinators", tree.hosts, "vm", "info", "web-01", "-o", "json")
    assert (result.code, len(json.loads(result.out)["description"])) == (0, 1_000_000)
    assert pvc("--coordinators", tree.hosts, "vm", "list").code == 0
    assert pvc("--coordinators", tree.hosts, "cluster", "backup", "-").code == 0


@MANY
@given(text=st.one_of(
    st.text(max_size=60),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["/", "/a", "/a/b", "a", "", "/../x"]), inner)
        ),
        max_leaves=8,
    ).map(json.dumps),
))  # fmt: skip
def test_a_file_that_is_no_backup_is_refused_and_one_that_is_can_be_read(text: str) -> None:
    if refused := refusal(lambda: decode_backup(text, "x.json")):
        assert refused.startswith("x.json is not a PVC backup: ")
    else:
        handler = ZKHandler.over(SnapshotStore(decode_backup(text, "x.json")))
        assert handler.children("base.root") is not None


def refusal(read: Callable[[], object]) -> str:
    """Return why something is refused, empty if it is not."""
    try:
        read()
    except ConfigError as error:
        return str(error)
    return ""


@MANY
@given(content=st.one_of(
    st.binary(max_size=60),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([
            "connections", "current", "a", "coordinators", "user", "password", "tls", "guest_networking",
            "sriov_enable", "sriov_device", "phy", "vfcount", "mtu"]), inner, max_size=4),
        max_leaves=12,
    ).map(lambda document: json.dumps(document).encode()),
))  # fmt: skip
def test_a_configuration_file_of_anything_is_read_or_refused(home: Path, content: bytes) -> None:
    path = home / "config" / "pvc" / "connections.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o600)

    def load() -> None:
        connections = Connections.load()
        for name in connections.hosts:
            connections.access(name)

    for read in (load, lambda: parse_config(*read_node_config(path))):
        if refused := refusal(read):
            assert str(path) in refused
            assert "\n" not in refused
