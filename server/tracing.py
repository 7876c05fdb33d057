"""What happens becomes spans of traces, where somebody collects them: what is needed of whatever writes them down.

Ids, routes, kinds and codes may stand in them; nothing that people typed, stored or are known by.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

SpanFact = str | int | float


class TraceSpan(Protocol):
    def tell(self, **facts: SpanFact) -> None:
        """`job_kind="data_import"` is told as `jindu.job_kind`."""
        ...

    def rename(self, name: str) -> None: ...

    def fail(self, code: str) -> None:
        """It went wrong for a reason that has this code; no texts, which may quote somebody's data."""
        ...


class Tracing(Protocol):
    def request(self, name: str, *, links: Sequence[str] = ()) -> AbstractContextManager[TraceSpan]:
        """Somebody outside asked. Begins a trace; `links` are `traceparent`s (W3C) of what it has to do with."""
        ...

    def attempt(self, name: str, *, links: Sequence[str] = ()) -> AbstractContextManager[TraceSpan]:
        """Work that waited for its turn. Begins a trace of its own."""
        ...

    def step(self, name: str) -> AbstractContextManager[TraceSpan]:
        """A part of the trace that is under way here; nothing is written down where there is none."""
        ...

    def here(self) -> str:
        """The `traceparent` of what is under way, for a later trace to link to; empty when there is none."""
        ...


class _UntoldSpan:
    __slots__ = ()

    def tell(self, **facts: SpanFact) -> None:
        pass

    def rename(self, name: str) -> None:
        pass

    def fail(self, code: str) -> None:
        pass


_UNTOLD = nullcontext(_UntoldSpan())  # it holds nothing, so all may share it


class NoTracing:
    """Nobody collects traces."""

    def request(self, name: str, *, links: Sequence[str] = ()) -> AbstractContextManager[TraceSpan]:
        return _UNTOLD

    def attempt(self, name: str, *, links: Sequence[str] = ()) -> AbstractContextManager[TraceSpan]:
        return _UNTOLD

    def step(self, name: str) -> AbstractContextManager[TraceSpan]:
        return _UNTOLD

    def here(self) -> str:
        return ""


NO_TRACING = NoTracing()
