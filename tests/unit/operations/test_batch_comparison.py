"""What moved since the batch before: with which batch one is compared, and who may know."""

from __future__ import annotations

import pytest

from server.auth.permissions import Principal
from server.errors import InvalidInput, NotFound
from server.operations import batch_comparison
from tests.unit.operations.conftest import ORDERS, House

SOURCE = """\
title: "{{ region }}"
formats: [html]
parameters:
  region: {each: select distinct region from orders order by region}
queries:
  q: select sum(amount) as revenue from orders where region = $region
blocks:
  - kpis: [{label: Revenue, value: q.revenue}]
"""
LATER = ORDERS.replace(b"80", b"120")


async def two_batches(house: House, owner: Principal) -> tuple[str, str]:
    """The second is made of data in which the south sells half as much again."""
    await house.given(owner)
    await house.todo.templates.save(owner, "regions", SOURCE)
    first = await house.reported(owner, "regions")
    await house.given(owner, LATER, mode="replace")
    return first.batch_id, (await house.reported(owner, "regions")).batch_id


async def test_a_batch_is_compared_with_the_one_before_or_with_any_other(house: House, alice: Principal) -> None:
    first, second = await two_batches(house, alice)
    comparison = house.todo.batch_comparison
    assert (await comparison.of(alice, first)).before is None
    found = await comparison.of(alice, second)
    assert found.before is not None
    assert (found.before.id, [(move.title, move.change) for move in found.moves.moved]) == (first, [("south", 0.5)])
    back = await comparison.of(alice, first, other_id=second)
    assert [round(move.change or 0, 3) for move in back.moves.moved] == [-0.333]


async def test_nobody_compares_what_is_not_theirs(house: House, alice: Principal, bob: Principal) -> None:
    first, second = await two_batches(house, alice)
    theirs, _ = await two_batches(house, bob)
    for mine, other in ((first, ""), (theirs, second)):
        with pytest.raises(NotFound):
            await house.todo.batch_comparison.of(bob, mine, other_id=other)


async def test_more_reports_than_are_compared_are_refused_by_name(
    house: House, alice: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, second = await two_batches(house, alice)
    monkeypatch.setattr(batch_comparison, "MOST_REPORTS", 1)
    with pytest.raises(InvalidInput, match="Batches of up to 1 reports are compared; “region” has 2"):
        await house.todo.batch_comparison.of(alice, second)
