"""The bar where tqdm is not installed: what most people use of it, drawn on one line, or line by line in a log."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, TextIO

from jindu.terminal import TerminalLine
from jindu.tracking import length_of

_INSTALL = "This needs tqdm itself: pip install tqdm."


class PlainBar:
    """Takes what tqdm takes; what only changes the looks there is accepted and ignored."""

    n: float
    total: float | None

    def __init__(
        self,
        iterable: Iterable[Any] | None = None,
        desc: str | None = None,
        total: float | None = None,
        leave: bool | None = True,
        file: TextIO | None = None,
        ncols: int | None = None,
        mininterval: float = 0.1,
        *_looks: object,
        disable: bool | None = False,
        unit: str = "it",
        initial: float = 0,
        postfix: Mapping[str, object] | str | None = None,
        **_other_looks: object,
    ) -> None:
        self.iterable = iterable
        self.desc = (desc or "").rstrip(": ")
        self.unit = unit
        self.leave = leave
        self._line = TerminalLine(file, every_seconds=mininterval)
        self.disable = bool(disable) or (disable is None and not self._line.is_terminal)
        self._is_closed = self.disable
        self._words = _words(postfix) if isinstance(postfix, Mapping) else str(postfix or "")
        self.total = length_of(iterable) if total is None and iterable is not None else total
        self.n = initial
        self.refresh()

    def __iter__(self) -> Iterator[Any]:
        if self.iterable is None:
            raise TypeError("This bar has nothing to go through; give it an iterable.")
        try:
            for item in self.iterable:
                yield item
                self.update(1)
        finally:
            self.close()

    async def __aiter__(self) -> AsyncIterator[Any]:
        if self.iterable is None:
            raise TypeError("This bar has nothing to go through; give it an iterable.")
        items: Any = self.iterable
        try:
            if hasattr(items, "__aiter__"):
                async for item in items:
                    yield item
                    self.update(1)
            else:
                for item in items:
                    yield item
                    self.update(1)
        finally:
            self.close()

    def __len__(self) -> int:
        return int(self.total or 0)

    def __bool__(self) -> bool:
        return self.iterable is not None or bool(self.total)

    def __enter__(self) -> PlainBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def update(self, n: float | None = 1) -> bool | None:
        if not self.disable:
            self.n += 1 if n is None else n
            self._draw(now=False)
        return None

    def set_description(self, desc: str | None = None, refresh: bool | None = True) -> None:
        self.desc = (desc or "").rstrip(": ")
        if refresh:
            self.refresh()

    def set_description_str(self, desc: str | None = None, refresh: bool | None = True) -> None:
        PlainBar.set_description(self, desc, refresh)

    def set_postfix(
        self, ordered_dict: Mapping[str, object] | None = None, refresh: bool | None = True, **values: object
    ) -> None:
        PlainBar.set_postfix_str(self, _words({**(ordered_dict or {}), **values}), refresh)

    def set_postfix_str(self, s: str = "", refresh: bool | None = True) -> None:
        self._words = str(s)
        if refresh:
            self.refresh()

    def refresh(self, *_looks: object, **_other_looks: object) -> bool:
        """Draw at once."""
        if not self._is_closed:
            self._draw(now=True)
        return True

    display = refresh

    def clear(self, *_looks: object, **_other_looks: object) -> None:
        self._line.clear()

    def unpause(self) -> None:
        """tqdm's clock; ours counts on."""

    def reset(self, total: float | None = None) -> None:
        self._is_closed = self.disable
        self.n = 0
        if total is not None:
            self.total = total
        self.refresh()

    def close(self) -> None:
        if self._is_closed:
            return
        self._draw(now=True)
        self._is_closed = True
        self._line.end(keep=bool(self.leave) or self.leave is None)

    def _draw(self, *, now: bool) -> None:
        self._line.draw(self.desc, self.n, self.total, self.unit, self._words, now=now)

    @classmethod
    def write(cls, s: str, file: TextIO | None = None, end: str = "\n", nolock: bool = False) -> None:
        """A line of text; the bar is drawn anew under it."""
        stream = file or sys.stdout
        if stream.isatty():
            stream.write("\r\x1b[K")
        stream.write(s + end)

    @classmethod
    def set_lock(cls, lock: Any) -> None:
        """Nothing here is shared between processes."""

    @classmethod
    def get_lock(cls) -> Any:
        return contextlib.nullcontext()

    @classmethod
    def pandas(cls, **_options: Any) -> None:
        raise ImportError(_INSTALL)

    @classmethod
    def wrapattr(cls, stream: Any, method: str, total: float | None = None, **options: Any) -> Any:
        raise ImportError(_INSTALL)


def _words(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={_shown(value)}" for name, value in values.items())


def _shown(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
