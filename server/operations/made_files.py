"""Answers and files that are made for one request."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from server.datasets.answers import Answer
from server.storage.blob_store import StoredBlob


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFile:
    """`content` itself; or where it lies: a path is removed by whoever sends it, a blob was there before and stays."""

    name: str
    media_type: str
    content: bytes | Path | StoredBlob

    @classmethod
    def of(cls, answer: Answer, *, name: str, media_type: str) -> MadeFile:
        return cls(name=name, media_type=media_type, content=answer.path or answer.content)
