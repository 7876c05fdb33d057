"""All that a user can ask for has one place, and everything there is ready to be asked."""

from __future__ import annotations

import dataclasses

from server.operations.offered import Operations
from tests.unit.operations.conftest import House


async def test_each_subject_is_offered_as_the_class_it_is_declared_as(house: House) -> None:
    hints = {field.name: field.type for field in dataclasses.fields(Operations)}
    offered = {name: type(getattr(house.todo, name)).__name__ for name in hints}
    assert offered == hints


async def test_what_was_built_is_not_exchanged_later(house: House) -> None:
    assert Operations.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert len({id(getattr(house.todo, field.name)) for field in dataclasses.fields(Operations)}) == len(
        dataclasses.fields(Operations)
    )
