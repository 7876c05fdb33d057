"""What people do with files that lie elsewhere: look into folders of the server, and have one fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.errors import InvalidInput, NotFound
from server.jobs.job import Job
from server.jobs.keys import Asked
from server.jobs.runner import JobRunner
from server.uploads.elsewhere import Elsewhere, Place
from server.uploads.fetching import KIND
from server.uploads.folders import FolderFile, Folders


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewheres:
    """Where files may come from: names of folders, and hosts as the settings name them."""

    folders: Sequence[str]
    hosts: Sequence[str]

    @property
    def any(self) -> bool:
        return bool(self.folders or self.hosts)


class FetchOperations:
    """What is fetched belongs to whoever asked, as an upload does."""

    def __init__(
        self, *, runner: JobRunner, elsewhere: Mapping[str, Elsewhere], folders: Folders, hosts: Sequence[str]
    ) -> None:
        self._runner = runner
        self._elsewhere = elsewhere
        self._folders = folders
        self._hosts = hosts

    def places(self, principal: Principal) -> Elsewheres:
        principal.require_read()
        return Elsewheres(folders=self._folders.names, hosts=self._hosts)

    async def files(self, principal: Principal, folder: str) -> list[FolderFile]:
        """Newest first. Raises `InvalidInput` when it cannot be read."""
        principal.require_read()
        if folder not in self._folders.names:
            raise NotFound
        return await self._folders.files(folder)

    async def start(self, principal: Principal, place: Place, *, idempotency_key: str | None = None) -> Job:
        """Have the file fetched; its upload stands in the job's result. Raises `InvalidInput`."""
        principal.require_write()
        if (place.url is None) == (place.folder is None):
            raise InvalidInput("Say either a url or a folder with a file.", code="one_place")
        # Now, and not by a job that fails later. It is asked again then: the settings may be others by that time.
        self._elsewhere["url" if place.url else "folder"].require(place)
        source = "url" if place.url else "folder"

        async def record(connection: AsyncConnection, job: Job) -> None:
            await Audit.record(connection, principal, "fetch.start", job.title, {"source": source}, subject_id=job.id)

        return await self._runner.start(
            KIND,
            owner_id=principal.user_id,
            title=_title(place),
            also=record,
            parameters={"place": msgspec.to_builtins(place)},
            asked=Asked.under(idempotency_key, by=principal.user_id, what=place),
        )


def _title(place: Place) -> str:
    """Until the file says its name. Of an address no more than the name: the rest may be a secret."""
    if place.folder is not None:
        return f"{place.folder}/{place.file}"
    return (place.url or "").partition("?")[0].partition("#")[0].rpartition("/")[2] or "file"
