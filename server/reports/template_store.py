"""The rows of report templates: what each owner has, and every version it ever had."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import Clock, new_id, utc_now
from server.errors import FieldError, InvalidInput, NotFound
from server.reports.bundles import MOST_INCLUDED, Included, bundled
from server.reports.summary import TemplateSummary, summary_in
from server.storage import findable
from server.storage.database import Database
from server.storage.pages import Listing, NameOrder, page_of, size_of
from server.storage.searching import mentions, searched
from server.storage.sounding import is_said
from server.storage.tables import batches, findables, template_versions, templates, users

# It stands in addresses and file names; `new` and the like are pages.
_TAKEN = ("draft", "gallery", "new", "samples")
NAME_PATTERN = f"(?!(?:{'|'.join(_TAKEN)})$)[a-z0-9\u4e00-\u9fff][a-z0-9_\\-\u4e00-\u9fff]{{0,62}}"
_NAME = re.compile(NAME_PATTERN)
MISSING = "There is no template named “{name}”."
_NO_VERSION = "The template “{name}” has no version {number}."


def is_template_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def require_template_name(name: str) -> None:
    if not is_template_name(name):
        raise InvalidInput(
            "“{name}” cannot be a template's name; use up to 63 small letters, digits, -, _ or Chinese characters.",
            errors=[
                FieldError(field="name", message="Use up to 63 small letters, digits, -, _ or Chinese characters.")
            ],
            name=name,
        )


class TemplateHead(msgspec.Struct, frozen=True, kw_only=True):
    """A template of one owner, without its source; `updated_at` is when this version was saved, `owner` a user's name.

    `summary` is a `TemplateSummary` as JSON; None for one that was stored before there were summaries.
    """

    id: str
    owner_id: str
    owner: str = ""
    name: str
    title: str
    description: str
    version: int
    created_at: datetime
    updated_at: datetime
    summary: str | None = None


def kept_summary(head: TemplateHead) -> TemplateSummary:
    """As it was when it was stored."""
    plain = TemplateSummary(title=head.title, plain_title=head.title, description=head.description)
    return summary_in(head.summary or "") or plain


class StoredTemplate(TemplateHead, frozen=True, kw_only=True):
    """A template at one version."""

    source: str


class VersionStory(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of a version beside its text. Lines are counted to the version before, if anybody counted them."""

    note: str = ""
    lines_added: int | None = None
    lines_removed: int | None = None
    restored_from: int | None = None


class TemplateVersion(VersionStory, frozen=True, kw_only=True):
    """That a template was saved; the newest one is in force. `saved_by` is a name, None for a user who is gone."""

    number: int
    created_at: datetime
    saved_by: str | None


class TemplateStore:
    """Reads and writes templates; whether a source is right is not decided here."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def find(self, owner_id: str, name: str) -> StoredTemplate | None:
        async with self._database.read() as connection:
            return await found_template(connection, owner_id, name)

    async def get(self, template_id: str, name: str, *, version: int | None = None) -> StoredTemplate:
        """The newest version or the one asked for; raises `NotFound`, in the words of its `name`."""
        async with self._database.read() as connection:
            stored = await _found(connection, templates.c.id == template_id)
        if stored is None:
            raise NotFound(MISSING, name=name)
        if version is None or version == stored.version:
            return stored
        return await self._at_version(stored, version)

    async def search(
        self, which: ColumnElement[bool], *, q: str = "", limit: int = 50, cursor: str | None = None
    ) -> Listing[TemplateHead]:
        """Those of `which` by name; `q` is looked for in name, title, description and source."""
        conditions, by_name = [which, *_words(q)], NameOrder(templates.c.name, templates.c.id)
        sizes = select(templates.c.id, size_of(templates.c.summary, templates.c.description))
        sizes = sizes.where(*conditions, *by_name.after(cursor))
        async with self._database.read() as connection:
            total = await connection.scalar(select(func.count()).select_from(templates).where(*conditions)) or 0
            found = await connection.execute(sizes.order_by(*by_name.columns).limit(limit + 1))
            ids, has_more = page_of([(row[0], row[1]) for row in found], limit=limit)
            page = select(*_HEAD, _OWNER).join(users, users.c.id == templates.c.owner_id).where(templates.c.id.in_(ids))
            rows = (await connection.execute(page.order_by(*by_name.columns))).mappings().all()
        items = [TemplateHead(**row) for row in rows]
        next_cursor = by_name.cursor(items[-1].name, items[-1].id) if has_more else None
        return Listing(items=items, total=total, next_cursor=next_cursor)

    async def names(self, owner_id: str) -> set[str]:
        query = select(templates.c.name).where(templates.c.owner_id == owner_id)
        async with self._database.read() as connection:
            return set((await connection.execute(query)).scalars())

    async def bundled(self, which: ColumnElement[bool], source: str) -> str:
        """A source with those of `which` templates, all of one owner, that it may include: never too few."""
        if "include" not in source:
            return source
        async with self._database.read() as connection:
            names = set(await connection.scalars(select(templates.c.name).where(which)))
        named = [name for name in sorted(names) if name in source][:MOST_INCLUDED]
        query = select(templates.c.name, templates.c.version, templates.c.source)
        query = query.where(which, templates.c.name.in_(named)).order_by(templates.c.name)
        async with self._database.read() as connection:
            found = (await connection.execute(query)).all()
        return bundled(source, [Included(name=row.name, version=row.version, source=row.source) for row in found])

    async def sources(self, ids: Sequence[str]) -> dict[str, str]:
        """By id."""
        if not ids:
            return {}
        query = select(templates.c.id, templates.c.source).where(templates.c.id.in_(ids))
        async with self._database.read() as connection:
            return {row.id: row.source for row in await connection.execute(query)}

    async def holding(self, which: ColumnElement[bool], text: str) -> dict[str, str]:
        """Ids by name of those of `which` templates, all of one owner, in whose source `text` stands; in order."""
        query = select(templates.c.name, templates.c.id).where(which, mentions(templates.c.source, text))
        async with self._database.read() as connection:
            return {row.name: row.id for row in await connection.execute(query.order_by(templates.c.name))}

    async def versions(self, stored: StoredTemplate) -> list[TemplateVersion]:
        """Newest first."""
        query = _VERSIONS.where(template_versions.c.template_id == stored.id)
        async with self._database.read() as connection:
            found = await connection.execute(query.order_by(template_versions.c.number.desc()))
            return [TemplateVersion(**row) for row in found.mappings()]

    async def version(self, stored: StoredTemplate, number: int) -> TemplateVersion:
        """Raises `NotFound`."""
        query = _VERSIONS.where(template_versions.c.template_id == stored.id, template_versions.c.number == number)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise NotFound(_NO_VERSION, name=stored.name, number=number)
        return TemplateVersion(**row)

    async def template_of(self, batch_id: str) -> TemplateHead | None:
        """The one from whose version a batch is made, if both are there, and not another template of that name."""
        is_noted = batches.c.template_id == templates.c.id
        was_owners = and_(
            batches.c.template_id.is_(None),
            templates.c.owner_id == batches.c.owner_id,
            templates.c.name == batches.c.template_name,
        )
        query = (
            select(*_HEAD, _OWNER)
            .select_from(batches)
            .join(templates, or_(is_noted, was_owners))
            .join(users, users.c.id == templates.c.owner_id)
            .join(
                template_versions,
                and_(
                    template_versions.c.template_id == templates.c.id,
                    template_versions.c.number == batches.c.template_version,
                    # What it includes follows in the batch's text.
                    func.substr(batches.c.template_source, 1, func.length(template_versions.c.source))
                    == template_versions.c.source,
                ),
            )
            .where(batches.c.id == batch_id)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else TemplateHead(**row)

    async def save(
        self,
        connection: AsyncConnection,
        before: StoredTemplate | None,
        *,
        owner_id: str,
        name: str,
        title: str,
        description: str,
        source: str,
        summary: str,
        story: VersionStory,
        saved_by: str,
    ) -> StoredTemplate:
        """Add a version to `before`, or make the template; saving the same source again changes nothing.

        `saved_by` is a user's id: whoever may edit a template saves it, too.
        """
        if before is not None and before.source == source:
            return before
        now = self._clock()
        saved = StoredTemplate(
            id=before.id if before else new_id(),
            owner_id=owner_id,
            name=name,
            title=title,
            description=description,
            version=before.version + 1 if before else 1,
            source=source,
            summary=summary,
            created_at=before.created_at if before else now,
            updated_at=now,
        )
        row = {name: value for name, value in msgspec.structs.asdict(saved).items() if name != "owner"}
        if before is None:
            await connection.execute(insert(templates).values(row))
        else:
            await connection.execute(update(templates).where(templates.c.id == saved.id).values(row))
        version = {"template_id": saved.id, "number": saved.version, "source": source, "created_at": now}
        told = msgspec.structs.asdict(story) | {"saved_by": saved_by}
        await connection.execute(insert(template_versions).values(version | told))
        await findable.replace(connection, findable.of_template(saved.id, owner_id, name, [title, description]))
        return saved

    async def delete(self, connection: AsyncConnection, stored: StoredTemplate) -> None:
        """Remove it with all versions; batches keep their own copy of the source."""
        await connection.execute(delete(templates).where(templates.c.id == stored.id))

    async def _at_version(self, stored: StoredTemplate, number: int) -> StoredTemplate:
        query = select(template_versions.c.source, template_versions.c.created_at).where(
            template_versions.c.template_id == stored.id, template_versions.c.number == number
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFound(_NO_VERSION, name=stored.name, number=number)
        return msgspec.structs.replace(stored, version=number, source=row.source, updated_at=row.created_at)


async def found_template(connection: AsyncConnection, owner_id: str, name: str) -> StoredTemplate | None:
    """The newest version, read in the caller's transaction."""
    return await _found(connection, templates.c.owner_id == owner_id, templates.c.name == name)


async def _found(connection: AsyncConnection, *conditions: ColumnElement[bool]) -> StoredTemplate | None:
    query = select(*templates.c, _OWNER).join(users, users.c.id == templates.c.owner_id).where(*conditions)
    row = (await connection.execute(query)).mappings().one_or_none()
    return StoredTemplate(**row) if row else None


_VERSIONS = select(
    *(template_versions.c[name] for name in TemplateVersion.__struct_fields__ if name != "saved_by"),
    users.c.name.label("saved_by"),
).outerjoin(users, users.c.id == template_versions.c.saved_by)
_HEAD = tuple(templates.c[name] for name in TemplateHead.__struct_fields__ if name != "owner")
_OWNER = users.c.name.label("owner")


def _words(q: str) -> Iterator[ColumnElement[bool]]:
    for word in searched(q):
        fields = (templates.c.name, templates.c.title, templates.c.description, templates.c.source)
        said = is_said(findables.c.template_id == templates.c.id, word.casefold())
        yield or_(*(mentions(field, word) for field in fields), said)
