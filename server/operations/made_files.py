"""Answers and files that are made for one request, and what becomes of them when it fails."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from server.datasets.answers import Answer
from server.storage.blobs import Blobs


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFile:
    """`content`, or the file at `path`; a `temporary` one is to be removed by whoever sends it."""

    name: str
    media_type: str
    content: bytes = b""
    path: Path | None = None
    temporary: bool = True

    @classmethod
    def of(cls, answer: Answer, *, name: str, media_type: str) -> MadeFile:
        return cls(name=name, media_type=media_type, content=answer.content, path=answer.path)


@asynccontextmanager
async def place_for(blobs: Blobs, suffix: str) -> AsyncIterator[Path]:
    """A fresh path to write a file or a directory at; when the block fails, nothing stays there."""
    path = blobs.new_partial(suffix)
    try:
        yield path
    except BaseException:
        await asyncio.shield(asyncio.to_thread(remove, path))
        raise


def remove(path: Path) -> None:
    """A file or a directory, or what is there of it. Blocks on the disk: use a thread."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
