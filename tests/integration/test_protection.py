"""A change of many asks first, and nothing is changed where nothing may be."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.command_tree import leaves
from tests.conftest import Pvc, Result, Tree, changes_between, without_daemons
from tests.terminal import Terminal

THIRTY = "30 VMs (app-01, app-02, app-03, …)"
VFS = "24 VFs (pvchv1/ens1f0v0, pvchv1/ens1f0v1, pvchv1/ens1f0v2, …)"


def on_terminal(tree: Tree, *words: str) -> Terminal:
    return Terminal([sys.executable, "-m", "pvc_cli", "--coordinators", tree.hosts, *words], dict(os.environ))


@pytest.mark.parametrize(
    ("words", "question"),
    [
        ("vm stop --all", f"stop {THIRTY}"),
        ("vm shutdown --all", f"shut down {THIRTY}"),
        ("vm disable --all --force", f"disable {THIRTY}"),
        ("vm migrate --all", f"migrate {THIRTY}"),
        ("vm move --all -t pvchv2", f"move {THIRTY} to pvchv2"),
        ("vm meta set --all --autostart", f"set metadata of {THIRTY}"),
        ("vm tag add --all blue", f"add tag 'blue' to {THIRTY}"),
        ("vm tag remove --all production blue --if-exists", f"remove tags 'production', 'blue' from {THIRTY}"),
    ],
)
def test_a_change_of_many_vms_asks_on_a_terminal(demo: Callable[..., Tree], words: str, question: str) -> None:
    tree = demo(vms=30)
    before = tree.dump()
    terminal = on_terminal(tree, *words.split())
    terminal.wait_for(f"{tree.hosts}: {question}? [y/N]: ")
    terminal.type("n\n")
    assert terminal.wait_for_end() == 1
    assert "not confirmed: nothing was changed" in terminal.seen
    assert tree.dump() == before
    # A dry run does not.
    dry = on_terminal(tree, *words.split(), "--dry-run")
    assert dry.wait_for_end() in (0, 1)
    assert "[y/N]" not in dry.seen


@pytest.mark.parametrize(
    ("words", "question"),
    [
        ("claim web-01", f"claim {VFS} for web-01"),
        ("release", f"release {VFS}"),
        ("set --vlan-id=7", f"change settings of {VFS} of which 1 is used by nfv-01"),
    ],
)
def test_a_change_of_many_vfs_asks_on_a_terminal(demo: Callable[..., Tree], words: str, question: str) -> None:
    tree = demo()
    command, *vm = words.split()
    every = ("sriov", "vf", command, "pvchv*/*", *vm)
    before = tree.dump()
    terminal = on_terminal(tree, *every)
    terminal.wait_for(f"{tree.hosts}: {question}? [y/N]: ")
    terminal.type("n\n")
    assert terminal.wait_for_end() == 1
    assert "not confirmed: nothing was changed" in terminal.seen
    assert tree.dump() == before
    terminal = on_terminal(tree, *every, "--yes")
    terminal.wait_for_end()
    assert "[y/N]" not in terminal.seen


@pytest.mark.parametrize(
    ("words", "question"),
    [
        (("vm", "tag", "add", "--all", "blue"), ": add tag 'blue' to 30 VMs ("),
        (("schema", "rollback", "--to", "14", "--force", "--no-backup"), "Migrate from "),
    ],
)
def test_ctrl_c_at_the_question_says_that_nothing_was_changed(
    demo: Callable[..., Tree], words: tuple[str, ...], question: str
) -> None:
    tree = demo(vms=30)
    before = tree.dump()
    terminal = on_terminal(tree, *words)
    terminal.wait_for(question)
    terminal.wait_for("[y/N]: ")
    terminal.press_ctrl_c()
    assert terminal.wait_for_end() == 130
    assert terminal.seen.endswith("Error: interrupted: nothing was changed\r\n")
    assert tree.dump() == before


def test_ctrl_c_where_a_protected_connection_asks_says_that_nothing_was_changed(
    demo: Callable[..., Tree], pvc: Pvc
) -> None:
    tree = demo()
    assert pvc("connection", "add", "prod", tree.hosts, "--protect").code == 0
    for words in (("-c", "prod", "vm", "tag", "add", "web-01", "blue"), ("connection", "remove", "prod")):
        terminal = Terminal([sys.executable, "-m", "pvc_cli", *words], dict(os.environ))
        terminal.wait_for("Type its name to change it: ")
        terminal.press_ctrl_c()
        assert terminal.wait_for_end() == 130
        assert terminal.seen.endswith("Error: interrupted: nothing was changed\r\n")
    assert pvc("connection", "list", "-o", "name").out == "prod\n"


def test_the_question_of_a_restore_says_how_much_of_what_it_changes(
    demo: Callable[..., Tree], pvc: Pvc, tmp_path: Path
) -> None:
    tree = demo()
    file = str(tmp_path / "b.json")
    for words in (("cluster", "backup", file), ("vm", "tag", "add", "app-01,app-02", "newer")):
        assert pvc("--coordinators", tree.hosts, *words).code == 0
    terminal = on_terminal(tree, "cluster", "restore", file, "--force")
    terminal.wait_for(f"Restore {file}: 2 VMs to change (6 znodes to delete, 0 to write)? [y/N]: ")
    assert "  2 VMs to change (app-01, app-02)" in terminal.seen
    terminal.type("n\n")
    assert terminal.wait_for_end() == 1


def test_few_vms_scripts_and_yes_are_not_asked(demo: Callable[..., Tree], pvc: Pvc) -> None:
    tree = demo(vms=30)
    few = on_terminal(tree, "vm", "tag", "add", "web-*", "blue")
    assert few.wait_for_end() == 0
    assert on_terminal(tree, "vm", "tag", "add", "--all", "green", "--yes").wait_for_end() == 0
    assert pvc("--coordinators", tree.hosts, "vm", "tag", "add", "--all", "red").code == 0


def test_names_from_a_pipe_ask_on_the_terminal_of_the_person_behind_it(
    demo: Callable[..., Tree], tmp_path: Path
) -> None:
    tree = demo(vms=30)
    before = tree.dump()
    pvc = f"{sys.executable} -m pvc_cli --coordinators {tree.hosts}"
    (tmp_path / "state.yaml").write_text("version: 1\nvms:\n  - vm: '*'\n    tags: [blue]\n")
    adding = f"add tag 'blue' to {THIRTY}"
    for line, question in (
        (f"{pvc} vm list -o name | {pvc} vm tag add - blue", adding),
        (f"{pvc} vm list -o name | {pvc} vm tag add --name - blue", adding),
        (f"{pvc} apply -f - < {tmp_path}/state.yaml", f"bring {THIRTY} in line with standard input"),
    ):
        terminal = Terminal(["bash", "-c", line], dict(os.environ))
        terminal.wait_for(f"{tree.hosts}: {question}? [y/N]: ")
        terminal.type("n\n")
        assert terminal.wait_for_end() == 1
        assert "not confirmed: nothing was changed" in terminal.seen
        assert tree.dump() == before
    # A script that closes its input on purpose is not asked, nor is one without a terminal.
    script = Terminal(["bash", "-c", f"{pvc} vm tag add --all blue < /dev/null"], dict(os.environ))
    assert script.wait_for_end() == 0
    yes = Terminal(["bash", "-c", f"{pvc} vm list -o name | {pvc} vm tag add - red --yes"], dict(os.environ))
    assert yes.wait_for_end() == 0
    line = f"{pvc} vm list -o name | {pvc} vm tag add - green"
    unseen = subprocess.run(["bash", "-c", line], capture_output=True, check=False, start_new_session=True)
    assert unseen.returncode == 0
    terminal = Terminal(["bash", "-c", f"{pvc} vm list -o name | {pvc} vm tag remove - green"], dict(os.environ))
    terminal.wait_for("[y/N]: ")
    terminal.type("y\n")
    assert terminal.wait_for_end() == 0


def test_the_name_of_a_protected_cluster_is_typed_on_the_terminal_behind_a_pipe(
    demo: Callable[..., Tree], pvc: Pvc, tmp_path: Path
) -> None:
    tree = demo(vms=30)
    before = tree.dump()
    assert pvc("connection", "add", "prod", tree.hosts, "--protect").code == 0
    prod = f"{sys.executable} -m pvc_cli -c prod"
    (tmp_path / "state.yaml").write_text("version: 1\nvms:\n  - vm: web-01\n    tags: [blue]\n")
    lines = [
        f"{prod} vm list web -o name | {prod} vm tag add - blue",
        f"{prod} vm list web -o name | {prod} vm tag add --name - blue",
        f"{prod} vm list web -o name | {prod} vm stop -",
        f"{prod} sriov vf list --unused -o name | {prod} sriov vf set - --vlan-id 7",
        f"{prod} apply -f - < {tmp_path}/state.yaml",
        f"echo load | {prod} key set base.config.migration_target_selector -",
    ]
    for line in lines:
        terminal = Terminal(["bash", "-c", line], dict(os.environ))
        terminal.wait_for("is protected. Type its name to change it: ")
        terminal.type("lab\n")
        assert terminal.wait_for_end() == 1
        assert "not confirmed: nothing was changed (expected 'prod')" in terminal.seen
        assert tree.dump() == before
    # One without a terminal is refused, as is one that closes its input on purpose.
    nobody = subprocess.run(
        ["bash", "-c", lines[0]], capture_output=True, check=False, start_new_session=True, text=True
    )
    assert (nobody.returncode, nobody.stderr.count("no terminal to type its name on: rerun with --confirm prod")) == (
        1,
        1,
    )
    script = Terminal(["bash", "-c", f"{prod} vm tag add web-01 blue < /dev/null"], dict(os.environ))
    assert script.wait_for_end() == 1
    assert "no terminal to type its name on" in script.seen
    assert tree.dump() == before
    # Both questions, one after the other.
    terminal = Terminal(["bash", "-c", f"{prod} vm list -o name | {prod} vm tag add - blue"], dict(os.environ))
    terminal.wait_for("Type its name to change it: ")
    terminal.type("prod\n")
    terminal.wait_for("prod: add tag 'blue' to 30 VMs (")
    terminal.type("y\n")
    assert terminal.wait_for_end() == 0
    assert len(changes_between(before, tree.dump())) == 3 * 30


ASKED_THOUGH_MESSAGES_GO_ELSEWHERE = (
    "PVC vm tag add --all blue 2> err.log",
    "PVC vm tag add --all blue 2>&1 | tee err.log",
    "PVC vm list -o name | PVC vm tag add - blue 2> err.log",
    "PVC vm list -o name | PVC vm tag add - blue 2>&1 | tee err.log",
)


@pytest.mark.parametrize("line", ASKED_THOUGH_MESSAGES_GO_ELSEWHERE)
def test_who_sits_at_a_terminal_is_asked_there_wherever_messages_go(
    demo: Callable[..., Tree], pvc: Pvc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """With its messages in a file or a pipe, a change of everything went through unasked."""
    monkeypatch.chdir(tmp_path)
    tree = demo(vms=30)
    before = tree.dump()

    def typing(cluster: str) -> Terminal:
        command = line.replace("PVC", f"{sys.executable} -m pvc_cli {cluster}")
        return Terminal(["bash", "-c", f"set -o pipefail; {command}"], dict(os.environ))

    terminal = typing(f"--coordinators {tree.hosts}")
    terminal.wait_for(f"{tree.hosts}: add tag 'blue' to {THIRTY}? [y/N]: ")
    terminal.type("n\n")
    assert terminal.wait_for_end() == 1
    assert Path("err.log").read_text() == "Error: not confirmed: nothing was changed\n"
    assert tree.dump() == before
    assert pvc("connection", "add", "prod", tree.hosts, "--protect").code == 0
    terminal = typing("-c prod")
    terminal.wait_for("Type its name to change it: ")
    terminal.type("prod\n")
    terminal.wait_for(f"prod: add tag 'blue' to {THIRTY}? [y/N]: ")
    terminal.type("y\n")
    assert terminal.wait_for_end() == 0
    assert "[y/N]" not in Path("err.log").read_text()
    assert len(changes_between(before, tree.dump())) == 3 * 30


def test_a_job_that_lost_its_shell_is_refused_with_what_to_rerun(demo: Callable[..., Tree], pvc: Pvc) -> None:
    """It has a terminal, and may not read from it."""
    tree = demo(vms=30)
    before = tree.dump()
    assert pvc("connection", "add", "prod", tree.hosts, "--protect").code == 0
    prod = f"{sys.executable} -m pvc_cli -c prod"
    for change, refusal in (
        ("vm tag add - q4", "no terminal to type its name on: rerun with --confirm prod"),
        ("vm tag add - q4 --confirm prod", "no terminal to ask on: rerun with --yes"),
    ):
        line = f'set -m; names=$({prod} vm list -o name); (echo "$names" | {prod} {change} &); sleep 60'
        terminal = Terminal(["bash", "-c", line], dict(os.environ))
        terminal.wait_for(refusal)
        assert re.search(r": \r\nError: [^\r]+\r\n$", terminal.seen)
        assert "Errno" not in terminal.seen
        terminal.close()
    assert tree.dump() == before


@pytest.mark.parametrize(
    ("key", "code", "error"),
    [
        ("\x04", 1, "\r\nError: not confirmed: nothing was changed"),
        ("\x03", 130, "^C\r\nError: interrupted: nothing was changed"),
    ],
)
def test_what_ends_a_question_is_told_on_a_line_of_its_own(
    demo: Callable[..., Tree], pvc: Pvc, key: str, code: int, error: str
) -> None:
    tree = demo(vms=30)
    assert pvc("connection", "add", "prod", tree.hosts, "--protect").code == 0
    prod = f"{sys.executable} -m pvc_cli -c prod"
    for line in (
        f"{prod} vm tag add web-01 blue",
        f"{prod} vm list -o name | {prod} vm tag add - blue",
        f"{prod} --confirm prod vm tag add --all blue",
        f"{prod} vm list -o name | {prod} --confirm prod vm tag add - blue",
        f"{prod} --confirm prod schema rollback --to 14 --force --no-backup",
    ):
        terminal = Terminal(["bash", "-c", f"set -o pipefail; {line}"], dict(os.environ))
        terminal.wait_for("[y/N]: " if "--confirm" in line else "change it: ")
        terminal.press_ctrl_c() if key == "\x03" else terminal.type(key)
        assert terminal.wait_for_end() == code
        assert error in terminal.seen


@pytest.mark.parametrize("value", ["1", "yes", "anything"])
def test_a_read_only_environment_changes_nothing(
    on_tree: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    before = tree.dump()
    monkeypatch.setenv("PVC_READ_ONLY", value)
    for words in (
        ("vm", "tag", "add", "web-01", "blue"),
        ("vm", "stop", "web-01"),
        ("schema", "rollback", "--to", "14", "--force", "--yes", "--no-backup"),
        ("key", "set", "base.config.maintenance", "true"),
    ):
        result = on_tree(*words)
        assert (result.code, tree.dump()) == (1, before)
        assert "PVC_READ_ONLY is set: unset it to change the cluster" in result.err
    assert on_tree("vm", "list").code == 0
    assert on_tree("vm", "tag", "add", "web-01", "blue", "--dry-run").code == 0
    monkeypatch.setenv("PVC_READ_ONLY", "0")
    assert on_tree("vm", "tag", "add", "web-01", "blue").code == 0


NOWHERE = "127.0.0.1:1"
LOCAL = {"connection add", "connection protect", "connection remove", "connection use", "cluster backups prune"}
"""Commands that change files of this machine only."""
CHANGES = {
    "apply": ("-f", "state.yaml"),
    "cluster maintenance": ("on",),
    "cluster restore": ("backup.json",),
    "fault ack": ("--all",),
    "fault delete": ("--all",),
    "key set": ("base.config.maintenance", "true"),
    "network sriov agent sync": ("--config", "pvc.conf"),
    "network sriov pf drain": ("pvchv1", "ens1f0", "--resize", "--config", "pvc.conf"),
    "network sriov pf rename": ("pvchv1", "ens1f0", "ens2f0"),
    "network sriov pf set": ("pvchv1", "ens1f0", "--vfcount", "8", "--config", "pvc.conf"),
    "network sriov vf apply": ("-f", "state.yaml"),
    "network sriov vf audit": ("--fix",),
    "network sriov vf claim": ("pvchv1", "ens1f0v1", "web-01"),
    "network sriov vf release": ("pvchv1", "ens1f0v1"),
    "network sriov vf set": ("pvchv1", "ens1f0v1", "--trust"),
    "node flush": ("pvchv1",),
    "node primary": ("pvchv1",),
    "node ready": ("pvchv1",),
    "node secondary": ("pvchv1",),
    "schema apply": (),
    "schema rollback": ("--to", "14"),
    "schema upgrade": (),
    "undo": ("last",),
    "vm disable": ("web-01",),
    "vm meta set": ("web-01", "--autostart"),
    "vm migrate": ("web-01",),
    "vm move": ("web-01",),
    "vm restart": ("web-01",),
    "vm shutdown": ("web-01",),
    "vm start": ("web-01",),
    "vm stop": ("web-01",),
    "vm tag add": ("web-01", "blue"),
    "vm tag remove": ("web-01", "blue"),
    "vm tag rename": ("production", "live"),
    "vm unmigrate": ("web-01",),
}
PVC_CONF = """
cluster: {coordinator_nodes: [hv1], networks: {cluster: {domain: pvc.invalid}}}
database: {zookeeper: {port: 2181}}
"""


def changing_commands() -> Iterator[str]:
    """Yield every command that has a dry run."""
    for words, command in leaves():
        if words[0] != "sriov" and any("--dry-run" in option.opts for option in command.params):
            yield " ".join(words)


def test_every_command_that_changes_something_is_known_here() -> None:
    assert set(changing_commands()) == LOCAL | CHANGES.keys()


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_tree: Pvc) -> Pvc:
    """A folder with what the commands need, and something to undo; then no cluster but saved connections."""
    monkeypatch.chdir(tmp_path)
    Path("pvc.conf").write_text(PVC_CONF)
    Path("state.yaml").write_text("version: 1\n")
    assert on_tree("cluster", "backup", "backup.json").code == 0
    assert on_tree("vm", "tag", "add", "web-02", "blue").code == 0
    monkeypatch.delenv("PVC_COORDINATORS")
    return on_tree


@pytest.mark.parametrize("name", CHANGES)
def test_protection_is_settled_before_anything_is_read(places: Pvc, name: str) -> None:
    words = (*name.split(), *CHANGES[name])
    # Nobody answers there: whoever reads anything exits 4.
    places("connection", "add", "prod", NOWHERE, "--protect")
    quick = ("--timeout", "0.2")
    for answers in ((), ("--yes",) if "--yes" in places(*name.split(), "--help").out else ()):
        asked = places(*words, *answers)
        assert (asked.code, asked.out) == (1, "")
        assert "'prod' is protected" in asked.err
        assert asked.err.endswith("rerun with --confirm prod\n")
    other = places(*words, "--confirm", "lab")
    assert (other.code, "--confirm says 'lab', but the cluster is 'prod'" in other.err) == (1, True)
    assert places(*words, "--confirm", "prod", *quick).code == 4
    assert places(*words, "--dry-run", *quick).code == 4
    places("connection", "protect", "prod", "--read-only")
    for refused_words in (words, (*words, "--confirm", "prod")):
        refused = places(*refused_words)
        assert (refused.code, refused.out, "connection 'prod' is read-only" in refused.err) == (1, "", True)
    assert places(*words, "--dry-run", *quick).code == 4
    assert places("vm", "list", *quick).code == 4


def test_the_name_of_a_protected_cluster_is_typed(tree: Tree, pvc: Pvc) -> None:
    pvc("connection", "add", "prod", tree.hosts, "--protect")
    before = tree.dump()

    def change(*words: str) -> Terminal:
        terminal = Terminal([sys.executable, "-m", "pvc_cli", "vm", "tag", "add", *words], dict(os.environ))
        terminal.wait_for(f"prod ({tree.hosts}) is protected. Type its name to change it: ")
        return terminal

    for answer in ("y", "", "production"):
        terminal = change("web-01", "blue", "--yes")
        terminal.type(f"{answer}\n")
        assert terminal.wait_for_end() == 1
        assert "not confirmed: nothing was changed" in terminal.seen
        assert tree.dump() == before
    terminal = change("web-01", "blue")
    terminal.type("prod\n")
    assert terminal.wait_for_end() == 0
    assert tree.dump() != before


def test_many_faults_vfs_and_tags_ask_on_a_terminal(demo: Callable[..., Tree], pvc: Pvc) -> None:
    tree = without_daemons(demo)(vms=30)
    for number in range(25):
        tree.put(f"/faults/many{number}", b"")
        for key in ("last_time", "first_time", "status", "delta", "message", "ack_time"):
            tree.put(f"/faults/many{number}/{key}", b"0")
    assert pvc("--coordinators", tree.hosts, "vm", "tag", "add", "--all", "blue").code == 0
    before = tree.dump()
    for question, words in (
        (r"delete \d+ faults \(\w+, \w+, \w+, …\)", ("fault", "delete", "--all")),
        (r"acknowledge \d+ faults \(\w+, \w+, \w+, …\)", ("fault", "ack", "--all")),
        (re.escape(f"rename tag 'blue' to 'green' on {THIRTY}"), ("vm", "tag", "rename", "blue", "green")),
        (rf"undo \S+ on {re.escape(THIRTY.replace('VMs', 'items'))}", ("undo", "last")),
    ):
        terminal = on_terminal(tree, *words)
        terminal.wait_for("[y/N]: ")
        assert re.search(rf"{re.escape(tree.hosts)}: {question}\? \[y/N\]: $", terminal.seen)
        terminal.type("n\n")
        assert terminal.wait_for_end() == 1
        assert tree.dump() == before
    assert on_terminal(tree, "fault", "delete", "--all", "-y").wait_for_end() == 0
    # A question about the whole tree names the cluster, too.
    terminal = on_terminal(tree, "schema", "rollback", "--to", "14", "--no-backup")
    terminal.wait_for(f"{tree.hosts}: Migrate from schema version 15 to 14?")
    terminal.type("n\n")
    assert terminal.wait_for_end() == 1


CHANGE = ("vm", "tag", "add", "web-01", "blue")
UNCONFIRMED = (
    "Error: connection 'prod' is protected, and there is no terminal to type its name on: rerun with --confirm prod\n"
)
READ_ONLY = (
    "Error: connection 'prod' is read-only: use 'pvc connection protect prod' to be asked before each change\n"
)


def test_a_protected_cluster_is_so_however_it_is_named(pvc: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was: --coordinators with the very same servers went around the protection."""
    host, _, chroot = tree.hosts.partition("/")
    assert pvc("connection", "add", "prod", f"{tree.hosts}".replace(host, f"hv9:2181,{host}"), "--protect").code == 0
    before = tree.dump()
    change = CHANGE
    refused = UNCONFIRMED
    named = ("--coordinators", f"{host}/{chroot}")
    assert pvc(*named, *change) == Result(1, "", refused)
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    assert pvc(*change) == Result(1, "", refused)
    assert tree.dump() == before
    # What changes nothing asks nothing.
    assert pvc(*change, "--dry-run").code == 0
    assert pvc("vm", "list").code == 0
    assert pvc(*change, "--confirm", "prod").code == 0
    assert pvc("connection", "protect", "prod", "--read-only", "--confirm", "prod").code == 0
    assert "connection 'prod' is read-only" in pvc(*change).err


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ("  : [broken\n", r", line \d is not valid YAML: "),
        ("\x00", " is not valid YAML: "),
        (None, ": Is a directory"),
    ],
)
def test_a_connections_file_that_cannot_be_read_lets_nothing_be_changed_unconfirmed(
    pvc: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch, home: Path, broken: str | None, why: str
) -> None:
    """One typo turned all protection off: the change was made, with a warning."""
    assert pvc("connection", "add", "prod", tree.hosts, "--protect").code == 0
    path = home / "config" / "pvc" / "connections.yaml"
    if broken is None:
        path.unlink()
        path.mkdir()
    else:
        path.write_text(path.read_text() + broken)
    before = tree.dump()
    for unconfirmed in ((), ("--confirm", "prod"), ("--confirm", ""), ("--yes",)):
        result = pvc("--coordinators", tree.hosts, *CHANGE, *unconfirmed)
        assert (result.code, result.out, result.err.count("\n")) == (3, "", 1)
        assert re.search(f"^Error: .*{re.escape(str(path))}.*{why}", result.err)
        advice = f"is protected is not known: repair the file, or rerun with --confirm {tree.hosts}\n"
        assert result.err.endswith(advice)
    monkeypatch.setenv("PVC_COORDINATORS", tree.hosts)
    assert pvc(*CHANGE).code == 3
    assert tree.dump() == before
    # What changes nothing goes on, and so does a repair that says which cluster it means.
    assert pvc("vm", "list").code == 0
    assert pvc(*CHANGE, "--dry-run").code == 0
    confirmed = pvc(*CHANGE, "--confirm", tree.hosts)
    assert confirmed.code == 0
    assert confirmed.err.startswith("Warning: whether the cluster is protected is not known: ")
    assert tree.dump() != before


def test_a_connections_file_that_cannot_be_read_leaves_a_node_a_way_out_in_each_line(
    pvc: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch, saved: Callable[[str], Path], tmp_path: Path
) -> None:
    """Which connection is current is not known either, so that this node's cluster has to be named."""
    path = saved("connections: [")
    config = tmp_path / "pvc.conf"
    config.write_text(PVC_CONF)
    monkeypatch.setenv("PVC_CONFIG_FILE", str(config))
    for words in (("vm", "list"), CHANGE, ("-c", "prod", "vm", "list")):
        result = pvc(*words)
        assert (result.code, result.out, result.err.count("\n")) == (3, "", 1)
        assert result.err.startswith(f"Error: {path}, line 1 is not valid YAML: ")
        assert result.err.endswith(": repair the file, or use --coordinators HOST[:PORT],…\n")
    refused = pvc("--coordinators", tree.hosts, *CHANGE)
    assert refused.err.endswith(f"or rerun with --confirm {tree.hosts}\n")
    assert pvc("--coordinators", tree.hosts, *CHANGE, "--confirm", tree.hosts).code == 0


@pytest.mark.parametrize(
    "spelled",
    [
        "127.0.0.1:PORT/CHROOT/",
        "127.0.0.1:0PORT/CHROOT",
        " 127.0.0.1:PORT/CHROOT",
        "somebody@127.0.0.1:PORT/CHROOT",
        "127.1:PORT/CHROOT",
        "0.0.0.0:PORT/CHROOT",
        "[::ffff:127.0.0.1]:PORT/CHROOT",
        "localhost:PORT/CHROOT",
        "LocalHost:PORT/CHROOT/",
        "hv9.invalid,127.0.0.1:PORT/CHROOT/",
    ],
)
@pytest.mark.parametrize("saved", ["127.0.0.1:PORT/CHROOT", "LOCALHOST:PORT/CHROOT/"])
def test_a_protected_cluster_is_so_however_its_servers_are_spelled(
    pvc: Pvc, tree: Tree, saved: str, spelled: str
) -> None:
    host, _, chroot = tree.hosts.partition("/")
    port = host.partition(":")[2]
    saved, spelled = (text.replace("PORT", port).replace("CHROOT", chroot) for text in (saved, spelled))
    assert pvc("connection", "add", "prod", saved, "--read-only").code == 0
    before = tree.dump()
    assert pvc("--coordinators", spelled, *CHANGE) == Result(1, "", READ_ONLY)
    assert tree.dump() == before


def test_another_tree_on_the_servers_of_a_protected_cluster_is_changed_unasked(pvc: Pvc, tree: Tree) -> None:
    host, _, chroot = tree.hosts.partition("/")
    for name, hosts in (("root", host), ("other", f"{host}/elsewhere"), ("below", f"{host}/{chroot}/below")):
        assert pvc("connection", "add", name, hosts, "--read-only").code == 0
    changed = pvc("--coordinators", tree.hosts, *CHANGE)
    assert (changed.code, changed.err) == (0, "web-01: tag 'blue' added.\n")


@pytest.fixture
def saved(home: Path) -> Callable[[str], Path]:
    """Return what writes a connections file, as an editor does."""
    path = home / "config" / "pvc" / "connections.yaml"

    def write(text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    "broken",
    [
        "lab: {coordinator: hv1}",
        "lab: hv1",
        "lab:",
        "lab: {coordinators: [hv1]}",
        "lab: {coordinators: 'hv 1', protection: confirm}",
        "lab: {coordinators: hv1.invalid, protection: readonly}",
        "lab: {coordinators: hv1.invalid, password: secret}",
    ],
)
def test_a_bad_entry_leaves_the_protection_of_others_as_it_is(
    pvc: Pvc, tree: Tree, saved: Callable[[str], Path], broken: str
) -> None:
    prod = f"prod: {{coordinators: '{tree.hosts}', protection: read-only}}"
    before = tree.dump()
    for entries in ((broken, prod), (prod, broken)):
        saved("connections:\n" + "".join(f"  {entry}\n" for entry in entries))
        changed = pvc("--coordinators", tree.hosts, *CHANGE)
        assert (changed.code, changed.err.splitlines()[-1:]) == (1, [READ_ONLY.strip()])
    assert tree.dump() == before


def test_an_unknown_protection_of_the_cluster_counts_as_read_only(
    pvc: Pvc, tree: Tree, saved: Callable[[str], Path]
) -> None:
    path = saved(
        f"connections:\n  lab: {{coordinators: '{tree.hosts}', protection: confirm}}\n"
        f"  prod: {{coordinators: '{tree.hosts}', protection: readonly}}\n"
    )
    before = tree.dump()
    refused = Result(
        1,
        "",
        f"Error: connection 'prod' counts as read-only: {path}, connection 'prod': protection is 'readonly': use"
        " confirm or read-only\n",
    )
    assert pvc("--coordinators", tree.hosts, *CHANGE) == refused
    assert pvc("--coordinators", tree.hosts, *CHANGE, "--confirm", "lab") == refused
    assert pvc("-c", "lab", *CHANGE, "--confirm", "lab") == refused
    assert tree.dump() == before


def test_an_entry_without_servers_that_says_a_protection_may_be_of_any_cluster(
    pvc: Pvc, tree: Tree, saved: Callable[[str], Path]
) -> None:
    """It was pointed out, and the change made: that of the very cluster whose servers are misspelt, too."""
    path = saved("connections:\n  prod: {coordinator: hv1, protection: read-only}\n")
    before = tree.dump()
    why = f"{path}: connection 'prod' has no 'coordinators'"
    refusal = (
        f"Error: {why}: whether '{tree.hosts}' is protected is not known: repair the file, or rerun with --confirm"
        f" {tree.hosts}\n"
    )
    assert pvc("--coordinators", tree.hosts, *CHANGE) == Result(3, "", refusal)
    assert tree.dump() == before
    changed = pvc("--coordinators", tree.hosts, *CHANGE, "--confirm", tree.hosts)
    warning = f"Warning: whether the cluster is protected is not known: {why}\n"
    assert (changed.code, changed.err) == (0, f"{warning}web-01: tag 'blue' added.\n")


@pytest.mark.parametrize("names", [("lab", "prod"), ("prod", "zoo")])
@pytest.mark.parametrize("weaker", ["--protect", None])
def test_of_several_names_for_a_cluster_the_strictest_protection_holds(
    pvc: Pvc, tree: Tree, names: tuple[str, str], weaker: str | None
) -> None:
    other = next(name for name in names if name != "prod")
    for name in names:
        option = ("--read-only",) if name == "prod" else (weaker,) if weaker else ()
        assert pvc("connection", "add", name, tree.hosts, *option).code == 0
    before = tree.dump()
    for named in (("--coordinators", tree.hosts), ("-c", other), ("-c", other, "--confirm", other), ("-c", "prod")):
        assert pvc(*named, *CHANGE) == Result(1, "", READ_ONLY)
    assert tree.dump() == before


def test_of_two_names_that_ask_the_one_that_is_used_is_typed(pvc: Pvc, tree: Tree) -> None:
    for name in ("lab", "prod"):
        assert pvc("connection", "add", name, tree.hosts, "--protect").code == 0
    assert pvc("-c", "prod", *CHANGE) == Result(1, "", UNCONFIRMED)
    assert pvc("-c", "prod", *CHANGE, "--confirm", "prod").code == 0
