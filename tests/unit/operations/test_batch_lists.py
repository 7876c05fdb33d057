"""Lists of batches as people ask for them: what can be chosen, what is gone, how much it is; and who sees it."""

from __future__ import annotations

import pytest

from server.auth.access import Whose
from server.auth.grants import Grant
from server.auth.permissions import Principal
from server.errors import Forbidden, InvalidInput
from server.jobs.job_filter import JobFilter
from server.operations import batch_lists
from server.operations.batches_together import BatchAction
from server.reports.batch_filter import BatchFilter
from server.reports.report_values import rows_of
from tests.unit.operations.conftest import House

TEMPLATE = """\
title: "{{ place }}"
formats: [html]
parameters:
  place: {type: text}
  months: {type: list}
blocks:
  - text: "{{ place }}"
"""


def address(report_id: str) -> str:
    return f"/reports/{report_id}"


async def test_values_are_offered_of_what_one_may_see_and_files_are_limited(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    todo, alice, bob = house.todo.batch_lists, house.alice, house.bob
    await house.todo.templates.save(alice, "places", TEMPLATE)
    sets = [{"place": place, "months": ["2026-10", "2026-11"]} for place in ("Asia", "Asia", "Ägypten")]
    batch_id = (await house.reported(alice, "places", parameters=sets)).batch_id
    everything = BatchFilter()
    found = [(each.name, each.value, each.reports) for each in await todo.values(alice, everything)]
    assert found == [
        ("months", "2026-11", 3),
        ("months", "2026-10", 3),
        ("place", "Asia", 2),
        ("place", "Ägypten", 1),
    ]
    assert [each.value for each in await todo.values(alice, everything, find="asi")] == ["Asia"]
    assert await todo.values(bob, everything) == []
    assert (await todo.batches(alice, BatchFilter(text="ÄGYPTEN"))).total == 1
    wanted = BatchFilter(templates=["places", "gone"], values=[("place", "Asia"), ("place", "Mars")], owner="alice")
    gone = await todo.gone(alice, wanted)
    assert (gone.templates, gone.values, gone.owner) == (["gone"], [("place", "Mars")], False)
    gone = await todo.gone(bob, wanted)
    assert (gone.templates, gone.values, gone.owner) == (["places", "gone"], list(wanted.values), True)
    assert (await todo.offered(bob, Whose.MINE_AND_SHARED)).owners == []
    with pytest.raises(Forbidden):
        await todo.batches(bob, BatchFilter(whose=Whose.ALL))

    size = await todo.size(alice, BatchFilter(values=[("place", "Asia")]))
    assert (size.batches, size.reports, size.files, size.fits) == (1, 2, 2, True)
    monkeypatch.setattr(batch_lists, "MOST_FILES", 2)
    with pytest.raises(InvalidInput, match="3 files"):
        await todo.archive(alice, everything, address=address)
    pieces = await todo.table(house.admin, BatchFilter(whose=Whose.ALL), address=address)
    assert len((b"".join([piece async for piece in pieces])).decode().splitlines()) == 4
    assert ("admin", batch_id) in await house.audited_ids("access.look")  # whoever takes away others' reports looks
    assert len(await house.audited("report.export_list")) == 1


async def test_lists_find_chinese_by_how_it_sounds_and_nobody_elses(house: House) -> None:
    todo, alice, bob = house.todo, house.alice, house.bob
    await todo.templates.save(alice, "月度销售", TEMPLATE.replace("title: ", "description: 经营\ntitle: ", 1))
    sets = [{"place": "华东", "months": ["2026-10"]}, {"place": "华南", "months": ["2026-10"]}]
    await house.reported(alice, "月度销售", parameters=sets)

    async def reports(who: Principal, text: str) -> list[str]:
        page = await todo.batch_lists.reports(who, BatchFilter(text=text), limit=10)
        return sorted(each.report.title for each in page.items)

    by_sound = {text: await reports(alice, text) for text in ("huadong", "HN", "2026-10 huan", "xs", "nh", "dongyue")}
    assert {text: len(found) for text, found in by_sound.items()} == {
        "huadong": 1, "HN": 1, "2026-10 huan": 1, "xs": 2, "nh": 0, "dongyue": 0,
    }  # fmt: skip
    for text in ("yueduxiaoshou", "ydxs", "huad"):
        assert (await todo.batch_lists.batches(alice, BatchFilter(text=text))).total == 1
        assert (await todo.batch_lists.batches(bob, BatchFilter(text=text))).total == 0
    for text in ("xiaoshou", "yuedu"):
        assert [each.stored.name for each in (await todo.templates.list(alice, q=text)).items] == ["月度销售"]
        assert (await todo.templates.list(bob, q=text)).items == []
        assert (await todo.jobs.list(alice, JobFilter(text=text))).total == 1
        assert (await todo.jobs.list(bob, JobFilter(text=text))).total == 0


async def test_grants_are_added_to_those_there_are(house: House) -> None:
    alice, together, sharing = house.alice, house.todo.batches_together, house.todo.sharing
    await house.todo.templates.save(alice, "places", TEMPLATE)
    batch_id = (await house.reported(alice, "places", parameters=[{"place": "Asia", "months": ["2026-10"]}])).batch_id
    await sharing.put(alice, "batch", batch_id, [Grant(everyone=True)])
    with pytest.raises(InvalidInput):
        await together.act(alice, BatchAction.SHARE, BatchFilter(), expected=1)
    with pytest.raises(InvalidInput):
        await together.act(alice, BatchAction.SHARE, BatchFilter(), expected=1, grant=Grant(user="nobody"))
    done = await together.act(alice, BatchAction.SHARE, BatchFilter(), expected=1, grant=Grant(user="BOB"))
    assert (done.done, done.not_done) == (1, [])
    assert [each.text for each in (await sharing.get(alice, "batch", batch_id)).grants] == [
        "everyone: view",
        "user bob: view",
    ]
    for action, count in ((BatchAction.DELETE, 1), (BatchAction.RETRY, 0), (BatchAction.CANCEL, 0)):
        assert await together.count(alice, action, BatchFilter()) == count
        assert await together.count(house.bob, action, BatchFilter()) == 0


def test_a_value_stands_once_as_texts_have_it() -> None:
    row = {"id": "r", "batch_id": "b"}
    parameters = {"a": [1, 1, None, "x"], "b": None, "c": {"from": "1", "to": "2"}, "d": "x" * 201, "e": True}
    found = [(each["name"], each["value"]) for each in rows_of(row | {"parameters": parameters})]
    assert found == [("a", "1"), ("a", "x"), ("c", "1 – 2"), ("e", "yes")]
