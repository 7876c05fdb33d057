"""What is done with all batches that fit: as many as somebody was told, some at a time."""

from __future__ import annotations

import pytest

from server.errors import ChangedMeanwhile, Forbidden
from server.operations import batches_together
from server.operations.batches_together import BatchAction
from server.reports.batch_filter import BatchFilter
from tests.unit.operations.conftest import House, only_looking

TEMPLATE = 'title: "{{ n }}"\nformats: [html]\nparameters:\n  n: {type: integer}\nblocks:\n  - text: "{{ 1 / n }}"\n'


async def test_the_oldest_go_first_and_the_rest_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, together = house.alice, house.todo.batches_together
    await house.todo.templates.save(alice, "numbers", TEMPLATE)
    for name in ("first", "second"):
        await house.reported(alice, "numbers", parameters=[{"n": 0}, {"n": 1}], name=name)
    everything = BatchFilter()
    assert await together.count(alice, BatchAction.RETRY, everything) == 2
    for looking in only_looking(alice):
        with pytest.raises(Forbidden):
            await together.act(looking, BatchAction.DELETE, everything, expected=2)
    with pytest.raises(ChangedMeanwhile, match="2 match now, 1 when you looked"):
        await together.act(alice, BatchAction.DELETE, everything, expected=1)
    monkeypatch.setattr(batches_together, "AT_ONCE", 1)
    done = await together.act(alice, BatchAction.DELETE, everything, expected=2)
    assert (done.done, done.left, done.not_done) == (1, 1, [])
    assert [each.name for each in (await house.todo.batch_lists.batches(alice)).items] == ["second"]
