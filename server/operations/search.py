"""Finds what somebody may see by words: things, pages and chapters of the documentation, the best first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import BATCHES, DATASETS, TEMPLATES, Shareable, granted, may
from server.auth.permissions import Principal
from server.errors import InvalidInput
from server.languages import Languages
from server.operations.search_pages import PAGES
from server.operations.search_words import NameFit, NamePart, Wanted, wanted_of
from server.storage.database import Database
from server.storage.findable import FindableKind, mark_of, mark_of_id
from server.storage.han_sounds import learn
from server.storage.tables import batches, datasets, findables, jobs, reports, templates, users
from server.storage.word_index import AllOf, AnyOf, AskedWords, WordIndex, WordPhrase

PAGE, DOC = "page", "doc"
KINDS = (PAGE, *FindableKind, DOC)
MOST_OF_KIND, MOST_CHARACTERS = 50, 200
_MOST_GIVEN = 200  # whoever was given more sees so much that a row of it is found soon
_MOST_COMPARED = 1_000  # names that a mistake in typing is looked for in
_Kinds = Collection[FindableKind]
_ARE_MANY = frozenset({FindableKind.REPORT, FindableKind.JOB})
_EACH: Sequence[_Kinds] = ((FindableKind.REPORT,), (FindableKind.JOB,), (FindableKind.COLUMN,), (FindableKind.BATCH,))
_FEW: _Kinds = (FindableKind.DATASET, FindableKind.TEMPLATE, FindableKind.USER)
_NAMED: _Kinds = (*_FEW, FindableKind.BATCH)
_SHAREABLE = {
    FindableKind.DATASET: DATASETS,
    FindableKind.COLUMN: DATASETS,
    FindableKind.TEMPLATE: TEMPLATES,
    FindableKind.BATCH: BATCHES,
    FindableKind.REPORT: BATCHES,
}

FindDocs = Callable[[Principal, str], Awaitable[Sequence[tuple[str, str]]]]
"""Title and address of what the documentation says to somebody, best first, of words as they were typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """`said` is where it belongs: of a column its dataset, of a report its batch, of a template its title.

    `owner` is a user's name, and `owner_id` theirs; both are empty for what is nobody's.
    """

    kind: str
    name: str
    parts: Sequence[NamePart]
    url: str = ""  # of pages and documentation
    id: str = ""
    said: str = ""
    owner: str = ""
    owner_id: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundThings:
    """Kind by kind, that of the best first, and within one the best; of those in `has_more` there are more."""

    hits: Sequence[Hit]
    has_more: Sequence[str]


class SearchOperations:
    """What somebody may not see is not there: rights are part of each question, before anything is counted or cut."""

    def __init__(self, *, database: Database, index: WordIndex, languages: Languages, docs: FindDocs) -> None:
        self._database = database
        self._index = index
        self._languages = languages
        self._docs = docs

    async def find(self, principal: Principal, q: str, *, kind: str | None = None, limit: int = 5) -> FoundThings:
        """At most `limit` of each kind; without words the pages alone. Raises `InvalidInput` for mere signs."""
        principal.require_read()
        wanted = wanted_of(q[:MOST_CHARACTERS])
        if wanted is None:
            if q.strip():
                raise InvalidInput("Type a letter, a digit or a character: “{q}” has none.", code="no_words", q=q)
            return self._together([(NameFit.EXACT, hit) for hit in self._all_pages(principal)], limit=len(PAGES))
        if wanted.may_be_said:
            translate = self._languages.of(principal.language).gettext
            await learn(page.texts(translate)[0] for page in PAGES)
        found = [*self._pages(principal, wanted)]
        if kind in (None, DOC):
            found += await self._documents(principal, q, wanted)
        if kind not in (PAGE, DOC):
            found += await self._things(principal, wanted, limit=limit)
        return self._together([each for each in found if kind in (None, each[1].kind)], limit=limit)

    def _all_pages(self, principal: Principal) -> Iterator[Hit]:
        translate = self._languages.of(principal.language).gettext
        for page in PAGES:
            if page.is_for(principal):
                name = translate(page.label)
                yield Hit(kind=PAGE, name=name, parts=[NamePart(name, is_hit=False)], url=page.url)

    def _pages(self, principal: Principal, wanted: Wanted) -> Iterator[tuple[NameFit, Hit]]:
        translate = self._languages.of(principal.language).gettext
        for page in PAGES:
            name, *others = page.texts(translate)
            fits = [wanted.fit(name), *(max(wanted.fit(text), NameFit.PARTS) for text in others)]
            if page.is_for(principal) and min(fits) is not NameFit.SAID:
                yield min(fits), Hit(kind=PAGE, name=name, parts=wanted.parts_of(name), url=page.url)

    async def _documents(self, principal: Principal, q: str, wanted: Wanted) -> list[tuple[NameFit, Hit]]:
        documents = await self._docs(principal, q)
        if wanted.may_be_said:
            await learn(title for title, _ in documents)
        return [
            (wanted.fit(title), Hit(kind=DOC, name=title, parts=wanted.parts_of(title), url=url))
            for title, url in documents
        ]

    async def _things(self, principal: Principal, wanted: Wanted, *, limit: int) -> list[tuple[NameFit, Hit]]:
        asking = _Asking(self._index, principal, cut=4 * limit + 1)
        async with self._database.read() as connection:
            await self._index.prepare(connection)
            await asking.learn_what_was_given(connection)
            ids = set(await connection.scalars(asking.for_words(wanted)))
            hits = await _hits(connection, ids, wanted)
            if wanted.may_be_said:
                await learn(hit.name for hit in hits)
            found = [(wanted.fit(hit.name), hit) for hit in hits]
            has_named = any(fit <= NameFit.SOUNDS and hit.kind in _NAMED for fit, hit in found)
            if not has_named and wanted.may_be_mistyped:
                near = await asking.near(connection, wanted)
                found += [(NameFit.FUZZY, hit) for hit in await _hits(connection, near - ids, wanted)]
        return found

    @staticmethod
    def _together(found: Sequence[tuple[NameFit, Hit]], *, limit: int) -> FoundThings:
        groups = {str(kind): [each for each in found if each[1].kind == kind] for kind in KINDS}
        ordered = [(kind, sorted(group, key=_fit_of)) for kind, group in groups.items() if group]
        ordered.sort(key=lambda each: _fit_of(each[1][0]))
        return FoundThings(
            hits=[hit for _, group in ordered for _, hit in group[:limit]],
            has_more=[kind for kind, group in ordered if len(group) > limit],
        )


class _Asking:
    """The questions of one search to the words of all things."""

    def __init__(self, index: WordIndex, principal: Principal, *, cut: int) -> None:
        self._index = index
        self._principal = principal
        self._cut = cut
        self._given: dict[str, list[str]] = {}

    async def learn_what_was_given(self, connection: AsyncConnection) -> None:
        """So that nobody's question goes through what they may not see, however much of it there is."""
        if self._principal.is_admin:
            return
        for of in (DATASETS, TEMPLATES, BATCHES):
            given = sa.select(of.table.c.id).where(granted(self._principal, of)).limit(_MOST_GIVEN + 1)
            self._given[of.kind] = list(await connection.scalars(given))

    def for_words(self, wanted: Wanted) -> sa.CompoundSelect[int]:
        """Ids of those that are worth a look: all that are called so, and the newest that have the words."""
        questions = [self._newest(kinds, wanted.anywhere) for kinds in self._of_words()]
        questions.append(self._newest(_FEW, wanted.as_beginning))
        questions.append(self._newest(tuple(FindableKind), wanted.as_name))
        return sa.union_all(*(sa.select(each.subquery()) for each in questions))

    async def near(self, connection: AsyncConnection, wanted: Wanted) -> set[int]:
        newest = self._newest(_NAMED, None, limit=_MOST_COMPARED)
        rows = sa.select(findables.c.id, findables.c.name).where(findables.c.id.in_(newest))
        return {row.id for row in await connection.execute(rows) if wanted.is_near(row.name)}

    def _of_words(self) -> Sequence[_Kinds]:
        return (*_EACH, _FEW)

    def _newest(self, kinds: _Kinds, asked: AskedWords | None, *, limit: int | None = None) -> sa.Select[int]:
        marks = AnyOf([WordPhrase((mark_of(kind),)) for kind in kinds])
        parts = [each for each in (marks, self._reach(kinds), asked) if each is not None]
        newest = self._index.newest if _ARE_MANY.intersection(kinds) else self._index.newest_of_few
        return newest(AllOf(parts), self._may(kinds), limit=limit or self._cut)

    def _reach(self, kinds: _Kinds) -> AskedWords | None:
        """Whose things they can be, or which: no more than a hint, for `_may` decides."""
        if self._principal.is_admin:
            return None
        given = [each for of in _shareable(kinds) for each in self._given[of.kind]]
        if len(given) > _MOST_GIVEN:
            return None
        return AnyOf([WordPhrase((mark_of_id(each),)) for each in (self._principal.user_id, *given)])

    def _may(self, kinds: _Kinds) -> sa.ColumnElement[bool]:
        if self._principal.is_admin:
            return sa.true()
        allowed = [_is_of(of, may(self._principal, of)) for of in _shareable(kinds)]
        if FindableKind.JOB in kinds:
            mine = jobs.c.owner_id == self._principal.user_id
            allowed.append(sa.exists().where(jobs.c.id == findables.c.job_id, mine))
        return sa.or_(sa.false(), *allowed)


def _fit_of(found: tuple[NameFit, Hit]) -> NameFit:
    return found[0]


def _shareable(kinds: _Kinds) -> list[Shareable]:
    return list({of.kind: of for kind in kinds if (of := _SHAREABLE.get(kind)) is not None}.values())


def _is_of(of: Shareable, condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether a row is about one for which the condition holds; asked of each row, and not for a list of all."""
    return sa.exists().where(of.table.c.id == findables.c[f"{of.kind}_id"], condition)


_OWNER = users.alias("owner")
_OWNER_ID = sa.func.coalesce(datasets.c.owner_id, templates.c.owner_id, batches.c.owner_id, jobs.c.owner_id)
_ALL_OF_IT = (
    sa.select(
        findables.c.id.label("place"),
        findables.c.kind,
        findables.c.name,
        sa.func.coalesce(
            findables.c.report_id, findables.c.batch_id, findables.c.job_id, findables.c.dataset_id,
            findables.c.template_id, findables.c.user_id,
        ).label("id"),
        datasets.c.name.label("dataset"),
        templates.c.title,
        batches.c.name.label("batch"),
        _OWNER.c.id.label("owner_id"),
        _OWNER.c.name.label("owner"),
        sa.func.coalesce(
            datasets.c.updated_at, templates.c.updated_at, reports.c.finished_at, batches.c.created_at,
            jobs.c.created_at, users.c.created_at,
        ).label("at"),
    )
    .outerjoin(datasets, datasets.c.id == findables.c.dataset_id)
    .outerjoin(templates, templates.c.id == findables.c.template_id)
    .outerjoin(reports, reports.c.id == findables.c.report_id)
    .outerjoin(batches, batches.c.id == findables.c.batch_id)
    .outerjoin(jobs, jobs.c.id == findables.c.job_id)
    .outerjoin(users, users.c.id == findables.c.user_id)
    .outerjoin(_OWNER, _OWNER.c.id == _OWNER_ID)
    .order_by(findables.c.id.desc())
)  # fmt: skip


async def _hits(connection: AsyncConnection, places: Collection[int], wanted: Wanted) -> list[Hit]:
    """The newest first."""
    if not places:
        return []
    rows = (await connection.execute(_ALL_OF_IT.where(findables.c.id.in_(places)))).all()
    return [replace(_hit(row), parts=wanted.parts_of(row.name)) for row in rows]


def _hit(row: Any) -> Hit:
    said = {
        FindableKind.COLUMN: row.dataset,
        FindableKind.REPORT: row.batch,
        FindableKind.TEMPLATE: row.title,
    }
    return Hit(
        kind=row.kind,
        id=row.id,
        name=row.name,
        parts=(),
        said=said.get(row.kind) or "",
        owner=row.owner or "",
        owner_id=row.owner_id or "",
        at=row.at,
    )
