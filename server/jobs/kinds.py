"""What kinds of jobs there are: each is a value that says all that the rest of the program has to know of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from server.jobs.context import JobContext
from server.jobs.job import Job
from server.jobs.lanes import Lane
from server.jobs.life import STALLS_AFTER_SECONDS
from server.jobs.outcomes import Outcome
from server.storage.quotas import Stored

JobFunction = Callable[[JobContext], Awaitable[Outcome | None]]
"""Does one attempt, and says what it leaves. Raise a `JinduError` to fail with a reason people can act on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLink:
    """Where to go from a job, in English, with the name of an icon."""

    url: str
    label: str
    icon: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """What of a job may have failed or been left out although it succeeded: its count, and the words for it."""

    names: Sequence[str]  # of the count, in the result or else, while it runs, in the detail
    label: str  # with {count}
    is_counted: bool = True  # whether the progress counts them, too

    def count(self, job: Job) -> int:
        told = job.detail | (job.result or {})
        return next((told[name] for name in self.names if isinstance(told.get(name), int)), 0)


Noun = Literal["job", "import", "batch", "report"]


def _no_links(job: Job) -> Sequence[JobLink]:
    return ()


def _long(job: Job) -> Lane:
    return Lane.LONG


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """One kind of job: what people see of it, how it is run, and what it keeps. All texts are English.

    Without a function nobody here runs it: whoever does tells how far it is (`server/jobs/external.py`).
    """

    name: str
    label: str
    icon: str = "zap"  # of static/vendor/lucide-static-…
    unit: str  # of its progress and total
    message: str = "job"  # of the live protocol, by which its progress is told to its owner
    figures: Mapping[str, str] = field(default_factory=dict)  # counts in its detail or result, and what they count
    missing: Missing | None = None
    page: str = "/jobs/{id}"  # where people look at one: the page that all kinds have, or one of its own
    links: Callable[[Job], Sequence[JobLink]] = _no_links
    noun: Noun = "job"  # by which those are told of it who wait for it
    step_noun: Noun = "job"  # and of each call of a worker
    lost: str = "What it has done so far is given up."  # told before somebody cancels it
    kept: str = "It starts again from the beginning."  # told before somebody starts it again

    function: JobFunction | None
    heavy: bool = True  # it waits for one of the slots; light kinds only wait for the outside world
    stalls_after_seconds: float = STALLS_AFTER_SECONDS  # without any news; then people are told that it may hang
    stands_still_as: str = "stalled"  # what it is said to be then: another word where nothing hangs (`jobs.shown`)
    goes_on: bool = False  # whether a new attempt goes on where the last one was interrupted
    lane: Callable[[Job], Lane] = _long  # in which line, if it is heavy
    step_seconds: float | None = None  # time limit of each call of a worker
    counts_interruptions: bool = True  # whether a crash or restart in the middle uses up one of the attempts
    can_retry: bool = True
    stores: Stored | None = None  # what it makes more of on the disk: it is not begun when there is no room for that

    def page_of(self, job_id: str) -> str:
        return self.page.format(id=job_id)

    @property
    def is_external(self) -> bool:
        return self.function is None


class JobKinds:
    """The kinds this server knows, by name; those that other parts bring along are added when these are made."""

    def __init__(self, kinds: Iterable[JobKind] = ()) -> None:
        self._kinds: dict[str, JobKind] = {}
        for kind in kinds:
            self.add(kind)

    def add(self, kind: JobKind) -> None:
        if kind.name in self._kinds:
            raise ValueError(f"there are two kinds of jobs named {kind.name}")
        self._kinds[kind.name] = kind

    def __getitem__(self, name: str) -> JobKind:
        return self._kinds[name]

    def find(self, name: str) -> JobKind | None:
        return self._kinds.get(name)

    def shown(self, name: str) -> JobKind:
        """Also for a kind that is no more: jobs outlive the version of the program that ran them."""
        return self._kinds.get(name) or JobKind(name=name, label=name, unit="", function=None, can_retry=False)

    def names(self) -> tuple[str, ...]:
        return tuple(self._kinds)

    def run_by_us(self) -> frozenset[str]:
        """Names of all but those that scripts of people run."""
        return frozenset(name for name, kind in self._kinds.items() if not kind.is_external)
