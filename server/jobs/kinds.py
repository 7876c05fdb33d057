"""What kinds of jobs there are: each is a name, a unit, and the function that does the work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from server.jobs.outcomes import Outcome
from server.storage.quotas import Stored

if TYPE_CHECKING:
    from server.jobs.context import JobContext

JobFunction = Callable[["JobContext"], Awaitable[Outcome | None]]
"""Does one attempt, and says what it leaves. Raise a `JinduError` to fail with a reason people can act on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """One kind of job. `heavy` kinds wait for one of the N slots; light ones only wait for the outside world.

    Without a function nobody here runs it: whoever does tells how far it is (`server/jobs/external.py`).
    `counts_interruptions`: whether a crash or restart in the middle uses up one of the attempts.
    `stores`: what it makes more of on the disk, so that it is not begun when there is no room for that.
    """

    name: str
    unit: str
    function: JobFunction | None
    heavy: bool = True
    counts_interruptions: bool = True
    can_retry: bool = True
    stores: Stored | None = None

    @property
    def is_external(self) -> bool:
        return self.function is None


class JobKinds:
    """The kinds this server runs, by name."""

    def __init__(self, kinds: Iterable[JobKind]) -> None:
        self._kinds = {kind.name: kind for kind in kinds}

    def __getitem__(self, name: str) -> JobKind:
        return self._kinds[name]

    def find(self, name: str) -> JobKind | None:
        return self._kinds.get(name)

    def __contains__(self, name: str) -> bool:
        return name in self._kinds

    def names(self) -> tuple[str, ...]:
        return tuple(self._kinds)
