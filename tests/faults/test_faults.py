"""Real faults on a real ensemble of three, at every transaction of every command: `make test-faults`.

After each: the command finished, or failed with one line and exit code 4 or 5, in time; the same command again
finishes; and the tree is to the byte what an undisturbed run leaves. A second client makes changes in the gap.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.faults.table import Table
from tests.faults.trio import FAULTS, PATIENCE, TOO_LONG, UNANSWERED, Rival, Trio, start
from tests.faults.works import RIVAL, WORKS, Values, Work, different, works

LEAST = 100
"""How many transactions the commands make at least, and so how many faults strike."""
pytestmark = pytest.mark.usefixtures("zookeeper")


@pytest.fixture(scope="module")
def tables() -> Iterator[tuple[Table, Table]]:
    tables = Table("fault"), Table("command")
    yield tables
    for table in tables:
        table.show()


@pytest.fixture(scope="module")
def undisturbed(trio: Trio, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Work]:
    """Every work, measured: how many transactions it makes, and what it leaves."""
    found = works(tmp_path_factory.mktemp("backup"))
    for name, work in found.items():
        root = trio.plant(work)
        code, errors, work.transactions = start(trio.hosts + root, work).end()
        assert code == 0, f"{name}: {errors}"
        work.expected = trio.dump(root)
    return found


@dataclass
class Outcome:
    """What came of one fault."""

    end: str
    lost: list[str]
    wrong: list[str]
    seconds: float


def strike(trio: Trio, work: Work, fault: str, at: int, *, hold: bool, broken: bool = False) -> Outcome:
    """Let *fault* strike at a transaction: before it is sent, if it is on *hold*, or else while it is on its way."""
    root = trio.plant(work)
    rival = Rival(trio, root)
    run = start(trio.hosts + root, work, at=at, hold=hold, patience=patience(fault), broken=broken)
    trio.strike(fault, run.wait_until_busy(), run)
    rival.act()
    if hold and fault != UNANSWERED:
        if fault != TOO_LONG:
            rival.done.wait(PATIENCE)
        run.go_on()
    struck = time.monotonic()
    code, errors, _ = run.end()
    seconds = time.monotonic() - struck
    trio.heal()
    rival.end()
    wrong, lost = [], []
    if code == 0:
        lost += differing(trio, root, work)
    elif not is_clean(code, errors):
        wrong.append(f"exit {code}: {errors}")
    code_again, errors_again, _ = start(trio.hosts + root, work).end()
    if code_again:
        wrong.append(f"second run: exit {code_again}: {errors_again}")
    wrong += differing(trio, root, work)
    return Outcome("refused" if code else "finished", lost, wrong, seconds)


def is_clean(code: int, errors: str) -> bool:
    """Tell whether a command that did not finish said so in one line; an audit says what is left."""
    if code == 1:
        return last_line(errors).endswith(" of 12 repaired.")
    return code in (4, 5) and last_line(errors).count("Error: ") == 1 and "Traceback" not in errors


def patience(fault: str) -> int:
    return 4 if fault == TOO_LONG else PATIENCE


def differing(trio: Trio, root: str, work: Work) -> list[str]:
    """Where a tree is not what the work and the second client should leave."""
    found = trio.dump(root)
    theirs = {path for path in found if path.endswith(f"/{RIVAL}")}
    ours: Values = {path: value for path, value in found.items() if path not in theirs}
    if work.keeps and len(theirs) != work.vms:
        return [f"{len(theirs)} of {work.vms} of the second client's changes"]
    return different(ours, work.expected)


def last_line(text: str) -> str:
    return text.splitlines()[-1] if text else ""


def test_the_works_are_all_there_are(undisturbed: dict[str, Work]) -> None:
    assert tuple(undisturbed) == WORKS
    counts = {name: work.transactions for name, work in undisturbed.items()}
    print(f"\ntransactions: {counts}")
    assert sum(counts.values()) >= LEAST


@pytest.mark.parametrize("name", WORKS)
def test_a_fault_at_any_transaction_is_survived_or_said_and_a_second_run_finishes(
    trio: Trio, undisturbed: dict[str, Work], tables: tuple[Table, Table], name: str
) -> None:
    """The faults take turns, and every second one strikes before its transaction is sent."""
    work = undisturbed[name]
    bad = []
    turn = WORKS.index(name)
    faults = [(at, FAULTS[(at + turn) % len(FAULTS)]) for at in range(1, work.transactions + 1)]
    for at, fault in [*faults, (work.transactions // 2 + 1, TOO_LONG)]:
        outcome = strike(trio, work, fault, at, hold=fault == UNANSWERED or at % 2 == 1)
        # A change and the look whether it was made may each wait that long, and the rest of the work takes its time.
        limit = 2 * patience(fault) + 5
        for table, row in zip(tables, (fault, name), strict=True):
            table.note(
                row,
                outcome.end,
                lost=bool(outcome.lost),
                wrong=bool(outcome.wrong),
                seconds=outcome.seconds,
                limit=limit,
            )
        if outcome.lost or outcome.wrong or outcome.seconds > limit:
            bad.append(f"{fault} at {at}: {outcome}")
    assert not bad, "\n".join(bad)


def test_a_client_that_believes_what_it_does_not_know_is_seen(trio: Trio, undisturbed: dict[str, Work]) -> None:
    """The control: it takes every change whose outcome is unknown for done."""
    outcome = strike(trio, undisturbed["tag add"], UNANSWERED, 2, hold=True, broken=True)
    assert outcome.end == "finished"
    assert outcome.lost
