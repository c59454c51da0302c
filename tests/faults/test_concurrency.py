"""Many clients at once: is what they were told one story, in which everything happened at a moment of its own?"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pvc_cli.cluster.vms.query import find, list_vms
from pvc_cli.cluster.vms.tag_plans import plan_add, plan_remove
from pvc_cli.cluster.vms.tagging import change_tags
from pvc_cli.sandbox.demo import fill
from pvc_cli.sandbox.server import Ensemble
from pvc_cli.zk import ZKHandler, ZKSchema
from pvc_cli.zk.store import ReplacedError

CLIENTS = 32
ROUNDS = 40
VMS = ("web-01", "app-01")
TAGS = ("a", "b", "c")


@dataclass(frozen=True)
class Event:
    """What a client did to one tag of one VM, when, and what it was told."""

    began: float
    ended: float
    adds: bool
    changed: bool


def linearizable(events: list[Event]) -> bool:
    """Tell whether *events* on one tag, which is there or not, can have happened one at a time.

    Each at some moment between its beginning and its end: an addition that changed something found no tag, one that
    did not found it; and the other way round for removals.
    """
    events = sorted(events, key=lambda event: event.began)
    seen: set[tuple[frozenset[int], bool]] = set()
    states = [(frozenset(range(len(events))), False)]
    while states:
        left, there = states.pop()
        if not left:
            return True
        if (left, there) in seen:
            continue
        seen.add((left, there))
        # Only what began before the first of the others ended can have been next.
        first_end = min(events[index].ended for index in left)
        for index in left:
            event = events[index]
            if event.began <= first_end and event.changed == (event.adds != there):
                states.append((left - {index}, event.adds))
    return False


def work(hosts: str, seed: int) -> list[tuple[str, str, Event]]:
    """Add and remove tags at random."""
    choices = random.Random(seed)
    log = []
    with ZKHandler(hosts, timeout=60) as handler:
        for _ in range(ROUNDS):
            name, tag, adds = choices.choice(VMS), choices.choice(TAGS), choices.random() < 0.5
            plan = plan_add([tag]) if adds else plan_remove([tag], if_exists=True)
            vms = find(handler, [name])
            began = time.monotonic()
            while True:
                result = change_tags(handler, vms, plan)
                (outcome,) = result.outcomes
                # Done, but to a tag that was removed and added again meanwhile: so it says.
                replaced = any(isinstance(error, ReplacedError) for error in result.errors)
                # Somebody else was faster every time: nothing was done.
                if outcome.status != "failed" or replaced:
                    break
            log.append((name, tag, Event(began, time.monotonic(), adds, replaced or outcome.status == "changed")))
    return log


@pytest.fixture
def hosts(zookeeper: None, tmp_path: Path) -> Iterator[str]:
    with Ensemble(tmp_path / "server") as ensemble:
        with ZKHandler(ensemble.hosts) as handler:
            fill(handler, vms=20, schema=ZKSchema())
        yield ensemble.hosts


def test_what_32_clients_are_told_of_a_tag_is_one_story(hosts: str) -> None:
    clients = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.faults.test_concurrency", hosts, str(seed)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(CLIENTS)
    ]
    stories: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for client in clients:
        output, _ = client.communicate(timeout=300)
        assert client.returncode == 0
        for name, tag, event in json.loads(output):
            stories[name, tag].append(Event(*event))
    counts = Counter(event.changed for events in stories.values() for event in events)
    overlapping = sum(
        one.began < other.ended and other.began < one.ended
        for events in stories.values()
        for number, one in enumerate(events)
        for other in events[:number]
    )
    assert all(linearizable(events) for events in stories.values())
    with ZKHandler(hosts) as handler:
        assert len(list_vms(handler)) == 20
    print(
        f"{CLIENTS} clients, {sum(counts.values())} additions and removals of {len(stories)} tags, {counts[True]} of"
        f" which changed something, {overlapping} pairs at the same time: each tag's is one story"
    )


def test_a_story_that_cannot_be_is_seen() -> None:
    """A control: two additions that both changed something, with no removal in between or beside them."""
    assert linearizable([Event(0, 2, True, True), Event(1, 3, True, False)])
    assert linearizable([Event(0, 3, True, True), Event(1, 4, True, True), Event(0, 4, False, True)])
    assert not linearizable([Event(0, 2, True, True), Event(1, 3, True, True)])
    assert not linearizable([Event(0, 1, True, True), Event(2, 3, True, True), Event(4, 5, False, True)])
    assert not linearizable([Event(0, 1, False, True)])


if __name__ == "__main__":
    done = work(sys.argv[1], int(sys.argv[2]))
    print(json.dumps([(name, tag, [e.began, e.ended, e.adds, e.changed]) for name, tag, e in done]))
    sys.stdout.flush()
    os._exit(0)
