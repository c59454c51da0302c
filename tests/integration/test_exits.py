"""How commands end: interrupted, terminated, with nobody reading, or with no room to write; and what stays secret."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pvc_cli.sandbox.demo import fill
from pvc_cli.zk import ZKHandler, ZKSchema
from tests.conftest import Pvc, Result, Tree
from tests.terminal import Terminal
from tests.waiting import wait_until

SECRET = "Passw0rd"


def start(tree: Tree, *arguments: str, **more: object) -> subprocess.Popen[str]:
    """Start pvc as a process of its own, with signals as a shell gives them."""

    def ordinary() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in (signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)

    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
        [sys.executable, "-m", "pvc_cli", "--coordinators", tree.hosts, *arguments],
        text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "preexec_fn": ordinary, **more},
    )


def end(process: subprocess.Popen[str]) -> Result:
    """Wait for pvc to end."""
    output, errors = process.communicate(timeout=60)
    return Result(process.returncode, output or "", errors)


ENDS = {signal.SIGHUP: 129, signal.SIGINT: 130, signal.SIGQUIT: 131, signal.SIGTERM: 143}


@pytest.mark.parametrize(("number", "code"), ENDS.items())
def test_an_interrupted_or_terminated_change_leaves_no_lock_and_no_half_file(
    empty: Tree, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with ZKHandler(empty.hosts) as handler:
        fill(handler, vms=2000, schema=ZKSchema(0))
    backup = tmp_path / "backup.json"
    process = start(empty, "schema", "upgrade", "--yes", "--backup", str(backup))
    # While it holds the lock, and before it is through, however slow we are: it is stopped as soon as it has it.
    wait_until(lambda: bool(empty.client.get_children("/schema/version")), 20)
    process.send_signal(signal.SIGSTOP)
    assert empty.client.get("/schema/version")[0] == b"0"
    process.send_signal(number)
    process.send_signal(signal.SIGCONT)
    result = end(process)
    assert result.code == code, result.err
    assert "Traceback" not in result.err
    assert result.err.splitlines()[-1].startswith("Error: ")
    assert empty.client.get_children("/schema/version") == []
    assert {path.name for path in tmp_path.iterdir() if path.name != "home"} <= {"backup.json"}
    if backup.exists():
        json.loads(backup.read_text())
    assert end(start(empty, "schema", "upgrade", "--yes", "--no-backup")).code == 0
    assert empty.client.get("/schema/version")[0] == b"15"


@pytest.fixture
def many(demo: Callable[..., Tree]) -> Tree:
    """A tree with VMs to start; one command holds the locks of 200 at a time."""
    tree = demo(vms=600)
    for uuid in tree.client.get_children("/domains"):
        tree.client.set(f"/domains/{uuid}/state", b"stop")
    return tree


def locks(tree: Tree) -> list[str]:
    return [path for path in tree.dump("/domains") if "__lock__" in path]


def begun(tree: Tree, *words: str, **more: object) -> subprocess.Popen[str]:
    """Start a bulk change, and stop it while it holds locks, but has changed nothing yet."""
    process = start(tree, *words, **more)
    wait_until(lambda: bool(locks(tree)), 20)
    process.send_signal(signal.SIGSTOP)
    return process


@pytest.mark.parametrize(("number", "code"), ENDS.items())
def test_a_bulk_change_that_ends_early_leaves_no_lock_of_a_vm(many: Tree, number: signal.Signals, code: int) -> None:
    """A closed terminal or a dropped session left those of 200 VMs until the session timed out."""
    process = begun(many, "vm", "start", "--all", "--force", "--yes", "-q")
    assert locks(many)
    process.send_signal(number)
    process.send_signal(signal.SIGCONT)
    assert end(process).code == code
    assert locks(many) == []


def test_a_hangup_that_is_ignored_ends_nothing(many: Tree) -> None:
    """That is what nohup means."""
    words = ("vm", "start", "--all", "--force", "--yes", "-q")
    process = begun(many, *words, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGCONT)
    assert end(process).code == 0
    assert locks(many) == []


@pytest.mark.parametrize(
    ("number", "word"),
    [(signal.SIGHUP, "hung up"), (signal.SIGQUIT, "quit"), (signal.SIGTERM, "terminated")],
)
def test_a_listing_is_ended_without_a_word_too_many(tree: Tree, number: signal.Signals, word: str) -> None:
    process = start(tree, "vm", "list", "--watch", "-o", "name")
    assert process.stdout
    assert process.stdout.readline()
    process.send_signal(number)
    result = end(process)
    assert result.code == ENDS[number]
    assert result.err == f"Error: {word}\n"


def test_a_file_that_does_not_fit_leaves_what_was_there(tree: Tree, tmp_path: Path) -> None:
    backup = tmp_path / "backup.json"
    backup.write_text("before")

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    # Without what measures coverage, which has no room then, either.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    process = start(tree, "cluster", "backup", str(backup), "--overwrite", preexec_fn=little_room, env=environment)
    result = end(process)
    assert (result.code, result.out) == (3, "")
    assert result.err == f"Error: cannot write {backup}: File too large\n"
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["backup.json"]
    assert backup.read_text() == "before"


NO_SPACE = "standard output: No space left on device"


@pytest.mark.parametrize(
    "words",
    [
        "vm list", "vm list -o json", "vm list -o jsonl", "vm list -o yaml", "vm list -o name", "vm list -o csv",
        "export", "report -", "history list -o json", "cluster backup -", "inventory --list", "vm dump web-01",
        "key find domain.state start",
    ],
)  # fmt: skip
def test_output_that_cannot_be_written_is_said_so(tree: Tree, words: str) -> None:
    """A pipe that nobody reads ends each as it ends the others."""
    with Path("/dev/full").open("w") as full:
        result = end(start(tree, *words.split(), stdout=full))
    assert result.code == 3
    line, *document = result.err.splitlines()
    assert line == f"Error: cannot write to {NO_SPACE}"
    if document:
        assert json.loads(document[0])["error"]["kind"] == "config"
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        result = end(start(tree, *words.split(), stdout=pipe))
    assert (result.code, result.err) == (141, "")


def test_a_change_whose_result_cannot_be_written_was_made_and_is_said_to_be(tree: Tree) -> None:
    for expected in ("changes were made, but cannot write to", "cannot write to"):
        with Path("/dev/full").open("w") as full:
            result = end(start(tree, "vm", "tag", "add", "web-01", "blue", "-o", "json", stdout=full))
        line, document = result.err.splitlines()[-2:]
        # The second time, the tag is there already.
        more = "; see 'pvc history list'" if "changes" in expected else ""
        assert (result.code, line) == (3, f"Error: {expected} {NO_SPACE}{more}")
        assert json.loads(document)["error"]["kind"] == "config"
    assert tree.client.exists(f"/domains/{tree.uuid('web-01')}/meta/tags/blue") or "blue" in str(tree.dump())


def test_a_reader_that_leaves_early_gets_no_traceback(empty: Tree) -> None:
    with ZKHandler(empty.hosts) as handler:
        fill(handler, vms=2000, schema=ZKSchema())
    pvc = f"{sys.executable} -m pvc_cli --coordinators {empty.hosts}"
    for words, begins in (("vm list -o json", '[{"na'), ("vm list", "NAME"), ("cluster backup -", "{")):
        command = f"{pvc} {words} | head -c 5; exit ${{PIPESTATUS[0]}}"
        run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        assert (words, run.returncode, run.stderr) == (words, 141, "")
        assert run.stdout.startswith(begins)


def test_a_home_that_cannot_be_written_is_said_so_and_stops_nothing_else(tree: Tree, home: Path) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    home.write_text("no folder at all: not even root can write into it")
    environment = {**os.environ, "PVC_COORDINATORS": tree.hosts}
    assert end(start(tree, "vm", "list", env=environment)).code == 0
    for arguments in (("connection", "add", "prod", "hv1"), ("schema", "upgrade", "--yes")):
        result = end(start(tree, *arguments, env=environment))
        assert "Traceback" not in result.err
        assert result.code == (3 if arguments[0] == "connection" else 0), result.err


def test_no_command_shows_a_password_that_was_not_asked_for(on_tree: Pvc, tree: Tree, tmp_path: Path) -> None:
    backup = tmp_path / "backup.json"
    assert on_tree("cluster", "backup", str(backup)).code == 0
    assert backup.stat().st_mode & 0o777 == 0o600
    for node in ("pvchv1", "pvchv2"):
        tree.put(f"/nodes/{node}/ipmipassword", b"changed")
    changes = ("cluster", "restore", str(backup), "--dry-run", "--force")
    for arguments in (
        *((*changes, "-o", style) for style in ("table", "json", "yaml", "name")),
        *(("node", verb, "-o", style) for style in ("table", "json") for verb in ("list",)),
        ("node", "info", "pvchv1"),
        ("node", "info", "pvchv1", "-o", "json"),
        ("-v", "schema", "rollback", "--to", "0", "--dry-run", "--force"),
    ):
        result = on_tree(*arguments)
        assert result.code == 0
        assert SECRET not in result.out + result.err
        assert "changed'" not in result.out
    assert "would set /nodes/pvchv1/ipmipassword = '********'" in on_tree(*changes, "--paths").out
    assert f"ipmipassword = '{SECRET}'" in on_tree(*changes, "--paths", "--show-secrets").out
    assert on_tree("node", "info", "pvchv3", "--show-secrets").out.count(SECRET) == 1
    document = json.loads(on_tree("node", "info", "pvchv3", "--show-secrets", "-o", "json").out)
    assert document["ipmi"] == {"hostname": "pvchv3-lom.example.net", "username": "admin", "password": SECRET}
    # A pipe gets all: that is what a backup is for.
    assert SECRET in on_tree("cluster", "backup", "-").out


def test_a_backup_on_a_terminal_is_masked(tree: Tree, home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PVC_COORDINATORS": tree.hosts}
    for options, shown in (([], False), (["--show-secrets"], True)):
        terminal = Terminal([sys.executable, "-m", "pvc_cli", "cluster", "backup", "-", *options], environment)
        assert terminal.wait_for_end() == 0
        assert (SECRET in terminal.seen) == shown


@pytest.mark.parametrize(
    "words",
    [
        "apply {none}", "apply {folder}", "apply {other}", "apply -f {none}", "sriov vf apply -f {none}",
        "apply -f {folder}", "apply -f {other}", "cluster backup {lost}", "cluster backup {folder}", "report {lost}",
        "report {folder}", "vm tag add web-01 blue --plan {lost}", "schema upgrade --yes --backup {lost}",
        "cluster restore {none} --dry-run", "cluster restore {folder} --dry-run", "cluster restore {other} --dry-run",
        "cluster verify {none}", "cluster verify {folder}", "cluster diff {none}", "-c file:{none} vm list",
        "-c file:{folder} vm list", "--schema-dir {none} vm list", "sriov agent sync --config {folder}",
        "connection add prod hv1 --ca {folder}",
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_has_exit_code_3_in_every_command(
    on_tree: Pvc, tree: Tree, tmp_path: Path, words: str
) -> None:
    (tmp_path / "other").write_text("neither: a plan\n")
    names = {name: str(tmp_path / name) for name in ("none", "other")}
    before = tree.dump()
    result = on_tree(*words.format(folder=tmp_path, lost=tmp_path / "none" / "x", **names).split())
    assert (result.code, result.out, result.err.count("\n")) == (3, "", 1), result.err
    assert str(tmp_path) in result.err
    assert (tree.dump(), (tmp_path / "none").exists()) == (before, False)


def test_a_file_that_is_there_is_refused_in_one_wording(on_tree: Pvc, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for words in (
        ("cluster", "backup", file),
        ("report", file),
        ("vm", "tag", "add", "web-01", "blue", "--plan", file),
        ("schema", "rollback", "--to", "14", "--force", "--yes", "--backup", file),
    ):
        result = on_tree(*map(str, words))
        assert (result.code, file.read_text()) == (1, "mine")
        assert (
            result.err.splitlines()[-1]
            == f"Error: {file} exists: choose another file, or replace it with --overwrite"
        )
