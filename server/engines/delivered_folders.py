"""Puts reports into folders of the server that its settings name: nothing there is ever written over."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from server.deliveries.delivery import DeliveredFile, DeliveredReport, FrozenDelivery
from server.deliveries.writing import folder_values
from server.delivery.wishes import filled
from server.errors import FieldError, InvalidInput, NotDelivered, NotFound
from server.reports.file_names import safe_name
from server.settings import Settings
from server.storage.blob_store import BlobStore

_MOST_CHARACTERS, _MOST_PARTS = 300, 10
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
_CHUNK_BYTES = 1024 * 1024


class DeliveredFolders:
    """By name. A path is the name of one and folders in it, which are made; a file is called as the report's, with the
    id of its report, so that no two want the same place."""

    def __init__(self, places: Mapping[str, Path], blobs: BlobStore) -> None:
        self._places = places
        self._blobs = blobs

    @property
    def is_set_up(self) -> bool:
        return bool(self._places)

    def require(self, path: str) -> None:
        name, *parts = path.split("/")
        if name not in self._places:
            known = ", ".join(sorted(self._places)) or "–"
            raise _wrong("Begin with one of the folders that an administrator named: {names}.", names=known)
        is_plain = all(part.strip(" .") and part.isprintable() and "\\" not in part for part in parts)
        if not is_plain or len(path) > _MOST_CHARACTERS or len(parts) > _MOST_PARTS:
            raise _wrong("Write a folder and folders in it, such as archive/sales.")

    async def put(self, delivery: FrozenDelivery) -> str:
        """Where they lie. Whoever puts the same there again finds it there."""
        name, *parts = delivery.content.path.split("/")
        if (root := self._places.get(name)) is None:
            raise NotDelivered(
                "The folder “{name}” is not one that reports may go to any more.", name=name, is_final=True
            )
        values = folder_values(delivery)
        below = [safe_name(filled(part, values), otherwise="-") for part in parts]
        wanted = [(report, file) for report in delivery.content.reports for file in report.files]
        placed = [await self._put(root, below, report, file) for report, file in wanted]
        return "\n".join("/".join([name, *below, each]) for each in placed)

    async def _put(self, root: Path, below: list[str], report: DeliveredReport, file: DeliveredFile) -> str:
        stem, dot, ending = file.name.rpartition(".")
        place = f"{safe_name(stem or ending, otherwise='-')} {report.id}{dot}{ending if dot else ''}"
        try:
            async with self._blobs.fetch([file.blob]) as (source,):
                await asyncio.to_thread(_copied, source, root, below, place, file.sha256)
        except NotFound:
            raise NotDelivered("“{file}” was deleted before it was sent.", file=file.name, is_final=True) from None
        except OSError as error:
            said = error.strerror or type(error).__name__
            raise NotDelivered("“{file}” could not be written: {said}.", file=place, said=said) from error
        return place


def delivery_folders(settings: Settings) -> dict[str, Path]:
    named = (each.partition("=") for each in settings.delivery_folders)
    return {name.strip(): Path(path.strip()) for name, _, path in named}


def _copied(source: Path, root: Path, below: list[str], place: str, sha256: str) -> None:
    folder = root.joinpath(*below)
    folder.mkdir(parents=True, exist_ok=True)
    if not folder.resolve().is_relative_to(root.resolve()):
        raise NotDelivered("“{folder}” leads out of the folder that was named.", folder="/".join(below), is_final=True)
    if _hash_of(source) != sha256:
        raise NotDelivered("“{file}” is not what it was; nothing was sent.", file=place, is_final=True)
    final, passing = folder / place, folder / f".{place}.part"
    with passing.open("wb") as written:
        with source.open("rb") as read:
            shutil.copyfileobj(read, written, _CHUNK_BYTES)
        written.flush()
        os.fsync(written.fileno())
    try:
        _named(passing, final)
    except FileExistsError:
        if _hash_of(final) != sha256:
            message = "There is another “{file}” already; it was left as it is."
            raise NotDelivered(message, file=place, is_final=True) from None
    finally:
        passing.unlink(missing_ok=True)


def _named(passing: Path, final: Path) -> None:
    """A link is refused where there is something; renaming would write over it."""
    try:
        os.link(passing, final)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if final.exists():
            raise FileExistsError from None
        passing.rename(final)


def _hash_of(path: Path) -> str:
    with contextlib.closing(path.open("rb")) as read:
        return hashlib.file_digest(read, "sha256").hexdigest()


def _wrong(message: str, **parameters: str) -> InvalidInput:
    return InvalidInput(errors=[FieldError(field="path", message=message, parameters={**parameters})])
