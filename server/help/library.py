"""The documents as they were read: once, by a worker process, when the first of them is asked for."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from server.help.finding import SearchedSection, searched
from server.help.work import HelpDocument, ReadDocuments, read_documents
from server.jobs.shared_workers import SharedWorkers

_FOR_EVERYBODY = ""  # who takes the turn at the workers


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpTexts:
    """`documents` by chapter and language; `digest` is another when any of them is."""

    documents: Mapping[tuple[str, str], HelpDocument]
    sections: Sequence[SearchedSection]
    digest: str


class HelpLibrary:
    def __init__(self, *, directory: Path, root: str, workers: SharedWorkers) -> None:
        self._wanted = ReadDocuments(directory=directory, root=root)
        self._workers = workers
        self._texts: HelpTexts | None = None
        self._reading = asyncio.Lock()

    async def texts(self) -> HelpTexts:
        """Whoever asks while they are being read waits for the same reading."""
        if self._texts is None:
            async with self._reading:
                if self._texts is None:
                    documents = await self._workers.run(_FOR_EVERYBODY, read_documents, self._wanted)
                    self._texts = await asyncio.to_thread(_texts, documents)
        return self._texts


def _texts(documents: Sequence[HelpDocument]) -> HelpTexts:
    digest = hashlib.sha256("".join(each.html for each in documents).encode()).hexdigest()[:16]
    by_name = {(each.chapter, each.language): each for each in documents}
    return HelpTexts(documents=by_name, sections=searched(documents), digest=digest)
