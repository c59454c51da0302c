"""What docs/troubleshooting.md explains is what pvc can print, and none of the hard errors is missing."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

import pvc_cli
from tests.conftest import Pvc, Tree
from tests.pages import page

PACKAGE = Path(pvc_cli.__file__).parent
_HARD = {
    "UnreachableError",
    "OutcomeUnknownError",
    "ProtocolError",
    "ConflictError",
    "LockError",
    "AccessDeniedError",
}
_HARD |= {"TooLargeError", "RefusedError"}
# For whoever writes programs with the library, or answers of servers that are not ZooKeeper's.
_LIBRARY = ("zk/handler.py", "zk/transaction.py", "zk/spooled.py", "zk/multiread.py")


def quotes() -> list[str]:
    """The messages at the beginning of the page's table rows."""
    cells = [
        line.split(" | ", 1)[0] for line in page("docs/troubleshooting.md").splitlines() if line.startswith("| `")
    ]
    return [quote for cell in cells for quote in re.findall(r"`([^`]+)`", cell)]


def spoken(node: ast.expr) -> str:
    """Return the text of an expression, with `\\0` for what is known only when it is printed."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(spoken(part) for part in node.values)
    return "\0"


@cache
def texts() -> tuple[str, ...]:
    """Every text in the source."""

    def walk(node: ast.AST) -> Iterator[str]:
        if isinstance(node, (ast.JoinedStr, ast.Constant)):
            yield spoken(node)
            return
        for child in ast.iter_child_nodes(node):
            yield from walk(child)

    found = (text for path in PACKAGE.rglob("*.py") for text in walk(ast.parse(path.read_text())))
    return tuple(text for text in found if len(text) > 8)


def pattern(quote: str) -> re.Pattern[str]:
    return re.compile(re.escape(quote).replace("…", ".*"), re.DOTALL)


def raised() -> Iterator[tuple[str, str]]:
    """The messages of the errors that do not speak for themselves, each with its file."""
    for path in sorted(PACKAGE.rglob("*.py")):
        where = str(path.relative_to(PACKAGE))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _HARD and node.args:
                yield where, spoken(node.args[0])


@pytest.mark.parametrize("quote", quotes())
def test_a_message_on_the_page_is_one_of_the_source(quote: str) -> None:
    assert any(pattern(quote).search(text) for text in texts()), "nothing prints this"


def test_every_error_of_connection_lock_and_conflict_is_on_the_page() -> None:
    hard = [
        (where, text)
        for where, text in raised()
        if where.startswith("zk/") and where not in _LIBRARY and text != "\0"
    ]
    assert len(hard) > 20
    known = [pattern(quote) for quote in quotes()]
    missing = [text.replace("\0", "…") for _, text in hard if not any(quote.search(text) for quote in known)]
    assert missing == []


def stop(tree: Tree) -> None:
    for node in tree.client.get_children("/nodes"):
        tree.put(f"/nodes/{node}/daemonstate", b"stop")


def twins(tree: Tree) -> None:
    tree.put(f"/domains/{tree.uuid('web-02')}", b"web-01")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("-c nowhere vm list", 3),
        ("-c sandbox vm list", 3),
        ("-c sandbox --coordinators hv1 vm list", 3),
        ("--coordinators 127.0.0.1:1 --timeout 0.5 vm list", 4),
        ("--coordinators HOSTS/nowhere vm list", 3),
        ("--coordinators :::: vm list", 3),
        ("vm info web-99", 1),
        ("vm tag add web-01 blue -s start", 2),
        ("vm tag add web-01 a;b", 2),
        ("vm stop web-01 --wait --wait-timeout 0.2", 1),
        ("vm shutdown lab-02", 1),
        ("schema rollback --to 13 --yes", 1),
        ("schema rollback --to 16 --yes", 1),
        ("schema upgrade --to 3 --yes", 1),
        ("cluster restore BACKUP --yes", 1),
        ("cluster restore BACKUP --vm web-01 --yes", 1),
        ("cluster restore /dev/null --yes", 3),
        ("cluster backup BACKUP", 1),
        ("-c file:BACKUP --write vm stop web-01 --wait", 1),
        ("sriov vf claim pvchv1 ens1f0v0 web-01", 1),
        ("sriov vf release pvchv1 ens1f0v0", 1),
        ("sriov vf set pvchv1 ens1f0v1 --tx-min 100 --tx-max 10", 2),
    ],
)
def test_what_people_do_wrong_gives_a_message_of_the_page(
    on_tree: Pvc, tree: Tree, tmp_path: Path, line: str, code: int
) -> None:
    backup = tmp_path / "backup.json"
    assert on_tree("cluster", "backup", str(backup)).code == 0
    tree.put(f"/domains/{tree.uuid('web-01')}/profile", b"another")
    words = [word.replace("HOSTS", tree.hosts).replace("BACKUP", str(backup)) for word in shlex.split(line)]
    result = on_tree(*words)
    assert result.code == code, result.err
    if code:
        assert any(pattern(quote).search(result.err) for quote in quotes()), result.err


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [("PVC_READ_ONLY", "1", "vm tag add web-01 blue"), ("PVC_CONNECTION", "prod", "vm list")],
)
def test_what_the_environment_forbids_gives_a_message_of_the_page(
    on_tree: Pvc, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, line: str
) -> None:
    monkeypatch.setenv(variable, value)
    result = on_tree(*line.split())
    assert result.code
    assert any(pattern(quote).search(result.err) for quote in quotes()), result.err


@pytest.mark.parametrize(("prepare", "line"), [(twins, "vm info web-01"), (stop, "vm start lab-02")])
def test_a_tree_that_is_odd_gives_a_message_of_the_page(
    on_tree: Pvc, tree: Tree, prepare: Callable[[Tree], None], line: str
) -> None:
    prepare(tree)
    result = on_tree(*line.split())
    assert result.code == 1
    assert any(pattern(quote).search(result.err) for quote in quotes()), result.err


def test_without_a_cluster_the_message_is_on_the_page(pvc: Pvc) -> None:
    result = pvc("vm", "list")
    assert result.code == 3
    assert any(pattern(quote).search(result.err) for quote in quotes()), result.err
