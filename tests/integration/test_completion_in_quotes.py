"""TAB behind a quote that is open puts nothing on the line that the shell would run, split or expand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from os import environ
from pathlib import Path

import pytest

from pvc_cli.commands._common.shells import open_quote
from tests.conftest import Pvc, Tree
from tests.integration.test_as_it_was import PROMPT, SET_UP, SHELLS, complete, give
from tests.terminal import Tmux
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
TAGS = (
    "xx$(touch PWN1)", "ww`touch PWN2`", 'oo"; touch PWN3 #', "nn'; touch PWN4 #", "ss!!", r"bb\;touch PWN5",
    "two words", "pl:ain",
)  # fmt: skip
VM = 'jj"; touch PWN6 #'
FAULT = "kk$(touch PWN7)"
REMOVE = "pvc vm tag remove --dry-run db-01"
TYPED = {
    # Each with what follows in bash.
    f'{REMOVE} "xx': "",
    f'{REMOVE} "ww': "",
    f'{REMOVE} "oo': "",
    f'{REMOVE} "ss': "",
    f'{REMOVE} "bb': "",
    f"{REMOVE} 'nn": "",
    f'{REMOVE} zz"xx': "",
    f"{REMOVE} ss": r"\!\!",
    f"{REMOVE} 'ss": "!!'",
    f"{REMOVE} 'oo": "\"; touch PWN3 #'",
    f'{REMOVE} "nn': "'; touch PWN4 #\"",
    f"{REMOVE} 'xx": "$(touch PWN1)'",
    f"{REMOVE} 'bb": r"\;touch PWN5'",
    f"{REMOVE} 'tw": "o words'",
    f'{REMOVE} "two w': 'ords"',
    f'{REMOVE} tw"o w': 'ords"',
    f'{REMOVE} "pl:a': 'in"',
    f'{REMOVE} "db-01" \'pl:a': "in'",
    'pvc vm info "jj': "",
    "pvc vm info 'jj": "\"; touch PWN6 #'",
    'pvc vm list --name="jj': "",
    'pvc vm list --tag "xx': "",
    'pvc vm list --tag="xx': "",
    'pvc vm list --tag="pl:a': 'in"',
    "pvc vm list --tag=tw'o": " words'",
    'pvc vm list --"tag=pl:a': 'in"',
    'pvc fault ack --dry-run "kk': "",
    "pvc fault ack --dry-run 'kk": "$(touch PWN7)'",
}
"""Lines, and what the tab key adds to them in bash: all that the quote leaves as it is, and the quote."""


@pytest.fixture
def hostile(tree: Tree) -> Tree:
    """The demo cluster, with names that a shell would run."""
    for tag in TAGS:
        give(tree, "db-01", tag)
    tree.put(f"/domains/{tree.uuid('mail-01')}", VM.encode())
    known = tree.client.get_children("/faults")[0]
    for key in ("", *tree.client.get_children(f"/faults/{known}")):
        tree.put(f"/faults/{FAULT}/{key}".rstrip("/"), tree.client.get(f"/faults/{known}/{key}".rstrip("/"))[0])
    return tree


@pytest.mark.parametrize("typed", TYPED)
def test_bash_offers_behind_a_quote_what_needs_no_more_quotes(
    pvc: Pvc, hostile: Tree, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setenv("PVC_COORDINATORS", hostile.hosts)
    monkeypatch.setenv("_PVC_COMPLETE", "bash_complete")
    monkeypatch.setenv("PVC_LINE", typed)
    monkeypatch.setenv("PVC_BREAKS", " \t\n\"'><=;|&(:")
    lines = pvc().out.splitlines()
    place = open_quote(typed)
    if place == len(typed):
        assert lines == ["plain,ss!!"]
    elif TYPED[typed]:
        # Bash replaces what follows the quote, and closes it.
        assert lines == [f"quoted,{typed[place + 1 :]}{TYPED[typed][:-1]}"]
    else:
        assert [line for line in lines if line] == []


@pytest.mark.parametrize("shell", SHELLS)
def test_no_shell_runs_what_a_name_says(hostile: Tree, shell: str, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    with screen_with(shell, hostile, folder) as screen:
        # That something is offered shows that there is completion at all.
        control = f'{REMOVE} "two w'
        assert complete(screen, control, f'{control}ords"') == f'{control}ords"'
        # The others are about where bash cuts words.
        for typed in [one for one, added in TYPED.items() if shell == "bash" or not added]:
            screen.type("C-u", "C-l")
            screen.type("-l", typed)
            screen.type("Tab")
            screen.type("-l", "@@")
            screen.wait_for("@@")
            line = next(one for one in reversed(screen.shown()) if "@@" in one)
            if shell == "bash":
                assert line in (f"{PROMPT}{typed}@@", f"{PROMPT}{typed}{TYPED[typed]} @@")
            screen.type("BSpace", "BSpace")
            screen.type("-l", typed[open_quote(typed) :][:1] if f"{typed}@@" in line else "")
            screen.type("Enter")
            wait_until(lambda: screen.shown()[-1] == PROMPT.strip(), 20, lambda: str(screen.shown()))
        assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("pvc vm info", 11),
        ('pvc vm "info', 7),
        ("pvc 'vm' info", 13),
        ("pvc 'vm\\' info", 14),
        ('pvc "vm\\" info', 4),
        ("pvc \\'vm info", 13),
        ("pvc \"it's\" 'x", 11),
        ("pvc vm\\", 7),
        ("", 0),
    ],
)
def test_the_quote_that_is_open_is_found_as_bash_does(line: str, place: int) -> None:
    assert open_quote(line) == place


@contextmanager
def screen_with(shell: str, tree: Tree, folder: Path) -> Iterator[Tmux]:
    """A shell in tmux, with pvc's completion loaded, in *folder*."""
    home = folder.parent / "shell"
    home.mkdir()
    variables = {"PATH": f"{Path(sys.executable).parent}:{environ['PATH']}", "HOME": str(home), "LANG": "C.UTF-8"}
    screen = Tmux({**variables, "PVC_PAGER": "cat", "PVC_COORDINATORS": tree.hosts}, columns=200)
    try:
        screen.type(f"clear; cd {folder}; {SHELLS[shell]}", "Enter")
        screen.type(SET_UP[shell].format(script=ROOT / "completions" / f"pvc.{shell}"), "Enter")
        screen.type("clear; echo re''ady", "Enter")
        screen.wait_for(f"ready\n{PROMPT.strip()}")
        yield screen
    finally:
        screen.close()
