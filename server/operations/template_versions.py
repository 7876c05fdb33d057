"""What people do with the versions of a template: look at them, compare two, bring one back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from server.auth.access import Right
from server.auth.permissions import Principal
from server.errors import InvalidInput, NotFound
from server.operations.data_reading import DataReading
from server.operations.template_saving import TemplateSaving
from server.operations.templates import TemplateOperations, require_source_size
from server.reports.source_changes import CompareRequest, SourceChanges, compare_sources
from server.reports.summary import Check
from server.reports.template_store import StoredTemplate, TemplateHead, TemplateStore, TemplateVersion

_CONTEXT = 3
_MOST_ROWS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDifference:
    """From one version to another; `after` is None for a text that is not saved."""

    before: TemplateVersion
    after: TemplateVersion | None
    changes: SourceChanges


class TemplateVersionOperations:
    """Versions are seen by whoever sees the template; an `owner` is the name of a user who shared theirs."""

    def __init__(
        self, *, templates: TemplateOperations, store: TemplateStore, reading: DataReading, saving: TemplateSaving
    ) -> None:
        self._templates = templates
        self._store = store
        self._reading = reading
        self._saving = saving

    async def list(self, principal: Principal, name: str, *, owner: str | None = None) -> Sequence[TemplateVersion]:
        """Newest first."""
        return await self._store.versions(await self._templates.get(principal, name, owner=owner))

    async def get(
        self, principal: Principal, name: str, number: int, *, owner: str | None = None
    ) -> tuple[StoredTemplate, TemplateVersion]:
        """The template as it was then. Raises `NotFound`."""
        stored = await self._templates.get(principal, name, owner=owner, version=number)
        return stored, await self._store.version(stored, number)

    async def made(self, principal: Principal, batch_id: str) -> TemplateHead | None:
        """The template of a batch, if its version can still be looked at by the caller."""
        principal.require_read()
        found = await self._store.template_of(batch_id)
        with suppress(NotFound):
            if found is not None:
                await self._templates.right(principal, found)
                return found
        return None

    async def compare(
        self,
        principal: Principal,
        name: str,
        *,
        before: int | None = None,
        after: int | None = None,
        whole: bool = False,
        owner: str | None = None,
    ) -> VersionDifference:
        """By default what the newest version changed; `whole` tells unchanged lines as well."""
        newest = await self._templates.get(principal, name, owner=owner)
        later = after or newest.version
        earlier = before or later - 1
        if not earlier:
            raise InvalidInput("There is no version before version {number} to compare it with.", number=later)
        old, old_version = await self.get(principal, name, earlier, owner=owner)
        new, new_version = await self.get(principal, name, later, owner=owner)
        changes = await self._changes(principal, old.source, new.source, whole=whole)
        return VersionDifference(before=old_version, after=new_version, changes=changes)

    async def compare_text(
        self, principal: Principal, name: str, source: str, *, owner: str | None = None
    ) -> VersionDifference:
        """From the newest version to a text that somebody is writing."""
        require_source_size(source)
        newest = await self._templates.get(principal, name, owner=owner)
        version = await self._store.version(newest, newest.version)
        changes = await self._changes(principal, newest.source, source, whole=False)
        return VersionDifference(before=version, after=None, changes=changes)

    async def restore(
        self, principal: Principal, name: str, number: int, *, if_match: str | None = None, owner: str | None = None
    ) -> tuple[StoredTemplate, Check]:
        """A new version that is equal to version `number`, also when it does not fit the data of today.

        The check says so. If that is in force already, nothing changes.
        """
        principal.require_write()
        old = await self._templates.get(principal, name, owner=owner, version=number, right=Right.EDIT)
        check = await self._templates.check(principal, old.source, owner_id=old.owner_id)
        # `*`: one that was deleted at this moment does not come back with its old version alone.
        saved = await self._saving.save(
            principal,
            name,
            old.source,
            check.summary,
            if_match=if_match or "*",
            restored_from=number,
            owner_id=old.owner_id,
        )
        return saved, check

    async def _changes(self, principal: Principal, before: str, after: str, *, whole: bool) -> SourceChanges:
        request = CompareRequest(before=before, after=after, context=None if whole else _CONTEXT, rows=_MOST_ROWS)
        changes: SourceChanges = await self._reading.in_worker(principal, compare_sources, request)
        return changes
