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
from server.storage.database import Database
from server.storage.pages import Listing, page_of, size_of
from server.storage.tables import batches, template_versions, templates, users

# It stands in addresses and file names; `new` and the like are pages.
_TAKEN = ("draft", "gallery", "new", "samples")
NAME_PATTERN = f"(?!(?:{'|'.join(_TAKEN)})$)[a-z0-9\u4e00-\u9fff][a-z0-9_\\-\u4e00-\u9fff]{{0,62}}"
_NAME = re.compile(NAME_PATTERN)
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
    """A template of one owner, without its source; `updated_at` is when this version was saved.

    `summary` is a `TemplateSummary` as JSON; None for one that was stored before there were summaries.
    """

    id: str
    owner_id: str
    name: str
    title: str
    description: str
    version: int
    created_at: datetime
    updated_at: datetime
    summary: str | None = None


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

    async def get(self, owner_id: str, name: str, *, version: int | None = None) -> StoredTemplate:
        """The newest version or the one asked for; raises `NotFound`."""
        stored = await self.find(owner_id, name)
        if stored is None:
            raise NotFound("There is no template named “{name}”.", name=name)
        if version is None or version == stored.version:
            return stored
        return await self._at_version(stored, version)

    async def search(
        self, owner_id: str, *, q: str = "", limit: int = 50, cursor: str | None = None
    ) -> Listing[TemplateHead]:
        """Templates by name; `q` is looked for in name, title, description and source."""
        conditions = list(_conditions(owner_id, q))
        sizes = select(templates.c.name, size_of(templates.c.summary, templates.c.description)).where(*conditions)
        if cursor is not None:
            sizes = sizes.where(templates.c.name > cursor)
        async with self._database.read() as connection:
            total = await connection.scalar(select(func.count()).select_from(templates).where(*conditions)) or 0
            found = await connection.execute(sizes.order_by(templates.c.name).limit(limit + 1))
            names, has_more = page_of([(row[0], row[1]) for row in found], limit=limit)
            page = select(*_HEAD).where(templates.c.owner_id == owner_id, templates.c.name.in_(names))
            rows = (await connection.execute(page.order_by(templates.c.name))).mappings().all()
        return Listing(
            items=[TemplateHead(**row) for row in rows], total=total, next_cursor=names[-1] if has_more else None
        )

    async def names(self, owner_id: str) -> set[str]:
        query = select(templates.c.name).where(templates.c.owner_id == owner_id)
        async with self._database.read() as connection:
            return set((await connection.execute(query)).scalars())

    async def bundled(self, owner_id: str, source: str) -> str:
        """A source with those of the owner's templates that it may include: never too few."""
        if "include" not in source:
            return source
        named = [name for name in sorted(await self.names(owner_id)) if name in source][:MOST_INCLUDED]
        query = select(templates.c.name, templates.c.version, templates.c.source)
        query = query.where(templates.c.owner_id == owner_id, templates.c.name.in_(named)).order_by(templates.c.name)
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

    async def holding(self, owner_id: str, text: str) -> dict[str, str]:
        """Ids by name of the templates in whose source `text` stands, small or large, in the order of names."""
        query = select(templates.c.name, templates.c.id).where(
            templates.c.owner_id == owner_id, templates.c.source.icontains(text, autoescape=True)
        )
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

    async def is_of_version(self, owner_id: str, batch_id: str) -> bool:
        """Whether the version from which a batch of theirs is made is there, and not another template of that name."""
        query = (
            select(batches.c.id)
            .join(templates, and_(templates.c.owner_id == owner_id, templates.c.name == batches.c.template_name))
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
            .where(batches.c.id == batch_id, batches.c.owner_id == owner_id)
        )
        async with self._database.read() as connection:
            return (await connection.execute(query)).first() is not None

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
    ) -> StoredTemplate:
        """Add a version to `before`, or make the template; saving the same source again changes nothing.

        Only owners save: a version is theirs.
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
        row = msgspec.structs.asdict(saved)
        if before is None:
            await connection.execute(insert(templates).values(row))
        else:
            await connection.execute(update(templates).where(templates.c.id == saved.id).values(row))
        version = {"template_id": saved.id, "number": saved.version, "source": source, "created_at": now}
        told = msgspec.structs.asdict(story) | {"saved_by": owner_id}
        await connection.execute(insert(template_versions).values(version | told))
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
    query = select(*templates.c).where(templates.c.owner_id == owner_id, templates.c.name == name)
    row = (await connection.execute(query)).mappings().one_or_none()
    return StoredTemplate(**row) if row else None


_VERSIONS = select(
    *(template_versions.c[name] for name in TemplateVersion.__struct_fields__ if name != "saved_by"),
    users.c.name.label("saved_by"),
).outerjoin(users, users.c.id == template_versions.c.saved_by)
_HEAD = tuple(templates.c[name] for name in TemplateHead.__struct_fields__)


def _conditions(owner_id: str, q: str) -> Iterator[ColumnElement[bool]]:
    yield templates.c.owner_id == owner_id
    for word in q.split():
        fields = (templates.c.name, templates.c.title, templates.c.description, templates.c.source)
        yield or_(*(field.icontains(word, autoescape=True) for field in fields))
