from __future__ import annotations

import json
import os
import platform
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import click
import pytest
from click.shell_completion import ShellComplete

from pvc_cli import __version__, app, signals
from pvc_cli.context import Context
from pvc_cli.errors import PvcError
from tests.command_tree import leaves, walk
from tests.conftest import Pvc

# What the start of every command may import of pvc itself; whoever adds one says why it has to be there.
START_UP = {
    "pvc_cli",
    "pvc_cli.app",
    "pvc_cli.commands",
    "pvc_cli.commands._common",
    "pvc_cli.commands._common.complete",  # -c is completed; what it offers is loaded by the tab key only
    "pvc_cli.commands._common.group",
    "pvc_cli.commands._common.values",
    "pvc_cli.context",
    "pvc_cli.errors",
    "pvc_cli.output",
    "pvc_cli.output.cells",
    "pvc_cli.output.failure",  # an error is reported where no file can be opened any more, too
    "pvc_cli.output.layout",
    "pvc_cli.output.messages",
    "pvc_cli.output.terminal",
    "pvc_cli.output.streams",  # before anything is printed
    "pvc_cli.output.writer",
    "pvc_cli.program",
    "pvc_cli.signals",
}
UUID = "/domains/00000000-0000-4000-8000-000000000001"
SLOW = {
    *("kazoo", "yaml", "tabulate", "json", "asyncio", "ssl", "importlib.resources", "xml", "difflib", "syslog"),
    "pathlib",
}


def imported_by(*arguments: str) -> set[str]:
    code = (
        f"import sys; from pvc_cli.app import main; main({list(arguments)!r}); print(*sys.modules, file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stderr.split())


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_start_up_imports_nothing_that_it_does_not_need(option: str) -> None:
    modules = imported_by(option)
    assert {name for name in modules if name.startswith("pvc_cli")} == START_UP
    assert not modules & (SLOW - imported_by_click())


def imported_by_click() -> set[str]:
    run = subprocess.run(
        [sys.executable, "-c", "import sys, click; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


@pytest.mark.parametrize(
    "arguments", [("vm", "tag", "add", "--help"), ("schema", "--help"), ("connection", "--help")]
)
def test_help_of_a_command_needs_neither_kazoo_nor_yaml(arguments: tuple[str, ...]) -> None:
    assert not imported_by(*arguments) & {"kazoo", "yaml", "tabulate"}


def test_a_command_that_changes_nothing_does_not_import_what_writes_the_history(tmp_path: Path) -> None:
    backup = tmp_path / "backup.json"
    backup.write_text(json.dumps({"/": "", "/schema": "", "/schema/version": "15", "/nodes": ""}))
    modules = imported_by("-c", f"file:{backup}", "node", "list")
    assert "pvc_cli.zk.snapshot" in modules
    assert not modules & {f"pvc_cli.connections.{name}" for name in ("entry", "history", "recorder")}


def test_a_press_of_the_tab_key_loads_no_parser_and_ends_at_once(tmp_path: Path) -> None:
    backup = tmp_path / "backup.json"
    tree = {"/": "", "/schema": "", "/schema/version": "15", "/domains": "", UUID: "web-01"}
    backup.write_text(json.dumps(tree))
    code = (
        "import os, sys; from pvc_cli.__main__ import run\n"
        "end = os._exit\n"
        "os._exit = lambda code: print(*sys.modules, file=sys.stderr) or end(code)\n"
        "sys.argv[0] = 'pvc'; sys.exit(run() or 9)"
    )
    ask = {"_PVC_COMPLETE": "bash_complete", "PVC_LINE": "pvc vm info w", "PVC_CONNECTION": f"file:{backup}"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **ask})
    modules = run.stderr.split()
    assert (run.returncode, run.stdout) == (0, "plain,web-01\n")
    assert not {"xml.etree.ElementTree", "difflib", "random", "yaml"}.intersection(modules) - imported_by_click()


def test_results_come_before_the_messages_that_follow_them_in_one_log() -> None:
    code = "from pvc_cli.output.writer import Output; print('result'); Output().message('message'); print('more')"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    assert run.stdout.split() == ["result", "message", "more"]


def test_a_listing_of_names_does_not_import_what_tables_and_yaml_need() -> None:
    assert not imported_by("schema", "history", "-o", "name") & {"tabulate", "kazoo"}


def test_version(pvc: Pvc) -> None:
    assert (pvc("--version").code, pvc("--version").out) == (0, f"pvc {__version__}\n")


@pytest.mark.parametrize(
    "words",
    [
        "version",
        "--version vm list",
        "vm --version",
        "vm list --version",
        "vm list -o json --version",
        "-c vm vm list --version",
        "--version schema show",
        "schema --version",
    ],
)
def test_version_is_shown_wherever_it_is_asked_for(pvc: Pvc, words: str) -> None:
    result = pvc(*words.split())
    assert (result.code, result.out, result.err) == (0, f"pvc {__version__}\n", "")


def test_the_version_of_a_schema_is_another_thing(pvc: Pvc) -> None:
    for words in ("schema show --version 3", "schema show --version=3", "-c vm schema show --version 3"):
        assert pvc(*words.split(), "-o", "name").out.startswith("base.root\n")
    for words in ("schema show --version", "-c vm schema show --version", "schema --version 3 show"):
        result = pvc(*words.split())
        assert (result.code, result.out) == (2, "")


def test_the_version_as_a_document(pvc: Pvc) -> None:
    document = json.loads(pvc("version", "-o", "json").out)
    assert document == {"version": __version__, "latest_known": 15, "python": platform.python_version()}


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("help", "-h"),
        ("help vm", "vm -h"),
        ("help vm tag add", "vm tag add -h"),
        ("vm help", "vm -h"),
        ("vm help tag add", "vm tag add -h"),
        ("help sriov vf", "sriov vf -h"),
        ("help vms", "vms -h"),
        ("help help", "help -h"),
    ],
)
def test_help_shows_what_the_option_shows(pvc: Pvc, words: str, asked: str) -> None:
    assert pvc(*words.split()) == pvc(*asked.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("help vm nope", "No such command 'nope': see 'pvc vm --help'"),
        ("help vm list web-01", "'pvc vm list' has no commands, and no 'web-01': see 'pvc vm list --help'"),
    ],
)
def test_help_for_what_does_not_exist_says_where_to_look(pvc: Pvc, words: str, said: str) -> None:
    result = pvc(*words.split())
    assert (result.code, result.out, result.err) == (2, "", f"Error: {said}\n")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ((), {"vm", "node"}),
        (("vm",), {"list", "tag"}),
        (("vm", "tag"), {"add"}),
        (("nope",), {"vm"}),
        (("vm", "list"), set()),
    ],
)
def test_the_tab_key_offers_commands_behind_help(typed: tuple[str, ...], offered: set[str]) -> None:
    found = ShellComplete(app.cli, {}, "pvc", "_PVC_COMPLETE").get_completions(["help", *typed], "")
    assert offered <= {item.value for item in found}
    assert offered or not found


@pytest.mark.parametrize(("path", "command"), [((), app.cli), *walk()], ids=lambda value: str(value)[:40])
def test_every_command_has_help_with_an_example(pvc: Pvc, path: tuple[str, ...], command: click.Command) -> None:
    result = pvc(*path, "-h")
    assert (result.code, result.err) == (0, "")
    assert command.help
    if not isinstance(command, click.Group):
        # The usage line names the command anyway; `sriov` is short for `network sriov`, `get` for `list`.
        words = " ".join(path).replace("network sriov", "sriov").replace("tag get", "tag list")
        assert re.search(rf"pvc (-\S+ \S+ )*{words}\b", result.out.partition("Example")[2])


def test_every_change_takes_yes_so_that_a_script_may_give_it_everywhere() -> None:
    options = {words: {name for one in command.params for name in one.opts} for words, command in leaves()}
    changes = {words for words, names in options.items() if "--dry-run" in names} | {("sandbox", "start")}
    assert len(changes) > 40
    assert [words for words in sorted(changes) if not {"-y", "--yes"} <= options[words]] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("xyzzy",), "No such command 'xyzzy': see 'pvc --help'"),
        (("nod", "list"), "No such command 'nod': did you mean 'node'? See 'pvc --help'"),
        (("vm", "tag", "renam", "a", "b"), "No such command 'renam': did you mean 'rename'? See 'pvc vm tag --help'"),
        (("vm", "tag", "remov", "a", "b"), "No such command 'remov': see 'pvc vm tag --help'"),
        (("vm", "list", "--tarrget", "x"), "No such option '--tarrget': did you mean '--target'? See"),
        (("vm", "tag", "add", "x", "y", "--forc"), "No such option '--forc': did you mean '--format'? See"),
        (("vm", "list", "--xyzzy"), "--xyzzy': see 'pvc vm list --help'"),
        (("vm", "info"), "Missing argument 'VM': see 'pvc vm info --help'"),
        (("--timeout", "0", "vm", "list"), "--timeout"),
        (("vm", "list", "-o", "xml"), "'xml' is not one of"),
        (("vm", "list", "-o", "table", "-f", "raw"), "use one of them"),
        (("vm", "tag", "add", "web-01"), "expected a VM, --all or a filter, and at least one TAG"),
        (("vm", "tag", "add", "--all"), "expected at least one TAG"),
        (("sriov", "vf", "set", "pvchv1", "ens1f0v0", "--vlan-id", "abc"), "'abc' is not a valid number"),
        (("vm", "list", "["), "invalid regular expression '['"),
        (("vm", "info", "-"), "no names on standard input"),
        (("schema", "path", "a", "b", "c"), "expected KEY"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_2(pvc: Pvc, arguments: tuple[str, ...], said: str) -> None:
    result = pvc(*arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("Error: ")
    assert result.err.count("\n") == 1
    assert said in result.err


@pytest.mark.parametrize(
    ("changing", "sent", "said"),
    [
        (False, False, "interrupted"),
        (True, False, "interrupted: nothing was changed"),
        (True, True, "interrupted: changes made so far are kept; rerun the same command to finish"),
    ],
)
def test_an_interruption_is_exit_130_and_no_traceback(
    pvc: Pvc, monkeypatch: pytest.MonkeyPatch, changing: bool, sent: bool, said: str
) -> None:
    def interrupt(*_args: object, obj: Context, **_kwargs: object) -> None:
        obj.changing, obj.sent = changing, sent
        raise KeyboardInterrupt

    monkeypatch.setattr(app.cli, "main", interrupt)
    result = pvc("vm", "list")
    assert (result.code, result.out, result.err) == (130, "", f"Error: {said}\n")


def test_an_error_message_cannot_carry_an_escape_sequence(pvc: Pvc, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise PvcError("\x1b[2J")

    monkeypatch.setattr(app.cli, "main", fail)
    assert pvc("vm", "list").err == "Error: \\x1b[2J\n"


def run_without_reader(*words: str, stream: str = "stdout") -> tuple[int, str]:
    """Run pvc with nobody at the other end of *stream*; return its exit code, and what the other stream got."""
    reading, writing = os.pipe()
    os.close(reading)
    other = "stderr" if stream == "stdout" else "stdout"
    with os.fdopen(writing, "w") as pipe:
        run = subprocess.run(
            [sys.executable, "-m", "pvc_cli", *words],
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            **{stream: pipe, other: subprocess.PIPE},  # type: ignore[call-overload]
        )
    return run.returncode, getattr(run, other)


@pytest.mark.parametrize(
    "words", ["schema history", "schema history -o json", "--help", "completion bash", "version"]
)
def test_a_reader_that_has_seen_enough_ends_pvc_as_sigpipe_does(words: str) -> None:
    assert run_without_reader(*words.split()) == (141, "")


def test_messages_that_nobody_reads_any_more_end_pvc_as_sigpipe_does() -> None:
    assert run_without_reader("vm", "lisst", stream="stderr") == (141, "")


@pytest.mark.parametrize(
    "words", ["schema history", "schema history -o json", "--help", "completion bash", "version"]
)
def test_a_full_disk_behind_standard_output_is_named_as_a_file_that_cannot_be_written(words: str) -> None:
    with Path("/dev/full").open("w") as full:
        run = subprocess.run(
            [sys.executable, "-m", "pvc_cli", *words.split()],
            text=True,
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert run.returncode == 3
    assert run.stderr.splitlines()[0] == "Error: cannot write to standard output: No space left on device"


def test_an_error_that_cannot_be_written_keeps_its_exit_code() -> None:
    with Path("/dev/full").open("w") as full:
        run = subprocess.run([sys.executable, "-m", "pvc_cli", "vm", "lisst"], check=False, stderr=full)
    assert run.returncode == 2


def test_a_c_locale_shows_escapes_instead_of_failing() -> None:
    code = "from pvc_cli.output.writer import Output; print(Output().table(('\\xc9',), [['\\xdf']]))"
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PATH": "/usr/bin:/bin"}
    program = f"import sys; sys.stdout.reconfigure(errors='backslashreplace'); {code}"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert run.stdout == "\\xc9\n\\xdf\n"


@pytest.mark.parametrize(
    "group", [(), ("vm",), ("vm", "tag"), ("node",), ("sriov", "agent"), ("network", "sriov", "pf")]
)
def test_a_group_alone_shows_its_help(pvc: Pvc, group: tuple[str, ...]) -> None:
    result = pvc(*group)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"Usage: {' '.join(('pvc', *group))} [OPTIONS] COMMAND [ARGS]...\n\n  ")
    assert result.err.count("\n") > 6


def sleep_as_pvc_does() -> None:
    exec("time.sleep(5)", {"__name__": "pvc_cli.test", "time": time})


def test_a_signal_that_comes_while_a_thread_is_started_waits_until_it_is() -> None:
    """What it raised there would leave threading's own lock held, and the next thread would wait for ever."""
    thread = threading.Thread(target=lambda: None)
    wait = thread._started.wait  # type: ignore[attr-defined]

    def wait_and_be_hit() -> None:
        signal.raise_signal(signal.SIGTERM)
        wait()

    thread._started.wait = wait_and_be_hit  # type: ignore[attr-defined]
    reached: list[str] = []

    def start() -> None:
        thread.start()
        reached.append("started")
        sleep_as_pvc_does()

    with signals.raised() as received, pytest.raises(signals.Terminated):
        start()
    assert (reached, received) == (["started"], [signal.SIGTERM])


@pytest.fixture
def heeded_hangup() -> Iterator[None]:
    """Heed a hangup, also where the tests run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("heeded_hangup")
def test_a_terminal_that_hangs_up_twice_ends_a_command_once() -> None:
    """The second time, it is cleaning up."""
    cleaned: list[str] = []

    def work() -> None:
        try:
            signal.raise_signal(signal.SIGHUP)
            sleep_as_pvc_does()
        finally:
            signal.raise_signal(signal.SIGHUP)
            cleaned.append("all")

    with signals.raised() as received, pytest.raises(signals.Terminated):
        work()
    assert (cleaned, received) == (["all"], [signal.SIGHUP])


def test_a_signal_never_leaves_the_lock_of_another_library_held() -> None:
    """What it raised between the lock's acquisition and the block it guards would leave the lock held for ever."""

    class Hit(threading.Condition):
        def __enter__(self) -> bool:
            taken = super().__enter__()
            signal.raise_signal(signal.SIGINT)
            return taken

    queue: Queue[int] = Queue()
    queue.not_full = Hit(queue.mutex)
    reached: list[str] = []

    def put() -> None:
        queue.put(1)
        reached.append("put")
        sleep_as_pvc_does()

    with signals.raised(), pytest.raises(KeyboardInterrupt):
        put()
    assert reached == ["put"]
    assert queue.mutex.acquire(timeout=1)


def test_a_signal_waits_no_longer_than_a_second_for_the_end_of_other_code() -> None:
    def work() -> None:
        signal.raise_signal(signal.SIGINT)
        while True:
            pass

    begun = time.monotonic()
    with signals.raised(), pytest.raises(KeyboardInterrupt):
        work()
    assert 0.9 < time.monotonic() - begun < 2


@pytest.mark.parametrize(
    ("words", "hoisted"),
    [
        ("vm list -c prod", "-c prod vm list"),
        ("vm list --connection=prod -o json", "--connection=prod vm list -o json"),
        ("-q vm info web-01 --timeout 3 -v", "-q --timeout 3 -v vm info web-01"),
        ("vm tag add web-01 -- -c prod", "vm tag add web-01 -- -c prod"),
        ("vm list -c", "-c"),
        ("vm list -n", "vm list -n"),
    ],
)
def test_global_options_may_come_after_the_command(words: str, hoisted: str) -> None:
    assert app.hoist(words.split(), app.cli) == hoisted.split()


def test_no_command_has_an_option_that_is_called_like_a_global_one() -> None:
    names = {name for option in app.cli.params for name in option.opts} - {"--help", "-h", "--version"}
    for words, command in walk():
        own = {name for option in command.params if isinstance(option, click.Option) for name in option.opts}
        assert not own & names, words


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("sriov vf list --node x", "NODE is an argument: give it without --node: see"),
        ("vm info --vm x", "VM is an argument: give it without --vm: see"),
        ("fault list --pattern x", "PATTERN is an argument: give it without --pattern: see"),
        ("vm stop --host x", "did you mean '--target'? See"),
        ("vm list web --node x", "did you mean '--target'? See"),
        ("vm list --limit 5", "a list has no limit: filter it, or pipe it to 'head': see"),
        ("vm list --all", "a list shows all that no filter leaves out, so drop it: see"),
        ("node list -a", "a list shows all that no filter leaves out, so drop it: see"),
        ("vm list --long", "did you mean '-o wide'? See"),
    ],
)
def test_an_option_of_habit_is_answered_by_what_there_is(pvc: Pvc, line: str, advice: str) -> None:
    option = next(word for word in line.split() if word.startswith("-"))
    command = " ".join(word for word in line.split()[: line.split().index(option)] if word != "web")
    assert pvc(*line.split()).err == f"Error: No such option '{option}': {advice} 'pvc {command} --help'\n"


@pytest.mark.parametrize("option", ["--host pvchv1", "--host=pvchv1", "--node pvchv1", "--on pvchv1"])
@pytest.mark.parametrize("words", ["{} web-01", "web-01 {}", "web-01 --force {}"])
def test_a_filter_is_not_offered_beside_vms_that_are_named(pvc: Pvc, option: str, words: str) -> None:
    result = pvc("vm", "stop", *words.format(option).split())
    assert (result.code, "did you mean" in result.err) == (2, False)
