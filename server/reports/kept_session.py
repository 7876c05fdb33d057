"""The query session of the report before: those of a batch read the same datasets, and opening them costs most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from server.datasets.query_session import QuerySession
from server.datasets.work import QueryLimits


class KeptSession:
    """One a worker process. Whoever reads other files, in other limits or at another moment gets another session."""

    def __init__(self) -> None:
        self._key: Any = None
        self._session: QuerySession | None = None

    @contextmanager
    def of(
        self, datasets: Mapping[str, Sequence[Path]], limits: QueryLimits, *, now: datetime
    ) -> Iterator[QuerySession]:
        """As new: nothing of what was read before shows. After an error it is not used again."""
        session = self._fitting(datasets, limits, now)
        try:
            yield session
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = self._key = None

    def _fitting(self, datasets: Mapping[str, Sequence[Path]], limits: QueryLimits, now: datetime) -> QuerySession:
        key = (tuple((name, tuple(paths)) for name, paths in datasets.items()), limits, now, str(now.tzinfo))
        if self._session is not None and key == self._key:
            self._session.renew()
            return self._session
        self.close()
        self._session, self._key = QuerySession(datasets, limits, now=now), key
        return self._session
