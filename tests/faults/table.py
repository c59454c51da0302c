"""What came of the faults, as a table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

COLUMNS = ("times", "finished", "refused", "lost", "wrong")


@dataclass
class Table:
    """What came of the faults, by what they were and by what they struck."""

    title: str
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    longest: dict[str, float] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)

    def note(
        self, row: str, end: str, *, lost: bool = False, wrong: bool = False, seconds: float, limit: float
    ) -> None:
        """Count one fault in *row*: how the command ended, and how long after the fault, in seconds."""
        bad = (["lost"] if lost else []) + (["wrong"] if wrong else [])
        self.counts.setdefault(row, Counter()).update(("times", end, *bad))
        self.longest[row] = max(seconds, self.longest.get(row, 0))
        self.limits[row] = max(limit, self.limits.get(row, 0))

    def show(self) -> None:
        """Print it, with a bound: with no failure in N faults, fewer than about 3 in N fail, at 95 % confidence."""
        print(f"\n{self.title:24}" + "".join(f"{column:>10}" for column in (*COLUMNS, "bound", "longest", "limit")))
        total: Counter[str] = sum(self.counts.values(), Counter())
        for row, count in (*self.counts.items(), ("all", total)):
            bad = count["lost"] + count["wrong"]
            bound = "-" if bad else f"{300 / count['times']:.1f} %"
            longest = self.longest[row] if row in self.longest else max(self.longest.values())
            limit = self.limits[row] if row in self.limits else max(self.limits.values())
            numbers = "".join(f"{count[column]:10}" for column in COLUMNS)
            print(f"{row:24}{numbers}{bound:>10}{longest:8.1f} s{limit:8.0f} s")
