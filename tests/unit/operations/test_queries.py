"""SQL over one's own datasets: what is kept by name, what is remembered, and what nobody reads."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from server.auth.permissions import Principal
from server.datasets.query_store import NAME_CHARACTERS, QueryChange
from server.errors import Conflict, Forbidden, InvalidInput, NotFound, RateLimited
from server.operations.queries import MOST_CHARACTERS, QueryOperations
from server.settings import Settings
from tests.unit.operations.conftest import House, bytes_of, only_looking, refused

COUNT = "select count(*) as n from orders"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, query_rows=2, max_database_growth_per_user=20_000)


@pytest.fixture
def queries(house: House) -> QueryOperations:
    return house.todo.queries


async def test_a_query_reads_ones_own_datasets_alone(queries: QueryOperations, house: House, alice: Principal) -> None:
    await house.given(alice)
    for asks in (alice, *only_looking(alice)):
        assert [[*row] for row in (await queries.run(asks, COUNT, {}, limit=10)).rows] == [[3]]
    for asks in (house.bob, house.admin):
        with refused(InvalidInput, "query_error"):
            await queries.run(asks, COUNT, {}, limit=10)
    with refused(Forbidden):
        await queries.run(replace(alice, scopes=frozenset()), COUNT, {}, limit=10)
    assert await queries.names(alice) == {"orders": ["id", "region", "amount"]}
    assert await queries.names(house.bob) == {}


async def test_nothing_is_changed_and_no_file_is_read(queries: QueryOperations, alice: Principal) -> None:
    for sql in ("drop table orders", "select * from read_csv('/etc/passwd')", "copy (select 1) to '/tmp/x'"):
        with refused(InvalidInput, "query_forbidden"):
            await queries.run(alice, sql, {}, limit=10)


async def test_that_rows_are_missing_is_told_and_a_file_has_all_of_them(
    queries: QueryOperations, house: House, alice: Principal
) -> None:
    await house.given(alice)
    sql = "select id from orders where amount >= $least order by id"
    page = await queries.run(alice, sql, {"least": 0}, limit=10)
    assert (len(page.rows), page.truncated) == (2, True)
    as_json = msgspec.json.decode(bytes_of(await queries.answer(alice, sql, {"least": 0}, limit=1)))
    assert (len(as_json["items"]), as_json["truncated"]) == (1, True)
    made = await queries.answer(alice, sql, {"least": 0}, limit=1, file_format="csv", name="top")
    assert bytes_of(made).decode("utf-8-sig").split() == ["id", "1", "2", "3"]
    assert (made.name, made.media_type) == ("top.csv", "text/csv")


async def test_what_was_run_is_remembered_also_when_it_failed(queries: QueryOperations, alice: Principal) -> None:
    await queries.run_and_remember(alice, "select 1", limit=10)
    with refused(InvalidInput, "query_error"):
        await queries.run_and_remember(alice, "select nothing", limit=10)
    await queries.run_and_remember(alice, "select 1", limit=10)  # again: it stands there once
    assert [(run.sql, run.rows) for run in await queries.history(alice)] == [("select 1", 1), ("select nothing", None)]


async def test_nothing_and_far_too_much_is_not_remembered(queries: QueryOperations, alice: Principal) -> None:
    for sql in ("  ", "select 1 --" + "x" * MOST_CHARACTERS):
        with pytest.raises(InvalidInput):
            await queries.run_and_remember(alice, sql, limit=10)
    assert await queries.history(alice) == []


async def test_ones_history_is_ones_own_to_see_and_to_forget(
    queries: QueryOperations, house: House, alice: Principal
) -> None:
    await queries.run_and_remember(alice, "select 1", limit=10)
    assert await queries.history(house.bob) == []
    await queries.forget_history(house.bob)
    viewer, read_token = only_looking(alice)
    with refused(Forbidden):
        await queries.forget_history(read_token)
    assert len(await queries.history(alice)) == 1
    await queries.forget_history(viewer)
    assert await queries.history(alice) == []


async def test_who_has_stored_too_much_still_gets_answers(queries: QueryOperations, alice: Principal) -> None:
    for number in range(6):
        await queries.save(alice, name=f"q{number}", sql="x" * 2_000)
    with refused(RateLimited):
        await queries.save(alice, name="one more", sql="x" * 2_000)
    answered = await queries.run_and_remember(alice, f"select 1 -- {'x' * 3_000}", limit=10)
    assert len(answered.rows) == 1
    assert await queries.history(alice) == []


async def test_a_saved_query_is_of_its_owner(queries: QueryOperations, house: House, alice: Principal) -> None:
    saved = await queries.save(alice, name="  Top\n sellers ", sql=COUNT)
    assert saved.name == "Top sellers"
    assert [query.name for query in (await queries.saved(alice, q="COUNT sellers")).items] == ["Top sellers"]
    for asks in (house.bob, house.admin):
        assert (await queries.saved(asks)).items == []
        for question in (
            queries.get(asks, saved.id),
            queries.change(asks, saved.id, QueryChange(sql="select 1")),
            queries.delete(asks, saved.id),
        ):
            with refused(NotFound):
                await question
    assert (await queries.get(alice, saved.id)).sql == COUNT


async def test_who_may_only_look_keeps_nothing(queries: QueryOperations, alice: Principal) -> None:
    saved = await queries.save(alice, name="Top", sql=COUNT)
    for asks in only_looking(alice):
        assert await queries.get(asks, saved.id) == saved
        for change in (
            queries.save(asks, name="Mine", sql=COUNT),
            queries.change(asks, saved.id, QueryChange(sql="select 1")),
            queries.delete(asks, saved.id),
        ):
            with refused(Forbidden):
                await change


async def test_names_are_given_once_and_a_refused_change_changes_nothing(
    queries: QueryOperations, house: House, alice: Principal
) -> None:
    first = await queries.save(alice, name="Top", sql=COUNT)
    await queries.save(alice, name="Flop", sql=COUNT)
    await queries.save(house.bob, name="Top", sql=COUNT)
    with refused(Conflict):
        await queries.save(alice, name=" Top ", sql=COUNT)
    with refused(Conflict):
        await queries.change(alice, first.id, QueryChange(name="Flop", sql="select 1"))
    for name in ("", "  ", "x" * (NAME_CHARACTERS + 1)):
        with refused(InvalidInput, fields=("name",)):
            await queries.save(alice, name=name, sql=COUNT)
    assert (await queries.get(alice, first.id)).sql == COUNT
    changed = await queries.change(alice, first.id, QueryChange(description="By revenue"))
    assert (changed.name, changed.sql, changed.description) == ("Top", COUNT, "By revenue")


async def test_what_is_kept_and_deleted_is_audited(queries: QueryOperations, house: House, alice: Principal) -> None:
    saved = await queries.save(alice, name="Top", sql=COUNT)
    await queries.change(alice, saved.id, QueryChange(name="Best"))
    await queries.delete(alice, saved.id)
    with refused(NotFound):  # twice
        await queries.delete(alice, saved.id)
    assert await house.audited("query.save") == [("alice", "Top", {})]
    assert await house.audited("query.change") == [("alice", "Best", {})]
    assert await house.audited_ids("query.change") == [("alice", saved.id)]
    assert await house.audited("query.delete") == [("alice", "Best", {})]
