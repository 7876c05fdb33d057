"""One list of words and of what they find, for every database; and what rights, changes and damage make of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from server.app.engines import words_for
from server.auth.permissions import Principal, Role
from server.care.search_checks import check_search
from server.clock import utc_now
from server.errors import InvalidInput
from server.languages import Languages
from server.operations.search import SearchOperations
from server.places import LOCALES
from server.settings import Settings
from server.storage import findable
from server.storage.database import Database
from server.storage.findable_again import find_all_again
from server.storage.tables import (
    batches,
    dataset_versions,
    datasets,
    findables,
    grants,
    jobs,
    metadata,
    reports,
    templates,
    users,
)
from tests.contract.conftest import OpenDatabase

LANGUAGES = Languages.load(LOCALES)
PEOPLE = {"ada": "admin", "alice": "editor", "bob": "editor", "vera": "viewer"}
REPORTS = {
    # id: title, parameters
    "europe": ("Europe · 2026-10", {"region": "Europe", "month": "2026-10"}),
    "overseas": ("海外 Overseas · 2026-10", {"region": "Overseas", "month": "2026-10"}),
    "ouzhou": ("欧洲 · 2026-09-30", {"region": "欧洲", "day": "2026-09-30", "open": True, "of": ["甲", "乙"]}),
    "brien": ("O'Brien & Söhne, c/o x@example.com", {"customer": 'Émile "Zola" 🎉'}),
}
FINDS = {
    # Chinese: one character, two, in the middle, with and without a space, beside Latin letters
    "欧": {"ouzhou"}, "洲": {"ouzhou"}, "欧洲": {"ouzhou"}, "洲欧": set(), "九月 欧洲": {"ouzhou"},
    "十月": {"europe", "overseas"},
    "10月": {"europe", "overseas"}, "2026年10月": {"europe", "overseas"}, "重跑": {"monthly"},
    "重跑g": {"monthly"}, "gen": {"monthly"},
    "销售": {"sales", "amount"}, "售": {"sales", "amount"}, "海外 over": {"overseas"}, "甲": {"ouzhou"},
    # Latin: beginnings of words, in any order, whatever the case and the marks
    "october europe": {"europe"}, "EUROPE Oct": {"europe"}, "2026-10 Overseas": {"overseas"},
    "2026-1": {"europe", "overseas"},
    "emile": {"brien"}, "ÉMILE": {"brien"}, "sohne": {"brien"}, "ｓöhne": {"brien"}, "urope": set(), "open": set(),
    # Chinese by how it sounds: whole, begun, initials, each reading, beside other words; and no more than that
    "xiaoshou": {"sales", "amount"}, "XiaoSh": {"sales", "amount"}, "xs": {"sales", "amount"}, "xse": {"amount"},
    "chongpao": {"monthly"}, "zhongpao": {"monthly"}, "cp": {"monthly"}, "ouzhou": {"ouzhou"}, "oz 2026": {"ouzhou"},
    "haiwai over": {"overseas"}, "hw": {"overseas"}, "shouxiao": set(), "iaoshou": set(), "xsy": set(), "h": set(),
    # signs: neither an error nor everything, wherever they stand
    "o'brien": {"brien"}, "x@example.com": {"brien"}, 'émile "zola"': {"brien"}, '"': None, "-": None, "@.'": None,
    "🎉": {"brien"}, "c/o": {"brien"}, "-europe": {"europe"}, "europe*": {"europe"}, "europe AND": set(),
    "NEAR(europe": set(),
    "europe:*": {"europe"}, "europe | sales": set(), "!europe": {"europe"}, "^ $ ~kreport": set(),
    "=europe": {"europe"},
    "a\\b'": set(), "%": None, "_": None,
    # a word that is mistyped, in names alone and from three letters on
    "mnothly": {"monthly"}, "monthyl": {"monthly"}, "slaes": {"sales"}, "xo": set(), "eurpoe": set(),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    database: Database
    search: SearchOperations

    async def found(self, who: str, q: str, **asked: Any) -> list[str]:
        """Ids of things; of columns their names."""
        found = await self.search.find(principal(who), q, **asked)
        return [each.name if each.kind == "column" else each.id for each in found.hits if each.id]


def principal(name: str) -> Principal:
    return Principal(user_id=name, user_name=name, role=Role(PEOPLE[name]), language="en")


@pytest.fixture
async def place(open_another: OpenDatabase, each_database: Any) -> AsyncIterator[Place]:
    database = open_another()
    index = words_for(Settings(database_url=getattr(each_database, "url", "")))
    async with database.write() as connection:
        for statement in (sa.delete(table) for table in reversed(metadata.sorted_tables)):
            await connection.execute(statement)
        await fill(connection)
        await connection.run_sync(find_all_again)
    search = SearchOperations(database=database, index=index, languages=LANGUAGES, docs=_no_docs)
    yield Place(database=database, search=search)
    await database.close()


async def _no_docs(_principal: Principal, _words: str) -> list[tuple[str, str]]:
    return []


async def fill(connection: Any) -> None:
    """Everything is Alice's."""
    now = utc_now()
    row: dict[str, Any]
    more: dict[str, Any]
    for name, role in PEOPLE.items():
        row = {"id": name, "name": name, "name_key": name, "password_hash": "", "role": role, "notifications": {}}
        await connection.execute(sa.insert(users).values(row | {"created_at": now}))
    moments = {"created_at": now, "updated_at": now}
    row = {"id": "sales", "owner_id": "alice", "name": "sales_销售", "version": 1, "tags": "\nmonthly-data\n"}
    await connection.execute(sa.insert(datasets).values(row | moments))
    columns = [{"name": "amount", "type": "float"}, {"name": "Region Ω", "type": "text"}]
    notes = {"amount": {"description": "销售额"}}
    await connection.execute(sa.update(datasets).values(column_notes=notes))
    row = {"dataset_id": "sales", "number": 1, "mode": "create", "files": [], "row_count": 1, "bytes": 1}
    more = {"columns": columns, "source": {"name": "orders of may.csv"}, "created_at": now}
    await connection.execute(sa.insert(dataset_versions).values(row | more))
    row = {"id": "monthly", "owner_id": "alice", "name": "monthly", "title": "重跑gen", "version": 1, "source": ""}
    await connection.execute(sa.insert(templates).values(row | moments))
    row = {
        "id": "job",
        "owner_id": "alice",
        "kind": "data_import",
        "title": "import of ledger.csv",
        "state": "succeeded",
    }
    more = {"sequence": 1, "unit": "rows", "created_at": now, "detail": {}, "parameters": {}}
    await connection.execute(sa.insert(jobs).values(row | more))
    row = {"id": "batch", "sequence": 1, "owner_id": "alice", "job_id": "job", "name": "Quarter", "template_name": "t"}
    more = {"template_version": 1, "template_source": "", "clock": now, "language": "en", "time_zone": "UTC"}
    await connection.execute(sa.insert(batches).values(row | more | {"created_at": now}))
    for position, (report_id, (title, parameters)) in enumerate(REPORTS.items()):
        row = {"id": report_id, "batch_id": "batch", "owner_id": "alice", "position": position, "title": title}
        await connection.execute(sa.insert(reports).values(row | {"parameters": parameters, "state": "succeeded"}))


async def grant(place: Place, **given: Any) -> None:
    row = {"id": f"g{len(given)}{given.get('user_id')}", "everyone": False, "may": "view", "created_at": utc_now()}
    async with place.database.write() as connection:
        await connection.execute(sa.insert(grants).values(row | given))


async def test_the_same_words_find_the_same_on_every_database(place: Place) -> None:
    wrong = {}
    for q, wanted in FINDS.items():
        try:
            found: set[str] | None = set(await place.found("alice", q))
        except InvalidInput:
            found = None
        if found != wanted:
            wrong[q] = found
    assert wrong == {}


async def test_the_best_comes_first_then_the_newest_and_what_is_cut_says_so(place: Place) -> None:
    async with place.database.write() as connection:
        names = ("alpha", "alphabet", "soup of alpha", "letters")
        for name in (*names, *(f"alpha {number}" for number in range(30))):
            row = {
                "id": name,
                "owner_id": "alice",
                "name": name,
                "title": "alpha" if name == "letters" else "",
                "version": 1,
            }
            moments = {"created_at": utc_now(), "updated_at": utc_now()}
            await connection.execute(sa.insert(templates).values(row | {"source": ""} | moments))
            await findable.replace(connection, findable.of_template(name, "alice", name, [row["title"]]))
    found = await place.search.find(principal("alice"), "alpha", limit=5)
    assert [each.id for each in found.hits] == ["alpha", *(f"alpha {number}" for number in (29, 28, 27, 26))]
    assert found.has_more == ["template"]
    assert [(part.text, part.is_hit) for part in found.hits[1].parts] == [("alpha", True), (" 29", False)]
    everything = await place.found("alice", "alpha", kind="template", limit=50)
    assert everything[-3:] == ["alphabet", "soup of alpha", "letters"]


async def test_nobody_finds_what_they_may_not_see_and_a_grant_counts_at_once(place: Place) -> None:
    words = ("sales", "amount", "monthly", "quarter", "europe", "ledger", "vera")

    async def seen(who: str) -> list[list[str]]:
        return [await place.found(who, q) for q in words]

    nothing: list[list[str]] = [[] for _ in words]
    everything = [
        ["sales"],
        ["amount"],
        ["monthly", "sales"],
        ["batch", *sorted(REPORTS, reverse=True)],
        ["europe"],
        ["job"],
    ]
    assert await seen("alice") == [*everything, []]
    assert await seen("ada") == [*everything, ["vera"]]
    assert await seen("bob") == await seen("vera") == nothing
    await grant(place, user_id="bob", batch_id="batch")  # but not the dataset that its reports are made of
    assert await seen("bob") == [[], [], [], everything[3], ["europe"], [], []]
    await grant(place, everyone=True, dataset_id="sales")
    assert await seen("vera") == [["sales"], ["amount"], ["sales"], [], [], [], []]
    async with place.database.write() as connection:
        await connection.execute(sa.delete(grants))
    assert await seen("bob") == await seen("vera") == nothing


async def test_whoever_was_given_more_than_can_be_named_finds_all_of_it(place: Place) -> None:
    async with place.database.write() as connection:
        now = utc_now()
        ids = [f"d{number}" for number in range(250)]
        row = {"owner_id": "alice", "version": 1, "created_at": now, "updated_at": now}
        await connection.execute(sa.insert(datasets), [row | {"id": each, "name": each} for each in ids])
        await findable.put(connection, [findable.of_dataset(each, "alice", f"wide {each}", ()) for each in ids])
        given = {"user_id": "bob", "everyone": False, "may": "view", "created_at": now}
        await connection.execute(sa.insert(grants), [given | {"id": each, "dataset_id": each} for each in ids])
    assert len(await place.found("bob", "wide", limit=50)) == 50
    assert await place.found("bob", "wide d7") == ["d7", *(f"d{number}" for number in (79, 78, 77, 76))]
    assert await place.found("bob", "sales") == []


async def test_words_go_with_what_they_are_of_and_damage_is_found_and_mended(place: Place, each_database: Any) -> None:
    index = words_for(Settings(database_url=getattr(each_database, "url", "")))
    assert await check_search(place.database, index, thorough=True) == []
    async with place.database.write() as connection:
        await connection.execute(sa.delete(reports).where(reports.c.id == "europe"))
        await connection.execute(sa.delete(datasets))
    assert [await place.found("alice", q) for q in ("europe", "amount", "sales")] == [[], [], []]
    assert await check_search(place.database, index, thorough=True) == []
    async with place.database.write() as connection:
        await connection.execute(sa.delete(findables).where(findables.c.template_id == "monthly"))
    [finding] = await check_search(place.database, index, thorough=True)
    assert (finding.code, "1 templates" in finding.text, "jindu db reindex" in finding.advice) == (
        "search_incomplete",
        True,
        True,
    )
    async with place.database.write() as connection:
        await index.rebuild(connection)
        await connection.run_sync(find_all_again)
    assert await check_search(place.database, index, thorough=True) == []
    assert await place.found("alice", "monthly") == ["monthly"]
    async with place.database.write() as connection:
        await connection.execute(sa.delete(users).where(users.c.id == "alice"))  # and with her all that is hers
        assert set(await connection.scalars(sa.select(findables.c.kind))) == {"user"}
