"""Completion in a real bash, zsh and fish, each on a terminal of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pvc_cli.commands._common.shells import split_line
from tests.conftest import Pvc, Tree
from tests.terminal import Terminal
from tests.waiting import fastest

ROOT = Path(__file__).parents[2]
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source {script}"),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit; compinit -u -D; source {script}"),
    "fish": (["fish", "--no-config", "-i"], "source {script}"),
}


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shipped_script_is_what_pvc_prints(pvc: Pvc, shell: str) -> None:
    result = pvc("completion", shell)
    assert (result.code, result.err) == (0, "")
    assert result.out == (ROOT / "completions" / f"pvc.{shell}").read_text(), "run 'make completions'"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_real_shell_completes_commands_and_names_of_the_cluster(tree: Tree, shell: str, home: Path) -> None:
    if not shutil.which(SHELLS[shell][0][0]):
        pytest.fail(f"{shell} is not installed: apt-get install {shell}")
    home.mkdir(exist_ok=True)
    with interactive(shell, tree, home) as terminal:
        terminal.type("echo pvc vm ta\tlist mon\t\t")
        terminal.seen = ""
        terminal.type("\x15pvc vm tag list monitor-0\t\t")
        terminal.wait_for("monitor-01")
        terminal.wait_for("monitor-02")
        terminal.seen = ""
        terminal.type("\x15pvc sch\t")
        terminal.wait_for("schema")
        terminal.seen = ""
        terminal.type("\x15pvc vm list -t pvchv\t\t")
        terminal.wait_for("pvchv3")
        terminal.seen = ""
        terminal.type("\x15pvc vm tag add web-01 state\t")
        terminal.wait_for("stateful")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_real_shell_offers_the_tags_of_the_vm_that_loses_one(tree: Tree, shell: str, home: Path) -> None:
    home.mkdir(exist_ok=True)
    tree.put(f"/domains/{tree.uuid('db-01')}/tags/fresh", b"fresh")
    with interactive(shell, tree, home) as terminal:
        # Which begins as a tag of another VM, so that it is whole only if that one is not offered.
        terminal.type("pvc vm tag remove web-01 f\t")
        terminal.wait_for("frontend")
        assert "fresh" not in terminal.seen
        terminal.seen = ""
        terminal.type("\x15pvc vm tag remove web-01 \t\t")
        terminal.wait_for("production")
        assert "stateful" not in terminal.seen
        assert "fresh" not in terminal.seen
        terminal.seen = ""
        terminal.type("\x15pvc vm tag remove --force web-01,db-01 fre\t")
        terminal.wait_for("fresh")


def test_bash_quotes_nothing_that_needs_no_quotes(tree: Tree, home: Path) -> None:
    home.mkdir(exist_ok=True)
    with interactive("bash", tree, home) as terminal:
        terminal.type("pvc vm list --columns NAME,ST\t")
        terminal.wait_for("ATE")
        assert "\\," not in terminal.seen


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("typed", "whole"),
    [
        ("--columns name,memo", "--columns name,memory"),
        ("--columns NAME,MEMO", "--columns NAME,MEMORY"),
        ("--columns name,Memo", "--columns name,Memory"),
        ("--sort=-memo", "--sort=-memory"),
    ],
)
def test_columns_are_completed_in_the_case_that_is_typed(
    tree: Tree, home: Path, shell: str, typed: str, whole: str
) -> None:
    home.mkdir(exist_ok=True)
    with interactive(shell, tree, home) as terminal:
        terminal.type(f"pvc vm list {typed}\t")
        # So that the shell shows the whole line.
        terminal.type("\x01echo + \x05\n")
        terminal.wait_for(f"+ pvc vm list {whole}")


def test_fish_offers_what_can_be_undone_in_pvcs_order(on_tree: Pvc, tree: Tree, home: Path) -> None:
    for tag in ("red", "green", "blue"):
        assert on_tree("vm", "tag", "add", "web-01", tag).code == 0
    latest_first = on_tree("history", "list", "-o", "name").out.split()
    script = f"source {ROOT / 'completions' / 'pvc.fish'}; complete -C 'pvc undo '"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shown = subprocess.run(
        ["fish", "--no-config", "-c", script],
        env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [line.split()[0] for line in shown.stdout.splitlines()] == ["last", *latest_first]


def test_a_sandbox_that_runs_is_offered_as_a_cluster(pvc: Pvc, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "sandbox" not in complete("pvc -c sa", 2, pvc, monkeypatch)
    monkeypatch.setattr("pvc_cli.commands._common.candidates.local.sandbox_hosts", lambda: "127.0.0.1:1")
    assert "plain,sandbox" in complete("pvc -c sa", 2, pvc, monkeypatch).splitlines()
    assert "plain,lab,sandbox" in complete("pvc -c lab,s", 2, pvc, monkeypatch).splitlines()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_file_is_completed_behind_the_word_that_makes_it_a_cluster(tree: Tree, shell: str, home: Path) -> None:
    home.mkdir(exist_ok=True)
    (home / "copies").mkdir()
    (home / "copies" / "bad mon.json").write_text("{}")
    with interactive(shell, tree, home) as terminal:
        terminal.type(f"cd {home}\n")
        for typed in ("-c file:co", "--connection=file:co", "-c lab,file:co"):
            terminal.seen = ""
            terminal.type(f"\x15pvc {typed}\t")
            terminal.wait_for("pies/")
            # No space comes behind a folder: the rest is typed at once.
            terminal.type("b\t")
            terminal.wait_for("ad\\ mon.json")


def test_files_behind_file_are_those_of_the_folder(pvc: Pvc, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("backup.json", "bee.json", ".hidden", "b,c", "b\nc"):
        (tmp_path / name).touch()
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "deep.json").touch()
    for typed, found in {
        "file:b": ["backup.json", "bee.json", "below/"],
        "file:": ["backup.json", "bee.json", "below/"],
        "file:.": [".hidden"],
        "file:below/": ["below/deep.json"],
        "file:~/below/d": ["~/below/deep.json"],
        f"file:{tmp_path}/ba": [f"{tmp_path}/backup.json"],
        "file:nowhere/": [],
        "file:~nobody-of-that-name/": [],
        "fi": ["file:"],
    }.items():
        lines = complete(f"pvc -c {typed}", 2, pvc, monkeypatch).splitlines()
        assert [line.removeprefix("plain,") for line in lines if line] == found


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_a_change_to_undo_is_offered_with_its_time_and_its_command(
    on_tree: Pvc, tree: Tree, shell: str, home: Path
) -> None:
    assert on_tree("vm", "tag", "add", "web-01", "blue").code == 0
    with interactive(shell, tree, home) as terminal:
        terminal.type("pvc undo \t\t")
        terminal.wait_for("pvc vm tag add web-01 blue")
        assert "the last change" in terminal.seen


def complete(words: str, position: int, pvc: Pvc, monkeypatch: pytest.MonkeyPatch) -> str:
    """Ask pvc for completions as the bash script does."""
    monkeypatch.setenv("_PVC_COMPLETE", "bash_complete")
    monkeypatch.setenv("PVC_LINE", words + " " * (len(words.split()) == position))
    monkeypatch.setenv("PVC_BREAKS", " \t\n\"'><=;|&(:")
    return pvc().out


@pytest.mark.parametrize("words", ["apply", "sriov vf apply"])
def test_the_name_of_a_file_of_desired_state_is_completed(
    pvc: Pvc, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    line = f"pvc {words} -f sta"
    assert complete(line, len(line.split()) - 1, pvc, monkeypatch).strip() == "file,sta"
    line = f"pvc {words} --dry"
    assert complete(line, len(line.split()) - 1, pvc, monkeypatch).strip() == "plain,--dry-run"


def test_a_cluster_that_does_not_answer_completes_nothing_in_half_a_second(
    pvc: Pvc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PVC_COORDINATORS", "127.0.0.1:1")

    def ask() -> None:
        assert complete("pvc vm info we", 3, pvc, monkeypatch).strip() == ""

    assert fastest(ask, below=0.6) < 0.6


def test_global_options_on_the_line_are_heeded(pvc: Pvc, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    line = f"pvc --coordinators {tree.hosts} vm info we"
    assert complete(line, 5, pvc, monkeypatch).split() == ["plain,web-01", "plain,web-02"]


@pytest.mark.parametrize(
    ("line", "position", "expected"),
    [
        ("pvc node info pv", 3, {"pvchv1", "pvchv2", "pvchv3"}),
        ("pvc vm list -s st", 4, {"start", "stop"}),
        ("pvc vm list -s start,st", 4, {"start,stop"}),
        ("pvc vm list -s '!st", 4, {"!start", "!stop"}),
        ("pvc vm list -g !st", 4, {"!staging", "!stateful"}),
        ("pvc vm list -g frontend,!st", 4, {"frontend,!staging", "frontend,!stateful"}),
        ("pvc vm list -t !pvchv1,!pv", 4, {"!pvchv1,!pvchv2", "!pvchv1,!pvchv3"}),
        ("pvc vm tag add web-01,we", 4, {"web-01,web-02"}),
        ("pvc vm tag remove web-01,web-02 fr", 5, {"frontend"}),
        ("pvc vm info web-01 web-02,ap", 4, {"web-02,app-01", "web-02,app-02"}),
        ("pvc node info pvchv1,pv", 3, {"pvchv1,pvchv2", "pvchv1,pvchv3"}),
        ("pvc sriov vf list pvchv1/", 4, {"pvchv1/ens1f0", "pvchv1/ens1f1"}),
        ("pvc vm list --sort=-MEM", 3, {"-MEMORY"}),
        ("pvc vm list --sort -mem", 4, {"-memory"}),
        ("pvc vm list --sort=name,-mem", 3, {"name,-memory"}),
        ("pvc vm list -q --sor", 4, {"--sort"}),
        ("pvc vm list -g st", 4, {"staging", "stateful"}),
        ("pvc vm tag add -s start st", 6, {"staging", "stateful"}),
        ("pvc vm tag remove we", 4, {"web-01", "web-02"}),
        ("pvc connection use la", 3, {"lab"}),
        ("pvc sriov pf info pvchv2 en", 5, {"ens1f0", "ens1f1"}),
        ("pvc sriov pf drain pvchv2/", 4, {"pvchv2/ens1f0", "pvchv2/ens1f1"}),
        ("pvc vm tag remove web-01 ", 5, {"frontend", "production"}),
        ("pvc network sriov vf set pvchv1 ens1f1", 6, {f"ens1f1v{number}" for number in range(4)}),
        ("pvc sriov vf claim pvchv1 ens1f0v1 we", 6, {"web-01", "web-02"}),
        ("pvc sriov vf list pv", 4, {"pvchv1", "pvchv2", "pvchv3"}),
        ("pvc network info Fr", 3, {"Frontend"}),
        ("pvc key get base.config.pr", 3, {"base.config.primary_node", "base.config.primary_node.sync_lock"}),
        ("pvc key get domain.state we", 4, {"web-01", "web-02"}),
        ("pvc key set node.state.daemon pv", 4, {"pvchv1", "pvchv2", "pvchv3"}),
        ("pvc key get domain.meta.tags web-01 tag.", 5, {"tag.name", "tag.protected", "tag.type"}),
        ("pvc key get domain.meta.tags web-01 tag.type ", 6, {"frontend", "production"}),
        ("pvc key find domain.meta.ta", 3, {"domain.meta.tags"}),
        ("pvc key find base.config.mai", 3, {"base.config.maintenance"}),
        ("pvc network dhcp list 100", 4, {"1001", "1002", "1003"}),
        ("pvc network acl list L", 4, {"Lab"}),
        ("pvc storage volume list v", 4, {"vms"}),
        ("pvc storage volume list -p v", 5, {"vms"}),
        ("pvc storage snapshot list v", 4, {"vms"}),
        ("pvc storage volume snapshot list vms db-01", 6, {"db-01_data", "db-01_root"}),
        ("pvc storage snapshot list -p vms web-0", 6, {"web-01_root", "web-02_root"}),
        ("pvc storage snapshot list nope web-0", 5, set()),
    ],
)
def test_each_argument_completes_what_it_takes(
    on_tree: Pvc, monkeypatch: pytest.MonkeyPatch, line: str, position: int, expected: set[str]
) -> None:
    on_tree("connection", "add", "lab", "x")
    found = complete(line, position, on_tree, monkeypatch)
    assert {item.partition(",")[2] for item in found.split()} == expected


def test_nothing_is_said_where_nothing_can_be_completed(
    pvc: Pvc, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert complete("pvc vm info we", 3, pvc, monkeypatch).strip() == ""
    (home / "config" / "pvc").mkdir(parents=True)
    (home / "config" / "pvc" / "connections.yaml").write_text("[")
    assert complete("pvc connection use we", 3, pvc, monkeypatch).strip() == ""


@pytest.mark.parametrize(
    ("line", "words", "incomplete"),
    [
        ("pvc vm info ", ["pvc", "vm", "info"], ""),
        ("pvc vm info we", ["pvc", "vm", "info"], "we"),
        ("pvc vm tag add 'two w", ["pvc", "vm", "tag", "add"], "two w"),
        ("pvc vm tag add two\\ w", ["pvc", "vm", "tag", "add"], "two w"),
        ("pvc vm list --target=pv", ["pvc", "vm", "list"], "--target=pv"),
        ("pvc vm tag add web-01 env:p", ["pvc", "vm", "tag", "add", "web-01"], "env:p"),
        ("", [], ""),
    ],
)
def test_a_line_is_split_as_the_shell_does(line: str, words: list[str], incomplete: str) -> None:
    assert split_line(line) == (words, incomplete)


@contextmanager
def interactive(shell: str, tree: Tree, home: Path) -> Iterator[Terminal]:
    """A shell on a terminal, with pvc's completion loaded."""
    command, load = SHELLS[shell]
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "TERM": "dumb" if shell != "fish" else "xterm",
        "PVC_COORDINATORS": tree.hosts,
        "LANG": "C.UTF-8",
    }
    terminal = Terminal(command, environment)
    try:
        terminal.type(load.format(script=ROOT / "completions" / f"pvc.{shell}") + "\n")
        terminal.type("echo re''ady\n")
        terminal.wait_for("ready")
        terminal.seen = ""
        yield terminal
    finally:
        terminal.type("\x15exit\n")
        terminal.close()
