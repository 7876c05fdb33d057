"""What people do with report templates: write, check, look at, delete; and the samples to begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import and_

from server.auth.access import TEMPLATES, Right, ThingAccess, Whose, listed, may
from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.auth.users import name_key
from server.clock import Clock, utc_now
from server.datasets.dataset import Version
from server.errors import InvalidInput, NotFound
from server.operations.data_reading import DataReading
from server.operations.template_saving import TemplateSaving
from server.reports.as_of import moment_of
from server.reports.requests import fetched_sources, used_datasets
from server.reports.summary import Check, CheckRequest, Sample, TemplateSummary, stored_summary
from server.reports.template_store import (
    MISSING,
    StoredTemplate,
    TemplateHead,
    TemplateStore,
    VersionStory,
    found_template,
    kept_summary,
    require_template_name,
)
from server.reports.vocabulary import TemplateSchema
from server.reports.work import (
    Choices,
    ChoicesRequest,
    DatasetSource,
    check_source,
    choices_of,
    read_samples,
    summaries_of,
    vocabulary,
)
from server.storage.blob_store import BlobStore
from server.storage.database import Database
from server.storage.pages import Listing

_MAX_SOURCE_CHARACTERS = 256 * 1024


class TemplateItem(msgspec.Struct, frozen=True, kw_only=True):
    """A template and what it says about itself."""

    stored: TemplateHead
    summary: TemplateSummary


class TemplateOperations:
    """Templates are named per owner; an `owner` is the name of a user who shared theirs."""

    def __init__(
        self,
        *,
        database: Database,
        store: TemplateStore,
        access: ThingAccess,
        reading: DataReading,
        blobs: BlobStore,
        audit: Audit,
        saving: TemplateSaving,
        samples: Path,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._store = store
        self._access = access
        self._reading = reading
        self._blobs = blobs
        self._audit = audit
        self._saving = saving
        self._samples = samples
        self._clock = clock
        self._vocabulary: TemplateSchema | None = None

    async def list(
        self,
        principal: Principal,
        *,
        owner: str | None = None,
        whose: Whose = Whose.MINE_AND_SHARED,
        q: str = "",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Listing[TemplateItem]:
        """By name; of `owner` all that the caller may see."""
        principal.require_read()
        page = await self._store.search(listed(principal, TEMPLATES, whose, owner), q=q, limit=limit, cursor=cursor)
        read = await self._read_summaries(principal, [head.id for head in page.items if head.summary is None])
        items = [TemplateItem(stored=head, summary=read.get(head.id) or kept_summary(head)) for head in page.items]
        return Listing(items=items, total=page.total, next_cursor=page.next_cursor)

    async def get(
        self,
        principal: Principal,
        name: str,
        *,
        owner: str | None = None,
        version: int | None = None,
        right: Right = Right.VIEW,
    ) -> StoredTemplate:
        """The one of `owner`; without one the caller's own, or the only one of that name that they were given.

        Raises `NotFound` for what they may not see, `Forbidden` for what they may see but no more.
        """
        sight = await self._access.named(principal, TEMPLATES, name, missing=MISSING, owner=owner, right=right)
        return await self._store.get(sight.id, name, version=version)

    async def of_id(self, principal: Principal, template_id: str, name: str) -> StoredTemplate:
        """Raises `NotFound`, in the words of its `name`."""
        try:
            await self._access.of(principal, TEMPLATES, template_id)
        except NotFound:
            raise NotFound(MISSING, name=name) from None
        return await self._store.get(template_id, name)

    async def right(self, principal: Principal, stored: TemplateHead) -> Right:
        """What they may do with it."""
        return (await self._access.of(principal, TEMPLATES, stored.id)).right

    async def check(self, principal: Principal, source: str, *, owner_id: str | None = None) -> Check:
        """What is wrong with a source, and what it says of itself.

        What it includes and reads is that of `owner_id`, else the caller's, as far as the caller may see it.
        """
        principal.require_read()
        require_source_size(source)
        owner_id = owner_id or principal.user_id
        source = await self.bundled(principal, source, owner_id)
        known, read = await self._read_by(principal, source, owner_id)
        columns = {name: tuple(version.columns) for name, version in read.items()}
        request = CheckRequest(source=source, datasets=columns, known=tuple(known))
        check: Check = await self._reading.in_worker(principal, check_source, request)
        return check

    async def bundled(self, principal: Principal, source: str, owner_id: str) -> str:
        """With those of the owner's templates that it includes, as far as the caller may see them."""
        seen = and_(TEMPLATES.table.c.owner_id == owner_id, may(principal, TEMPLATES))
        return await self._store.bundled(seen, source)

    async def vocabulary(self, principal: Principal) -> TemplateSchema:
        """What can be written in a template; it is the same for everybody, and found out once."""
        principal.require_read()
        if self._vocabulary is None:
            self._vocabulary = await self._reading.in_worker(principal, vocabulary, None)
        return self._vocabulary

    async def save(
        self,
        principal: Principal,
        name: str,
        source: str,
        *,
        if_match: str | None = None,
        must_be_new: bool = False,
        note: str = "",
        owner: str | None = None,
    ) -> tuple[StoredTemplate, Check]:
        """Store `source` as the newest version. A wrong one is not stored: raises `TemplateProblem` with places.

        `owner` is whose template gets a new version, when it is another's.
        `if_match` is the version that was read before (`*`: any); raises `PreconditionFailed` unless it is the newest.
        """
        principal.require_write()
        require_template_name(name)
        owner_id = await self.owner_id(principal, name, owner, Right.EDIT)
        check = await self.check(principal, source, owner_id=owner_id)
        check.require_no_errors()
        saved = await self._saving.save(
            principal,
            name,
            source,
            check.summary,
            if_match=if_match,
            must_be_new=must_be_new,
            note=note,
            owner_id=owner_id,
        )
        return saved, check

    async def delete(
        self, principal: Principal, name: str, *, if_match: str | None = None, owner: str | None = None
    ) -> None:
        principal.require_write()
        owner_id = await self.owner_id(principal, name, owner, Right.OWN)
        await self._saving.delete(principal, name, if_match=if_match, owner_id=owner_id)

    async def owner_id(self, principal: Principal, name: str, owner: str | None, right: Right) -> str:
        """Whose template is meant by whoever writes: without an owner always their own, whether there is one or not."""
        if owner is None or name_key(owner) == name_key(principal.user_name):
            return principal.user_id
        return (await self.get(principal, name, owner=owner, right=right)).owner_id

    async def choices(
        self, principal: Principal, stored: StoredTemplate, *, as_of: str = "", given: Mapping[str, Any] | None = None
    ) -> Choices:
        """What each parameter can be, where that is known, and what it is by default: today, or `as_of` another day.

        `given` are values that were chosen already.
        """
        principal.require_read()
        clock = moment_of(as_of, principal.time_zone) if as_of else self._clock()
        source = await self.bundled(principal, stored.source, stored.owner_id)
        async with self.sources(principal, source, stored.owner_id) as sources:
            request = ChoicesRequest(
                source=source,
                datasets=sources,
                limits=self._reading.limits,
                clock=clock,
                time_zone=principal.time_zone,
                given=dict(given or {}),
            )
            choices: Choices = await self._reading.in_worker(principal, choices_of, request)
        return choices

    async def samples(self, principal: Principal) -> Sequence[Sample]:
        """The templates that come with the program."""
        principal.require_read()
        found: Sequence[Sample] = await self._reading.in_worker(principal, read_samples, self._samples)
        return found

    async def install_samples(self, principal: Principal) -> Sequence[str]:
        """Give the caller every sample they have no template of that name for; returns the names of all samples.

        They are stored unchecked: the data they read may not be there yet.
        """
        principal.require_write()
        samples = await self.samples(principal)
        async with self._database.write() as connection:
            for sample in samples:
                if await found_template(connection, principal.user_id, sample.name):
                    continue
                await self._store.save(
                    connection,
                    None,
                    owner_id=principal.user_id,
                    saved_by=principal.user_id,
                    name=sample.name,
                    title=sample.summary.title,
                    description=sample.summary.description,
                    source=sample.source,
                    summary=stored_summary(sample.summary),
                    story=VersionStory(lines_added=len(sample.source.splitlines()), lines_removed=0),
                )
            names = [sample.name for sample in samples]
            await self._audit.record(connection, principal, "template.install_samples", "", {"names": names})
        return names

    async def _read_summaries(self, principal: Principal, ids: Sequence[str]) -> dict[str, TemplateSummary]:
        """Of templates that were stored before their summaries were kept."""
        if not ids:
            return {}
        sources = await self._store.sources(ids)
        found: list[TemplateSummary] = await self._reading.in_worker(principal, summaries_of, list(sources.values()))
        return dict(zip(sources, found, strict=True))

    async def _read_by(
        self, principal: Principal, source: str, owner_id: str
    ) -> tuple[Sequence[str], dict[str, Version]]:
        """The names of all datasets that the caller may read, and the current versions of those that a source names,
        by what they mean to `owner_id`.
        """
        known = await self._reading.catalog.readable(principal, meant_by=owner_id)
        read = await self._reading.catalog.mentioned(known, [source])
        await self._reading.note_looks(principal, read.values())
        return known.offered, read

    @asynccontextmanager
    async def sources(
        self, principal: Principal, source: str, owner_id: str
    ) -> AsyncIterator[dict[str, DatasetSource]]:
        """Files of all that a source reads, by what it calls them."""
        _, read = await self._read_by(principal, source, owner_id)
        async with fetched_sources(used_datasets(read), self._blobs) as sources:
            yield sources


def require_source_size(source: str) -> None:
    if len(source) > _MAX_SOURCE_CHARACTERS:
        raise InvalidInput("A template may have at most {limit} characters.", limit=_MAX_SOURCE_CHARACTERS)
