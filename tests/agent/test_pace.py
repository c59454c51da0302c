"""How often the agent looks at the cards when the kernel tells it something."""

from __future__ import annotations

import pytest

from pvc_cli.agent.pace import Pace


class Clock:
    """The monotonic clock, set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)
    return clock


def looks(pace: Pace, clock: Clock, seconds: float) -> int:
    """Tell of changes all the time, and return how many looks that makes."""
    until, count = clock.now + seconds, 0
    while clock.now + (delay := pace.delay()) <= until:
        clock.now += delay
        pace.look()
        count += 1
    clock.now = until
    return count


def test_an_event_is_looked_at_at_once_and_its_echo_a_moment_later(clock: Clock) -> None:
    pace = Pace()
    clock.now += 10
    assert pace.delay() == pytest.approx(0.05)
    pace.look()
    clock.now += 0.1
    assert pace.delay() == pytest.approx(0.2)


def test_events_without_end_are_looked_at_once_a_second(clock: Clock) -> None:
    pace = Pace()
    clock.now += 10
    looks(pace, clock, 60)
    assert looks(pace, clock, 600) in (599, 600, 601)


def test_after_a_silence_it_looks_at_once_again(clock: Clock) -> None:
    pace = Pace()
    looks(pace, clock, 60)
    clock.now += 120
    assert pace.delay() == pytest.approx(0.05)
    assert looks(pace, clock, 12) > 30


def test_what_somebody_changes_every_other_second_is_always_looked_at_at_once(clock: Clock) -> None:
    pace = Pace()
    for _ in range(1000):
        clock.now += 2
        assert pace.delay() == pytest.approx(0.05)
        clock.now += 0.05
        pace.look()
        clock.now += pace.delay()
        pace.look()
