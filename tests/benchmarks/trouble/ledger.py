"""What was asked for, what was acknowledged, and what of it turned out lost, twice or wrong."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median

from tests.benchmarks.live import tables


class Harm(StrEnum):
    """What must never happen to anything that was acknowledged."""

    LOST = "lost"
    TWICE = "twice"
    WRONG = "wrong"


@dataclass(slots=True)
class Tally:
    """Of one kind of operation."""

    asked: int = 0
    acknowledged: int = 0
    repeated: int = 0  # since no answer came, or a refusal that passes
    harm: Counter[Harm] = field(default_factory=Counter)


class Ledger:
    def __init__(self) -> None:
        self._began = time.monotonic()
        self.tallies: defaultdict[str, Tally] = defaultdict(Tally)
        self.faults: defaultdict[str, list[float]] = defaultdict(list)  # seconds until all was well again
        self.refusals: Counter[str] = Counter()
        self.by_hand: Counter[str] = Counter()  # what a person had to try again
        self.notes: Counter[str] = Counter()
        self.problems: list[tuple[Harm, str]] = []

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:7.1f} s  {text}", flush=True)

    def asked(self, what: str) -> None:
        self.tallies[what].asked += 1

    def acknowledged(self, what: str) -> None:
        self.tallies[what].acknowledged += 1

    def repeated(self, what: str, why: str) -> None:
        self.tallies[what].repeated += 1
        self.refusals[why] += 1

    def harmed(self, harm: Harm, what: str, text: str) -> None:
        self.tallies[what].harm[harm] += 1
        self.problems.append((harm, f"{what}: {text}"))
        self.say(f"!!! {harm} {what}: {text}"[:600])

    def expect(self, is_so: bool, harm: Harm, what: str, text: str) -> None:
        if not is_so:
            self.harmed(harm, what, text)

    @contextmanager
    def within(self, what: str) -> Iterator[None]:
        """An error of the block is one of the program's; whoever works here goes on with something else."""
        try:
            yield
        except Exception as error:
            self.harmed(Harm.WRONG, what, f"{type(error).__name__}: {error}")

    def show(self) -> None:
        rows = [(kind, str(len(each)), *_seconds(each)) for kind, each in sorted(self.faults.items())]
        tables.show("what was done to it", ("", "times", "all well again after s, p50", "at most"), rows)
        operations = [
            (what, each.asked, each.acknowledged, each.repeated, *(each.harm[harm] for harm in Harm))
            for what, each in sorted(self.tallies.items())
        ]
        heads = ("", "asked", "acknowledged", "asked again", *(harm.value for harm in Harm))
        tables.show("what people did meanwhile", heads, operations)
        for title, counts in (
            ("asked again since", self.refusals),
            ("tried again by hand", self.by_hand),
            ("besides", self.notes),
        ):
            if counts:
                print(f"{title}: {', '.join(_counted(counts))}")
        for harm, text in self.problems:
            print(f"{harm}: {text}"[:1_000])


def _seconds(found: Sequence[float]) -> tuple[str, str]:
    return f"{median(found):.1f}", f"{max(found):.1f}"


def _counted(counts: Counter[str]) -> Iterable[str]:
    return (f"{times} × {what}" for what, times in counts.most_common())


def without_time(line: str) -> str:
    """Of a log, so that it can be counted."""
    return line.partition(" ")[2]
