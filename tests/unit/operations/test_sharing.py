"""What was shared is open to those it was given to, as far as it was given, and closed again at once."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from server.auth.access import BATCHES, DATASETS, TEMPLATES, Right, Whose, granted, listed, may, seers
from server.auth.grants import Grant
from server.auth.permissions import ANONYMOUS, Principal, Role
from server.clock import utc_now
from server.datasets.dataset import DatasetChange
from server.errors import Forbidden, InvalidInput, NotFound, PreconditionFailed
from server.jobs.job import State
from server.operations.template_previews import PreviewOrder
from server.reports.batch_orders import BatchOrder, ParameterQuery
from server.reports.batches import ReportError, ReportFilter
from server.storage.tables import reports, users
from tests.unit.operations.conftest import SALES, House, refused

VIEW, EDIT = Right.VIEW, Right.EDIT


@pytest.fixture
async def batch_id(house: House, alice: Principal) -> str:
    """Alice's, with the dataset `orders` and the template `sales` it is made from."""
    await house.given(alice)
    await house.todo.templates.save(alice, "sales", SALES)
    return (await house.reported(alice)).batch_id


async def share(house: House, owner: Principal, kind: str, name: str, *grants: Grant) -> None:
    await house.todo.sharing.put(owner, kind, name, grants)


async def test_a_dataset_that_is_shared_is_read_and_no_more(
    house: House, alice: Principal, bob: Principal, batch_id: str
) -> None:
    todo = house.todo
    await share(house, alice, "dataset", "orders", Grant(user="Bob"))
    assert [item.owner for item in (await todo.datasets.list(bob)).items] == ["alice"]
    assert (await todo.datasets.list(bob, whose=Whose.SHARED)).total == 1
    assert (await todo.datasets.list(bob, whose=Whose.MINE)).total == 0
    assert (await todo.datasets.list(bob, owner="alice", q="nothing like it")).total == 0
    for sql in ('select * from "alice"."orders"', "select * from orders", 'select * from "ALICE".orders'):
        assert len((await todo.queries.run(bob, sql, {}, limit=10)).rows) == 3
    assert list(await todo.queries.names(bob)) == ['"alice"."orders"']
    for change in (
        todo.datasets.change(bob, "orders", DatasetChange(description="x"), owner="alice"),
        todo.datasets.restore(bob, "orders", 1, owner="alice"),
        todo.datasets.delete(bob, "orders", owner="alice"),
        todo.sharing.put(bob, "dataset", "orders", [], owner="alice"),
    ):
        with refused(Forbidden):
            await change
    uses = await todo.datasets.uses(bob, "orders", owner="alice")
    assert (uses.templates, uses.queries) == ([], [])  # the template is not his to see
    with refused(NotFound):
        await todo.batches.get(bob, batch_id)
    await share(house, alice, "dataset", "orders")
    assert (await todo.datasets.list(bob)).total == 0
    with refused(NotFound):
        await todo.datasets.get(bob, "orders", owner="alice")
    with refused(InvalidInput, "query_error"):
        await todo.queries.run(bob, 'select * from "alice"."orders"', {}, limit=10)


async def test_who_may_edit_a_dataset_changes_it_and_imports_into_it(
    house: House, alice: Principal, bob: Principal
) -> None:
    await house.given(alice)
    await share(house, alice, "dataset", "orders", Grant(user="bob", right=EDIT))
    changed = await house.todo.datasets.change(bob, "orders", DatasetChange(tags=["ours"]), owner="alice")
    assert changed.owner == "alice"
    job = await house.imported(bob, b"id,region,amount\n9,east,1\n", mode="append", owner="alice")
    assert job.state is State.SUCCEEDED
    dataset = await house.todo.datasets.get(alice, "orders")
    assert (dataset.version, dataset.row_count, dataset.tags) == (2, 4, ["ours"])
    assert job.result is not None
    assert job.result["links"]["page"] == f"/datasets/{alice.user_id}:orders"
    with refused(Forbidden):
        await house.todo.datasets.delete(bob, "orders", owner="alice")
    await share(house, alice, "dataset", "orders", Grant(user="bob", right=VIEW))
    with refused(Forbidden):
        await house.imported(bob, mode="replace", owner="alice")
    await share(house, alice, "dataset", "orders")
    with refused(NotFound):
        await house.imported(bob, mode="replace", owner="alice")


async def test_names_alone_in_a_template_mean_what_they_mean_to_its_owner(
    house: House, alice: Principal, bob: Principal, batch_id: str
) -> None:
    """Or else a dataset that somebody happens to own or to share would take the place of another, without a word."""
    todo = house.todo
    await share(house, alice, "template", "sales", Grant(user="bob", right=EDIT))
    await house.given(bob)  # an `orders` of his
    await house.given(bob, dataset="private")
    with pytest.raises(Exception, match="orders"):
        await todo.batch_orders.start(bob, BatchOrder(template="sales", owner="alice"))
    await share(house, alice, "dataset", "orders", Grant(user="bob"))
    assert (await house.reported(bob, "sales", owner="alice")).job.state is State.SUCCEEDED
    hers = await todo.datasets.get(alice, "orders")
    made = await todo.batches.get(bob, (await todo.batch_lists.batches(bob)).items[0].id)
    assert [used.dataset_id for used in made.dataset_versions.values()] == [hers.id]
    await share(house, alice, "dataset", "orders")
    assert (await house.reported(house.admin, "sales", owner="alice")).job.state is State.SUCCEEDED
    with pytest.raises(Exception, match="private"):  # which she has not, and may not come to read one day
        await todo.templates.save(bob, "sales", SALES.replace("orders", "private"), owner="alice")


async def test_a_template_is_ordered_from_with_ones_own_eyes(
    house: House, alice: Principal, bob: Principal, batch_id: str
) -> None:
    todo = house.todo
    await share(house, alice, "template", "sales", Grant(user="bob"))
    assert (await todo.templates.get(bob, "sales")).owner == "alice"
    assert len(await todo.template_versions.list(bob, "sales", owner="alice")) == 1
    with refused(Forbidden):
        await todo.templates.save(bob, "sales", SALES + "# his\n", owner="alice")
    with pytest.raises(Exception, match="orders"):  # whose rows he may not see
        await todo.batch_orders.start(bob, BatchOrder(template="sales", owner="alice"))
    with pytest.raises(Exception, match="orders"):
        await todo.template_previews.make(bob, PreviewOrder(name="sales", owner="alice"))
    await share(house, alice, "dataset", "orders", Grant(everyone=True))
    made = await house.reported(bob, "sales", owner="alice")
    assert made.job.state is State.SUCCEEDED
    mine = await todo.batches.get(bob, made.batch_id)
    assert (mine.owner, mine.template_id) == ("bob", (await todo.templates.get(alice, "sales")).id)
    with refused(NotFound):
        await todo.batches.get(alice, made.batch_id)  # what he made of hers is his
    await share(house, alice, "template", "sales", Grant(user="bob", right=EDIT))
    saved, _ = await todo.templates.save(bob, "sales", SALES + "# his\n", owner="alice")
    assert [each.saved_by for each in await todo.template_versions.list(alice, "sales")] == ["bob", "alice"]
    assert saved.owner_id == alice.user_id
    with refused(Forbidden):
        await todo.templates.delete(bob, "sales", owner="alice")
    await share(house, alice, "template", "sales")
    with refused(NotFound):
        await todo.templates.save(bob, "sales", SALES, owner="alice")


async def test_a_report_shows_its_figures_and_its_dataset_stays_closed(
    house: House, alice: Principal, bob: Principal, batch_id: str
) -> None:
    todo = house.todo
    vera = await house.user("vera", role=Role.VIEWER)
    group = await todo.groups.create(house.admin, "Finance", ["vera"])
    await share(house, alice, "batch", batch_id, Grant(group=group.name, right=EDIT), Grant(user="bob"))
    for principal in (vera, bob):
        assert [each.id for each in (await todo.batch_lists.batches(principal)).items] == [batch_id]
        report = (await todo.batches.reports(principal, batch_id, ReportFilter())).items[0]
        await todo.batches.artifact(principal, report.id, report.artifacts[0].file)
        assert await todo.batch_comparison.of(principal, batch_id)
        async with todo.batches.archive(principal, batch_id):
            pass
        with refused(NotFound):
            await todo.datasets.get(principal, "orders", owner="alice")
        with refused(Forbidden):
            await todo.batches.delete(principal, batch_id)
        with refused(Forbidden):
            await todo.batches.retry(principal, batch_id)  # the role of the one, the grant of the other
    assert await todo.batches.right(vera, await todo.batches.get(vera, batch_id)) is VIEW
    await todo.groups.change(house.admin, "Finance", members=[])
    with refused(NotFound):
        await todo.batches.get(vera, batch_id)
    await todo.groups.change(house.admin, "Finance", members=["Vera"], new_name="财务")
    assert await todo.batches.get(vera, batch_id)
    await todo.groups.delete(house.admin, "财务")
    with refused(NotFound):
        await todo.batches.report(vera, report.id)
    assert [each.user for each in (await todo.sharing.get(alice, "batch", batch_id)).grants] == ["bob"]


async def test_what_is_made_anew_inherits_nothing(house: House, alice: Principal, bob: Principal) -> None:
    await house.given(alice)
    await share(house, alice, "dataset", "orders", Grant(user="bob"), Grant(everyone=True))
    renamed = await house.todo.datasets.change(alice, "orders", DatasetChange(name="sold"))
    assert (await house.todo.datasets.get(bob, "sold")).id == renamed.id  # what is renamed keeps them
    await house.given(alice, mode="replace", dataset="sold")
    await house.todo.datasets.restore(alice, "sold", 1)
    assert len((await house.todo.sharing.get(alice, "dataset", "sold")).grants) == 2
    await house.todo.datasets.delete(alice, "sold")
    await house.given(alice, dataset="sold")
    with refused(NotFound):
        await house.todo.datasets.get(bob, "sold")
    assert (await house.todo.sharing.get(alice, "dataset", "sold")).grants == []


async def test_why_a_report_failed_is_told_to_those_who_may_see_its_data(
    house: House, alice: Principal, bob: Principal
) -> None:
    todo = house.todo
    await house.given(alice)
    await todo.templates.save(alice, "sales", f'{SALES}  - text: "{{{{ sales.region / 2 }}}}"\n')
    batch_id = (await house.reported(alice)).batch_id
    await share(house, alice, "batch", batch_id, Grant(user="bob"))

    async def told(who: Principal) -> ReportError:
        (listed,) = (await todo.batches.reports(who, batch_id, ReportFilter())).items
        report, _ = await todo.batches.report(who, listed.id)
        assert report.error is not None
        assert report.error == listed.error
        return report.error

    own, his = await told(alice), await told(bob)
    assert await told(house.admin) == own
    assert his.code == own.code
    assert his.parameters == {"owner": "alice"}
    assert [place["field"] for place in his.places] == [place["field"] for place in own.places]
    assert not {own.text, *(place["message"] for place in own.places)} & {his.text, *(p["message"] for p in his.places)}
    await share(house, alice, "dataset", "orders", Grant(user="bob"))
    assert await told(bob) == own


async def test_whose_id_it_is_comes_before_whose_name_it_is(house: House, alice: Principal, bob: Principal) -> None:
    await house.given(alice)
    eve = await house.user("eve")
    async with house.parts.storage.database.write() as connection:  # from before such names were refused
        renamed = users.update().where(users.c.id == eve.user_id)
        await connection.execute(renamed.values(name=alice.user_id, name_key=alice.user_id))
    await house.given(eve)
    for who, name in ((alice, "orders"), (eve, "orders")):
        await share(house, who, "dataset", name, Grant(user="bob"))
    found = await house.todo.datasets.get(bob, "orders", owner=alice.user_id)
    assert found.owner_id == alice.user_id
    listed = await house.todo.datasets.list(bob, owner=alice.user_id)
    assert [each.owner_id for each in listed.items] == [alice.user_id]
    assert (await house.todo.datasets.get(bob, "orders", owner="Alice")).owner_id == alice.user_id


async def test_grants_are_told_to_the_owner_and_to_others_their_own(
    house: House, alice: Principal, bob: Principal
) -> None:
    await house.given(alice)
    wanted = [Grant(user="bob", right=EDIT), Grant(user="admin"), Grant(everyone=True)]
    put = await house.todo.sharing.put(alice, "dataset", "orders", wanted)
    assert [each.text for each in put.grants] == ["everyone: view", "user admin: view", "user bob: edit"]
    his = await house.todo.sharing.get(bob, "dataset", "orders")
    assert ([each.text for each in his.grants], his.sight.right) == (["everyone: view", "user bob: edit"], EDIT)
    assert (bool(put.tag), his.tag) == (True, "")  # it would prove a guess at all of them
    with refused(PreconditionFailed):
        await house.todo.sharing.put(alice, "dataset", "orders", [], expected="other")
    assert (await house.todo.sharing.put(alice, "dataset", "orders", [], expected=put.tag)).grants == []
    actions = [(who, detail["grants"]) for who, _, detail in await house.audited("access.change")]
    assert actions == [("alice", ["everyone: view", "user admin: view", "user bob: edit"]), ("alice", [])]
    people = await house.todo.sharing.people(alice)
    assert (list(people.users), list(people.groups)) == (["admin", "bob"], [])
    with refused(Forbidden):
        await house.todo.sharing.people(await house.user("vera", role=Role.VIEWER))


@pytest.mark.parametrize(
    ("grant", "told"),
    [
        (Grant(user="nobody"), "no user named"),
        (Grant(group="nobody"), "no group named"),
        (Grant(user="alice"), "is the owner"),
        (Grant(), "exactly one"),
        (Grant(user="bob", everyone=True), "exactly one"),
        (Grant(user="bob", right=Right.OWN), "view"),
    ],
)
async def test_what_cannot_be_granted_is_said(house: House, alice: Principal, grant: Grant, told: str) -> None:
    await house.given(alice)
    with pytest.raises(InvalidInput) as refusal:
        await share(house, alice, "dataset", "orders", grant)
    assert told in refusal.value.errors[0].text
    with pytest.raises(InvalidInput):
        await share(house, alice, "dataset", "orders", Grant(user="bob"), Grant(user="Bob"))


async def test_an_administrator_sees_all_and_leaves_a_line_an_hour(
    house: House, alice: Principal, batch_id: str
) -> None:
    todo, admin = house.todo, house.admin
    for _ in range(3):
        await todo.batches.get(admin, batch_id)
        await todo.queries.run(admin, 'select * from "alice"."orders"', {}, limit=1)
    assert (await todo.datasets.list(admin, whose=Whose.ALL)).total == 1
    assert (await todo.datasets.list(admin)).total == 0
    assert [detail["kind"] for _, _, detail in await house.audited("access.look")] == ["batch", "dataset"]
    job = await house.imported(alice, dataset="others")
    upload_id = job.parameters["upload_id"]
    for who in (alice, admin, admin):
        async with todo.uploads.content(who, upload_id):
            await todo.imports.preview(who, upload_id)
        await todo.rejects.list(who, job.id)
        await todo.jobs.log(who, job.id)
        await todo.uploads.find(who, upload_id)  # what it is, not what is in it
    looks = [(who, detail) for who, _, detail in await house.audited("access.look")]
    assert looks[2:] == [("admin", {"kind": kind, "owner": "alice"}) for kind in ("upload", "job")]
    with refused(Forbidden):
        await todo.datasets.list(alice, whose=Whose.ALL)
    await todo.sharing.put(admin, "dataset", "orders", [Grant(user="bob")], owner="alice")
    assert (await todo.datasets.get(house.bob, "orders")).owner == "alice"


async def test_nobody_is_not_everybody(house: House, alice: Principal, batch_id: str) -> None:
    await share(house, alice, "dataset", "orders", Grant(everyone=True))
    await share(house, alice, "template", "sales", Grant(everyone=True))
    await share(house, alice, "batch", batch_id, Grant(everyone=True))
    async with house.parts.storage.database.read() as connection:
        for of in (DATASETS, TEMPLATES, BATCHES):
            for which in (granted(ANONYMOUS, of), *(listed(ANONYMOUS, of, whose) for whose in list(Whose)[:3])):
                assert not list(await connection.scalars(of.table.select().where(which)))
    with refused(Forbidden):
        await house.todo.datasets.list(ANONYMOUS)


async def test_names_of_others_are_written_with_their_owner(house: House, alice: Principal, bob: Principal) -> None:
    mei = await house.user("梅.李 Mei")
    for owner in (alice, mei):
        await house.given(owner, dataset="订单")
        await share(house, owner, "dataset", "订单", Grant(everyone=True))
    run = house.todo.queries.run
    for sql in ('from "alice"."订单"', 'select * from "梅.李 Mei"."订单"', "from alice.订单"):
        assert len((await run(bob, sql, {}, limit=9)).rows) == 3
    pivot = 'pivot "梅.李 Mei"."订单" on region using sum(amount)'
    assert len((await run(bob, pivot, {}, limit=9)).rows) > 0
    with pytest.raises(InvalidInput) as refusal:
        await run(bob, "from 订单", {}, limit=9)
    assert all(name in str(refusal.value) for name in ('"alice"."订单"', '"梅.李 Mei"."订单"'))
    await house.given(bob, b"id\n1\n", dataset="订单")
    own = [len((await run(bob, sql, {}, limit=9)).rows) for sql in ("from 订单", 'from "bob"."订单"', "from BOB.订单")]
    assert own == [1, 1, 1]
    for closed in ('from "main"."订单"', 'from "memory"."main"."订单"', 'from "nobody"."订单"', "from system.订单"):
        with pytest.raises(InvalidInput):
            await run(bob, closed, {}, limit=9)
    assert sorted(await house.todo.queries.names(bob)) == ['"alice"."订单"', '"梅.李 Mei"."订单"', "订单"]


async def test_reports_are_not_made_again_from_what_is_shared_no_more(
    house: House, alice: Principal, bob: Principal
) -> None:
    await house.given(alice)
    await share(house, alice, "dataset", "orders", Grant(user="bob"))
    await house.todo.templates.save(bob, "sales", SALES)
    made = await house.reported(bob)
    assert made.job.state.is_final
    batch = await house.todo.batches.get(bob, made.batch_id)
    assert list(batch.dataset_versions) == ["orders"]
    async with house.parts.storage.database.write() as connection:  # as if one had failed
        await connection.execute(update(reports).values(state=State.FAILED))
    again = await house.ended(bob, (await house.todo.batches.retry(bob, made.batch_id)).job)
    assert again.state is State.SUCCEEDED
    async with house.parts.storage.database.write() as connection:
        await connection.execute(update(reports).values(state=State.FAILED))
    await share(house, alice, "dataset", "orders")
    again = await house.ended(bob, (await house.todo.batches.retry(bob, made.batch_id)).job)
    assert (again.state, again.error and again.error.code) == (State.FAILED, "forbidden")
    with refused(NotFound):
        await house.todo.datasets.get(bob, "orders", owner="alice")


async def test_parameters_by_a_query_are_those_of_whoever_orders(
    house: House, alice: Principal, bob: Principal, batch_id: str
) -> None:
    await house.given(bob)
    await house.todo.templates.save(bob, "sales", SALES)
    query = ParameterQuery('select region from "alice"."orders"')
    job = (await house.reported(bob, "sales", owner="bob", parameters=query)).job
    assert job.error is not None
    assert "orders" in job.error.text


async def test_who_sees_a_thing_is_the_same_from_both_ends(
    house: House, alice: Principal, bob: Principal, admin: Principal, batch_id: str
) -> None:
    carol, gone = await house.user("carol"), await house.user("gone", role=Role.ADMIN)
    await house.todo.groups.create(admin, name="Finance", members=["carol"])
    await house.todo.groups.create(admin, name="Empty", members=[])
    async with house.parts.storage.database.write() as connection:
        await connection.execute(update(users).where(users.c.id == gone.user_id).values(disabled_at=utc_now()))
    things = {
        DATASETS: (await house.todo.datasets.get(alice, "orders")).id,
        TEMPLATES: (await house.todo.templates.get(alice, "sales")).id,
        BATCHES: batch_id,
    }
    names = {DATASETS: "orders", TEMPLATES: "sales", BATCHES: batch_id}
    for of, thing_id in things.items():
        for grants, expected in (
            ([], {alice, admin}),
            ([Grant(group="Empty")], {alice, admin}),
            ([Grant(group="Finance")], {alice, admin, carol}),
            ([Grant(group="Finance"), Grant(user="bob")], {alice, admin, carol, bob}),
            ([Grant(everyone=True)], {alice, admin, carol, bob}),
        ):
            await share(house, alice, of.kind, names[of], *grants)
            async with house.parts.storage.database.read() as connection:
                seeing = set(await connection.scalars(select(users.c.name).where(seers(of, thing_id))))
                told = await connection.execute(select(users.c.name, seers(of, thing_id).label("sees")))
                assert {row.name for row in told if row.sees} == seeing
                for each in (alice, bob, carol, admin):
                    query = select(of.table.c.id).where(of.table.c.id == thing_id, may(each, of))
                    may_see = (await connection.execute(query)).first() is not None
                    assert may_see is (each.user_name in seeing), (of.kind, each.user_name, grants)
            assert seeing == {each.user_name for each in expected}
