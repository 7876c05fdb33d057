"""Data files that vanish while they are read: somebody deleted the dataset in that moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from server.errors import NotFound


class DatasetDeleted(NotFound):
    """The dataset was deleted meanwhile."""


@contextmanager
def deleted_named(paths: Iterable[Path]) -> Iterator[None]:
    """Whatever reading `paths` raises is `DatasetDeleted` when one of them is there no longer."""
    try:
        yield
    except (OSError, duckdb.Error) as error:
        if all(path.exists() for path in paths):
            raise
        raise DatasetDeleted from error
