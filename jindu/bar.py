"""`from jindu import tqdm`: the same bar on the terminal, and the same progress on the pages of Jindu."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from jindu.plain_bar import PlainBar
from jindu.reporting import Reporting

Item = TypeVar("Item")


def _base() -> Any:
    """tqdm's class for this place: a notebook, a terminal, asyncio. Ours where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tqdm.auto calls itself experimental
        try:
            from tqdm.auto import tqdm as theirs
        except ImportError:
            return PlainBar
    return theirs


if TYPE_CHECKING:

    class tqdm(Reporting, PlainBar, Generic[Item]):  # noqa: N801 - the name is the point
        def __init__(self, iterable: Iterable[Item] | None = None, *given: Any, **looks: Any) -> None: ...

        def __iter__(self) -> Iterator[Item]: ...

else:

    class tqdm(Reporting, _base()):  # noqa: N801 - the name is the point
        """tqdm's own class where tqdm is installed, with all it can do, and a job besides."""


def trange(*args: int, **options: Any) -> tqdm[int]:
    """`tqdm(range(…))`."""
    return tqdm(range(*args), **options)
