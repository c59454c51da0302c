"""What a person sees on a terminal of 80 columns."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pvc_cli.sandbox.server import Server
from pvc_cli.zk import ZKHandler
from tests.conftest import Tree, sessions, without_daemons
from tests.latency import far_away
from tests.terminal import Terminal, Tmux
from tests.waiting import wait_until


def pvc_on_terminal(tree: Tree | Server, *arguments: str, columns: int = 80, **environment: str) -> Terminal:
    command = [str(Path(sys.executable).with_name("pvc")), *arguments]
    return Terminal(command, {**environment_for(tree), **environment}, columns=columns)


def environment_for(tree: Tree | Server) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    own = {"PATH": path, "HOME": "/nonexistent", "LANG": "C.UTF-8", "PVC_PAGER": "cat"}
    common = own | {"PVC_COORDINATORS": tree.hosts}
    return common | {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}


@pytest.fixture
def tmux(tree: Tree) -> Iterator[Callable[..., Tmux]]:
    """Give what opens a shell in tmux."""
    opened: list[Tmux] = []

    def open_one(pager: str = "cat", **size: int) -> Tmux:
        opened.append(Tmux({**environment_for(tree), "PVC_PAGER": pager}, **size))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def with_tags(tree: Tree, name: str, *tags: str) -> None:
    with ZKHandler(tree.hosts) as handler:
        uuid = tree.uuid(name)
        for tag in tags:
            base = ("domain.meta.tags", uuid)
            handler.write(
                [
                    ((*base, "tag", tag), ""),
                    ((*base, "tag.type", tag), "user"),
                    ((*base, "tag.protected", tag), "False"),
                ]
            )


def test_a_table_is_coloured_and_no_wider_than_the_terminal(tree: Tree) -> None:
    terminal = pvc_on_terminal(tree, "vm", "list")
    assert terminal.wait_for_end() == 0
    assert "\x1b[32mstart\x1b[0m" in terminal.seen
    lines = re.sub(r"\x1b\[\d+m", "", terminal.seen).split("\r\n")
    assert max(map(len, lines)) <= 80
    assert lines[-2:] == ["20 VMs", ""]
    assert len(lines) == 23


def test_no_color_means_none(tree: Tree) -> None:
    for terminal in (
        pvc_on_terminal(tree, "vm", "list", NO_COLOR="1"),
        pvc_on_terminal(tree, "--no-color", "vm", "list"),
    ):
        assert terminal.wait_for_end() == 0
        assert "\x1b" not in terminal.seen


def test_json_on_a_terminal_is_indented(tree: Tree) -> None:
    terminal = pvc_on_terminal(tree, "vm", "tag", "list", "db-01", "-o", "json")
    assert terminal.wait_for_end() == 0
    assert terminal.seen.startswith('{\r\n  "name": "db-01"')


def test_a_bulk_change_shows_how_far_it_is(demo: Callable[..., Tree]) -> None:
    terminal = pvc_on_terminal(demo(vms=200), "vm", "tag", "add", "--all", "t", "--yes")
    assert terminal.wait_for_end() == 0
    assert "200/200" in terminal.seen
    assert "200 changed, 0 unchanged, 0 refused." in terminal.seen


def test_watching_redraws_only_what_changed_and_leaves_a_clean_screen(tree: Tree) -> None:
    terminal = pvc_on_terminal(tree, "--no-color", "vm", "list", "^(db|dns)-0", "--watch", TERM="xterm")
    terminal.wait_for("4 VMs")
    assert terminal.seen.startswith("\x1b[?1049h")
    terminal.seen = ""
    tree.put(f"/domains/{tree.uuid('db-02')}/state", b"fail")
    terminal.wait_for("fail")
    assert re.fullmatch(r"\x1b\[3H\x1b\[Kdb-02 +fail +pvchv1[^\x1b]+", terminal.seen)
    terminal.seen = ""
    with ZKHandler(tree.hosts) as handler:
        handler.delete([("domain", tree.uuid("dns-02"))])
    terminal.wait_for("\x1b[J")
    assert terminal.seen == "\x1b[5H\x1b[K3 VMs\x1b[6H\x1b[J"
    terminal.seen = ""
    terminal.type("\x03")
    assert terminal.wait_for_end() == 130
    assert terminal.seen == "\x1b[?7h\x1b[?25h\x1b[?1049l"


def test_watching_follows_the_size_of_the_terminal(tree: Tree) -> None:
    terminal = pvc_on_terminal(tree, "--no-color", "vm", "list", "--watch", TERM="xterm")
    terminal.wait_for("web-02")
    terminal.seen = ""
    terminal.resize(10, 74)
    terminal.wait_for("… 13 more lines")
    terminal.wait_for("20 VMs")
    rows = re.sub(r"\x1b\[\d*[HKJ]", "\n", terminal.seen).split("\n")
    assert max(map(len, rows)) <= 74
    terminal.type("\x03")
    assert terminal.wait_for_end() == 130


def test_an_error_ends_the_watching_on_the_screen_that_was_there_before(tree: Tree) -> None:
    terminal = pvc_on_terminal(tree, "vm", "list", "--watch", "-t", "pvchv3", TERM="xterm")
    terminal.wait_for("start")
    terminal.seen = ""
    tree.client.delete("/nodes/pvchv3", recursive=True)
    tree.put(f"/domains/{tree.uuid('web-01')}/state", b"fail")
    assert terminal.wait_for_end() == 1
    assert re.search(r"1049lError: there is no node 'pvchv3'", terminal.seen)


def test_a_dry_run_is_a_tree_every_changed_line_marked(demo: Callable[..., Tree]) -> None:
    terminal = pvc_on_terminal(
        without_daemons(demo)(version=9), "--no-color", "schema", "upgrade", "--to", "10", "--dry-run", "--paths"
    )
    assert terminal.wait_for_end() == 0
    assert terminal.seen.split("\r\n")[:-2] == [
        "Dry run: /ceph: 3 to create",
        "Dry run: /cmd: 4 to delete",
        "Dry run: /schema: 1 to set",
        "              /ceph",
        "                /osds",
        "                  /0",
        "would create        /is_split = 'False'",
        "                  /1",
        "would create        /is_split = 'False'",
        "                  /2",
        "would create        /is_split = 'False'",
        "              /schema",
        "would set       /version = '10'",
        "              /cmd",
        "would delete    /nodes",
        "would delete    /domains",
        "would delete    /ceph",
        "would delete  /cmd",
    ]


def test_an_upgrade_asks_and_takes_no_for_an_answer(demo: Callable[..., Tree]) -> None:
    tree = demo(version=14)
    terminal = pvc_on_terminal(tree, "schema", "upgrade", "--no-backup")
    terminal.wait_for("Migrate from schema version 14 to 15? All PVC daemons will restart. [y/N]")
    terminal.type("n\n")
    assert terminal.wait_for_end() == 1
    assert "Error: not confirmed: nothing was changed" in terminal.seen
    assert tree.client.get("/schema/version")[0] == b"14"
    terminal = pvc_on_terminal(tree, "schema", "upgrade", "--no-backup")
    terminal.wait_for("[y/N]")
    terminal.type("y\n")
    assert terminal.wait_for_end() == 0
    assert "Schema version is now 15 (was 14): 1 created, 0 moved, 1 set, 0 deleted." in terminal.seen


def test_ctrl_c_stops_a_run_between_transactions_and_says_that_none_was_sent(demo: Callable[..., Tree]) -> None:
    """Hold the lock, so that Ctrl-C is pressed before the first transaction; then let go."""
    tree = demo(version=0)
    lock = tree.client.Lock("/schema/version", "a daemon")
    lock.acquire()
    terminal = pvc_on_terminal(tree, "schema", "upgrade", "--yes", "--no-backup")
    terminal.wait_for("held by a daemon")
    before = tree.dump("/domains")
    terminal.type("\x03")
    # The terminal sends the signal before it shows that it did.
    terminal.wait_for("^C")
    lock.release()
    assert terminal.wait_for_end() == 130
    assert terminal.seen.endswith("Error: interrupted: nothing was changed\r\n")
    assert tree.dump("/domains") == before
    assert pvc_on_terminal(tree, "schema", "upgrade", "--yes", "--no-backup").wait_for_end() == 0


def test_ctrl_z_gives_the_terminal_back_and_fg_draws_the_list_again(tree: Tree, tmux: Callable[..., Tmux]) -> None:
    shell = tmux()
    shell.type("pvc --no-color vm list '^(db|dns)-0' --watch", "Enter")
    shell.wait_for("4 VMs")
    assert shell.on_other_screen()
    for state in ("fail", "stop"):
        shell.type("C-z")
        shell.wait_for("Stopped")
        assert not shell.on_other_screen()
        assert "4 VMs" not in shell.shown()
        tree.put(f"/domains/{tree.uuid('db-02')}/state", state.encode())
        shell.type("clear; fg", "Enter")
        shell.wait_for("4 VMs")
        shell.wait_for(f"db-02   {state}")
        assert shell.on_other_screen()
        assert [line.split()[0] for line in shell.shown()] == ["NAME", "db-01", "db-02", "dns-01", "dns-02", "4"]
    shell.type("C-c")
    shell.wait_for("ready>")
    assert not shell.on_other_screen()


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("vm list", "web-02"),
        ("node list", "pvchv3"),
        ("sriov vf list", "ens1f0v1"),
        ("fault list", "2 faults"),
        ("cluster status --min-health 0", "pvchv1"),
        ("vm list < /dev/null", "web-02"),
    ],
)
def test_q_ends_the_watching_and_leaves_the_terminal_as_it_was(
    tree: Tree, tmux: Callable[..., Tmux], tmp_path: Path, words: str, shown: str
) -> None:
    shell = tmux()
    shell.type(f"stty -a > {tmp_path}/before; clear; pvc {words} --watch", "Enter")
    shell.wait_for(shown)
    assert shell.on_other_screen()
    drawn = shell.shown()
    shell.type("xyz", "Enter", "Up")
    shell.type("C-z")
    shell.wait_for("Stopped")
    shell.type(f"stty -a | diff - {tmp_path}/before && echo same", "Enter")
    shell.wait_for("\nsame")
    shell.type("clear; fg", "Enter")
    wait_until(shell.on_other_screen, 20)
    shell.wait_for(shown)
    assert shell.shown()[:3] == drawn[:3]
    shell.type("q")
    wait_until(lambda: not shell.on_other_screen(), 20)
    shell.type(f"echo code $?; stty -a | diff - {tmp_path}/before && echo again the same", "Enter")
    shell.wait_for("\nagain the same")
    assert "code 0" in shell.shown()


@pytest.mark.parametrize("into_background", ["&", "Ctrl-Z and bg"])
def test_a_watching_in_the_background_takes_no_key_and_is_not_stopped(
    tree: Tree, tmux: Callable[..., Tmux], tmp_path: Path, into_background: str
) -> None:
    """Nor does it draw. It took the shell's screen, and heard no key when it came to the front."""
    shell = tmux()
    watch = "pvc --no-color vm list '^web-01$' --watch"
    shell.type(f"stty -a > {tmp_path}/before", "Enter")
    before = sessions(tree.hosts)
    if into_background == "&":
        shell.type(f"clear; {watch} &", "Enter")
        wait_until(lambda: sessions(tree.hosts) > before, 20)
    else:
        shell.type(watch, "Enter")
        shell.wait_for("1 VM")
        shell.type("C-z")
        shell.wait_for("Stopped")
        shell.type("clear; bg", "Enter")
    for state in ("fail", "stop"):
        shell.type(f"clear; echo quit {state}", "Enter")
        shell.wait_for(f"quit {state}\nready>")
        tree.put(f"/domains/{tree.uuid('web-01')}/state", state.encode())
        # For as long as drawing it would take, and looking for the terminal.
        time.sleep(1)
        assert shell.as_shells_have_it()
        assert shell.shown() == [f"quit {state}", "ready>"]
    shell.type(f"jobs > {tmp_path}/jobs; clear; fg", "Enter")
    shell.wait_for("1 VM")
    assert shell.on_other_screen()
    assert "Running" in (tmp_path / "jobs").read_text()
    assert shell.shown()[1].split()[:2] == ["web-01", "stop"]
    shell.type("C-z")
    shell.wait_for("Stopped")
    assert shell.as_shells_have_it()
    shell.type("clear; fg", "Enter")
    shell.wait_for("1 VM")
    shell.type("q")
    wait_until(shell.as_shells_have_it, 20)
    shell.type(f"echo code $?; stty -a | diff - {tmp_path}/before && echo the same", "Enter")
    shell.wait_for("\nthe same")
    assert "code 0" in shell.shown()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGQUIT, 131), (signal.SIGTERM, 143)]
)
def test_a_signal_that_ends_the_watching_leaves_the_terminal_as_it_was(
    tree: Tree, tmux: Callable[..., Tmux], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    shell = tmux()
    shell.type(f"stty -a > {tmp_path}/before; clear", "Enter")
    shell.type(f"sh -c 'echo $$ > {tmp_path}/process; exec pvc vm list --watch'", "Enter")
    shell.wait_for("web-02")
    assert not shell.as_shells_have_it()
    if number == signal.SIGQUIT:
        shell.type("C-\\")
    else:
        os.kill(int((tmp_path / "process").read_text()), number)
    wait_until(shell.as_shells_have_it, 20)
    shell.type(f"echo code $?; stty -a | diff - {tmp_path}/before && echo the same", "Enter")
    shell.wait_for("\nthe same")
    assert f"code {code}" in shell.shown()


def test_a_terminal_that_is_closed_ends_the_watching(tree: Tree) -> None:
    terminal = pvc_on_terminal(tree, "vm", "list", "--watch", TERM="xterm")
    terminal.wait_for("web-02")
    assert terminal.close() == 129


@pytest.mark.parametrize("columns", [60, 40, 25])
@pytest.mark.parametrize("words", ["vm list", "sriov vf list", "storage osd list", "network list", "node list"])
def test_a_narrow_terminal_wraps_no_line(tree: Tree, words: str, columns: int) -> None:
    terminal = pvc_on_terminal(tree, "--no-color", *words.split(), columns=columns)
    assert terminal.wait_for_end() == 0
    table = [line for line in terminal.seen.split("\r\n") if not line.startswith("The terminal")]
    assert max(map(len, table)) <= columns


def test_wide_characters_are_aligned_as_the_terminal_draws_them(tree: Tree, tmux: Callable[..., Tmux]) -> None:
    names = {"db-01": "日本語サーバー", "db-02": "🚀rocket", "dns-01": "e\u0301te\u0301", "dns-02": "한국"}
    for name, new in names.items():
        tree.put(f"/domains/{tree.uuid(name)}", new.encode())
    shell = tmux()
    shell.type("clear; pvc --no-color vm list", "Enter")
    shell.wait_for("20 VMs")
    columns = {column_of(line, "start") for line in shell.shown() if "  start" in line and "pvchv" in line}
    assert len(columns) == 1


def column_of(line: str, word: str) -> int:
    before = line[: line.index(word)]
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in before)


def test_a_dumb_terminal_gets_neither_colour_nor_a_second_screen(tree: Tree) -> None:
    terminal = pvc_on_terminal(tree, "vm", "list", "^db", "--watch", TERM="dumb")
    terminal.wait_for("2 VMs")
    tree.put(f"/domains/{tree.uuid('db-02')}/state", b"fail")
    terminal.wait_for("fail")
    terminal.type("\x03")
    assert terminal.wait_for_end() == 130
    assert "\x1b" not in terminal.seen


def test_a_terminal_of_unknown_width_gets_whole_cells(tree: Tree) -> None:
    with_tags(tree, "db-01", *(f"a-rather-long-tag-{number}" for number in range(10)))
    terminal = pvc_on_terminal(tree, "--no-color", "vm", "list", "^db-01", columns=0)
    assert terminal.wait_for_end() == 0
    assert "a-rather-long-tag-9" in terminal.seen
    assert "…" not in terminal.seen


@pytest.mark.parametrize(
    ("key", "items", "value", "shown"),
    [
        ("domain.meta.tags", ("tag.protected", "production"), "True", '"protected": true'),
        ("domain.meta.node_limit", (), "pvchv2", '"node_limit": ["pvchv2"]'),
        ("domain.meta.node_selector", (), "vcpus", '"node_selector": "vcpus"'),
        ("domain.meta.autostart", (), "True", '"node_autostart": true'),
        ("domain.profile", (), "other", '"profile": "other"'),
        ("domain.failed_reason", (), "no memory", '"failed_reason": "no memory"'),
        ("domain.name", (), "renamed", '"name": "renamed"'),
    ],
)
def test_whatever_a_document_shows_is_watched(
    tree: Tree, key: str, items: tuple[str, ...], value: str, shown: str
) -> None:
    words = [str(Path(sys.executable).with_name("pvc")), "vm", "list", "^(app-01|renamed)$", "--watch", "-o", "jsonl"]
    program = subprocess.Popen(words, env=environment_for(tree), stdout=subprocess.PIPE, text=True)
    assert program.stdout
    try:
        assert shown not in program.stdout.readline()
        with ZKHandler(tree.hosts) as handler:
            handler.write([((key, tree.uuid("app-01"), *items), value)])
        assert shown in program.stdout.readline()
    finally:
        program.send_signal(signal.SIGINT)
        assert program.wait(20) == 130
        program.stdout.close()


def test_wide_and_named_columns_are_watched_as_well(tree: Tree) -> None:
    terminal = pvc_on_terminal(
        tree, "--no-color", "vm", "list", "^app-01$", "--watch", "--columns", "name,failed-reason", TERM="xterm"
    )
    terminal.wait_for("1 VM")
    with ZKHandler(tree.hosts) as handler:
        handler.write([(("domain.failed_reason", tree.uuid("app-01")), "no memory left")])
    terminal.wait_for("no memory left")
    terminal.type("\x03")
    assert terminal.wait_for_end() == 130


def test_a_command_that_takes_long_shows_that_it_is_alive(tree: Tree) -> None:
    with far_away(tree.hosts, 0.5) as hosts:
        terminal = pvc_on_terminal(tree, "--coordinators", hosts, "cluster", "status")
        terminal.wait_for(f"\r\x1b[KReading {hosts} … 2 s")
        terminal.wait_for("… 3 s")
        terminal.wait_for_end()
        shown, _, result = terminal.seen.rpartition("\r\x1b[K")
        assert "Reading" not in result
        assert "Status:" not in shown
        assert result.lstrip("\x1b[1m").startswith("Status:")
        # Nobody asked for a message, and nobody looks at one.
        quiet = pvc_on_terminal(tree, "-q", "--coordinators", hosts, "cluster", "status")
        quiet.wait_for_end()
        assert "Reading" not in quiet.seen
        piped = subprocess.run(
            [str(Path(sys.executable).with_name("pvc")), "--coordinators", hosts, "cluster", "status"],
            env=environment_for(tree), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "Reading" not in piped.stderr


@pytest.mark.parametrize(
    ("words", "key", "value", "shown"),
    [
        (("node", "list"), ("node.state.domain", "pvchv1"), "flushed", '"domain_state": "flushed"'),
        (("node", "list"), ("node.cpu.load", "pvchv1"), "77.5", '"load": 77.5'),
        (
            ("node", "list"),
            ("node.monitoring.data", "pvchv1", "monitoring_plugin.message", "disk"),
            "no disk left",
            '"message": "no disk left"',
        ),
        (("fault", "list"), ("faults.status", "MAINTENANCE"), "odd", '"status": "odd"'),
        (("fault", "list"), ("faults.message", "MAINTENANCE"), "other words", '"message": "other words"'),
    ],
)
def test_nodes_and_faults_are_watched_as_they_are_shown(
    tree: Tree, words: tuple[str, ...], key: tuple[str, ...], value: str, shown: str
) -> None:
    with ZKHandler(tree.hosts) as handler:
        fields = [f"faults.{field}" for field in ("last_time", "first_time", "status", "message")]
        handler.write([(("faults.id", "MAINTENANCE"), ""), *(((field, "MAINTENANCE"), "new") for field in fields)])
    words = (str(Path(sys.executable).with_name("pvc")), *words, "--watch", "-o", "jsonl")
    program = subprocess.Popen(words, env=environment_for(tree), stdout=subprocess.PIPE, text=True)
    assert program.stdout
    try:
        assert shown not in program.stdout.readline()
        with ZKHandler(tree.hosts) as handler:
            handler.write([(key, value)])
        assert any(shown in line for line in program.stdout)
    finally:
        program.send_signal(signal.SIGINT)
        assert program.wait(20) == 130
        program.stdout.close()


@pytest.mark.parametrize("words", [("node", "list"), ("fault", "list")])
def test_nodes_and_faults_are_redrawn_in_place(tree: Tree, words: tuple[str, ...]) -> None:
    terminal = pvc_on_terminal(tree, "--no-color", *words, "--watch", TERM="xterm")
    terminal.wait_for("3 nodes" if words[0] == "node" else "2 faults")
    with ZKHandler(tree.hosts) as handler:
        if words[0] == "node":
            handler.write([(("node.state.daemon", "pvchv2"), "dead")])
        else:
            handler.write([(("faults.id", "LATE"), ""), (("faults.message", "LATE"), "dead")])
    terminal.wait_for("dead")
    terminal.type("\x03")
    assert terminal.wait_for_end() == 130
    assert "\x1b[?1049l" in terminal.seen


def test_a_list_that_does_not_fit_is_shown_in_a_pager(tree: Tree, tmux: Callable[..., Tmux]) -> None:
    screen = tmux("less", lines=12)
    screen.type("pvc vm list; echo exit $?", "Enter")
    screen.wait_for("app-01")
    assert "exit" not in "\n".join(screen.shown()[1:])
    screen.type("q")
    screen.wait_for("exit 0")
    # The count stays, and so does what was seen.
    assert any(line.startswith("20 VMs") for line in screen.shown())
    assert not screen.on_other_screen()
    for words in ("--no-pager vm list", "vm list -o json", "vm list -o name", "vm list | cat"):
        screen.type("clear", "Enter")
        screen.type(f"pvc {words}; echo done $?", "Enter")
        screen.wait_for("done 0")
    screen.type("clear", "Enter")
    # What fits is printed.
    screen.type("pvc vm list ^web-0; echo all $?", "Enter")
    screen.wait_for("all 0")
    screen.type("clear; TERM=dumb pvc vm list; echo dumb $?", "Enter")
    screen.wait_for("dumb 0")
    screen.type("clear; PVC_PAGER=/no/such/pager pvc vm list; echo absent $?", "Enter")
    screen.wait_for("absent 0")


def test_the_headers_stand_on_top_of_each_page(tree: Tree, tmux: Callable[..., Tmux]) -> None:
    """In colours, whatever somebody has in LESS."""
    screen = tmux("less", lines=8, columns=100)
    for less in ("LESS=-i", "LESS=", "-u LESS"):
        screen.type(f"clear; env {less} pvc vm list; echo exit $?", "Enter")
        screen.wait_for("app-01")
        for last in ("lab-02", "nfv-02"):
            screen.type("Space")
            screen.wait_for(last)
            top = screen.shown()[0]
            assert top.split()[:3] == ["NAME", "STATE", "NODE"], screen.shown()
        screen.type("q")
        screen.wait_for("exit 0")


def test_a_pager_that_is_quit_early_ends_quietly(demo: Callable[..., Tree]) -> None:
    tree = demo(vms=2000)
    terminal = pvc_on_terminal(tree, "--no-color", "vm", "list", PVC_PAGER="head -n 2", TERM="xterm")
    assert terminal.wait_for_end() == 0
    assert "Error" not in terminal.seen
    assert "2,000 VMs" in terminal.seen
    assert terminal.seen.count("web-") <= 1


def test_marks_are_explained_below_a_table(tree: Tree) -> None:
    tree.put(f"/domains/{tree.uuid('web-01')}/node_limit", b"pvchv2")
    tree.put("/nodes/pvchv1/memprov", b"900000")
    for words, meaning in (
        (("vm", "list"), "! on a node outside the VM's node limit"),
        (("node", "list"), "! its VMs, running or not, have more memory than the node"),
    ):
        terminal = pvc_on_terminal(tree, "--no-color", *words)
        assert terminal.wait_for_end() == 0
        *lines, count = terminal.seen.splitlines()
        assert meaning in lines[-2:]
        assert count.split()[1] in ("VMs", "nodes")
    tree.put("/nodes/pvchv2/daemonstate", b"dead")
    terminal = pvc_on_terminal(tree, "--no-color", "vm", "list")
    assert terminal.wait_for_end() == 0
    assert "! pvchv2 is dead, and the VM may not run: see 'pvc node info pvchv2'" in terminal.seen.splitlines()


FIT = (
    "node list", "network list", "network dhcp list Frontend", "storage osd list", "storage pool list",
    "sriov pf list", "sriov vf list", "vm tag list", "fault list", "network acl list Frontend",
)  # fmt: skip


@pytest.mark.parametrize("words", FIT)
def test_what_a_list_shows_by_itself_fits_eighty_columns(tree: Tree, words: str) -> None:
    terminal = pvc_on_terminal(tree, "--no-color", *words.split(), PVC_PAGER="cat")
    assert terminal.wait_for_end() == 0
    assert "…" not in terminal.seen
    assert "too narrow" not in terminal.seen


def test_what_is_read_is_wrapped_where_it_does_not_fit(tree: Tree) -> None:
    """The message is what the list is looked at for: a time is cut for it, not the other way round."""
    terminal = pvc_on_terminal(tree, "--no-color", "fault", "list", columns=60, PVC_PAGER="cat")
    assert terminal.wait_for_end() == 0
    header, *lines = terminal.seen.splitlines()
    message = " ".join(line[header.index("MESSAGE") :] for line in lines[:-1])
    assert "…" not in message
    assert "Node pvchv2 disk sdb reports reallocated sectors" in message
