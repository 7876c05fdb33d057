"""How a version of a template comes to be: one transaction, whoever else saves at the same moment."""

from __future__ import annotations

from server.auth.access import TEMPLATES, Right, require_still
from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.errors import NotFound, PreconditionFailed
from server.operations.data_reading import DataReading
from server.reports.source_changes import CompareRequest, Counts, count_changes
from server.reports.summary import TemplateSummary, stored_summary
from server.reports.template_store import MISSING, StoredTemplate, TemplateStore, VersionStory, found_template
from server.storage.database import Database
from server.storage.growth import Growth


class TemplateSaving:
    """Stores versions, and removes templates with all of theirs. Whether a source is right is not decided here."""

    def __init__(
        self, *, database: Database, store: TemplateStore, reading: DataReading, audit: Audit, growth: Growth
    ) -> None:
        self._database = database
        self._store = store
        self._reading = reading
        self._audit = audit
        self._growth = growth

    async def save(
        self,
        principal: Principal,
        name: str,
        source: str,
        summary: TemplateSummary,
        *,
        if_match: str | None = None,
        must_be_new: bool = False,
        note: str = "",
        restored_from: int | None = None,
        owner_id: str | None = None,
    ) -> StoredTemplate:
        """Raises `PreconditionFailed` unless the newest version is `if_match` (`*`: there is one).

        `owner_id` is whose it is, when it is another's: then there has to be one, which the caller may edit.
        """
        owner_id = owner_id or principal.user_id
        seen = await self._store.find(owner_id, name)
        # By a worker, so before the transaction. Who is overtaken meanwhile has counted against a version that is no
        # longer in force: `is_counted` says that nobody knows, then.
        counts = await self._counts(principal, seen, source)
        kept = stored_summary(summary)
        async with self._database.write() as connection:
            before = await found_template(connection, owner_id, name)
            if owner_id != principal.user_id:
                await require_still(connection, principal, TEMPLATES, before.id if before else "", Right.EDIT)
            require_expected(before, if_match, must_be_new=must_be_new)
            if before is None or before.source != source:
                self._growth.charge(principal.user_id, source, source, kept, note)  # as it is, and as a version
            is_counted = (before and before.source) == (seen and seen.source)
            story = VersionStory(
                note=note,
                lines_added=counts.added if is_counted else None,
                lines_removed=counts.removed if is_counted else None,
                restored_from=restored_from,
            )
            saved = await self._store.save(
                connection,
                before,
                owner_id=owner_id,
                saved_by=principal.user_id,
                name=name,
                title=summary.title,
                description=summary.description,
                source=source,
                summary=kept,
                story=story,
            )
            told = {"version": saved.version} | ({"restored_from": restored_from} if restored_from else {})
            await self._audit.record(connection, principal, "template.save", name, told, subject_id=saved.id)
        return saved

    async def delete(
        self, principal: Principal, name: str, *, if_match: str | None = None, owner_id: str | None = None
    ) -> None:
        async with self._database.write() as connection:
            stored = await found_template(connection, owner_id or principal.user_id, name)
            if stored is None:
                raise NotFound(MISSING, name=name)
            require_expected(stored, if_match, must_be_new=False)
            await self._store.delete(connection, stored)
            detail = {"version": stored.version}
            await self._audit.record(connection, principal, "template.delete", name, detail, subject_id=stored.id)

    async def _counts(self, principal: Principal, before: StoredTemplate | None, source: str) -> Counts:
        request = CompareRequest(before=before.source if before else "", after=source)
        if request.before == source:
            return Counts(added=0, removed=0)
        counts: Counts = await self._reading.in_worker(principal, count_changes, request)
        return counts


def require_expected(before: StoredTemplate | None, if_match: str | None, *, must_be_new: bool) -> None:
    if must_be_new and before is not None:
        raise PreconditionFailed("There is already a template named “{name}”.", name=before.name)
    if if_match is not None and (before is None or if_match not in ("*", str(before.version))):
        raise PreconditionFailed
