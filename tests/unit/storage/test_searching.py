"""What is looked for in lists has an end."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from server.errors import InvalidInput
from server.storage.database import Database
from server.storage.searching import holds, mentions, searched


def test_words_are_what_stands_between_blanks() -> None:
    assert searched("  Europe\u3000October \n 2026 ") == ["Europe", "October", "2026"]
    assert searched("") == []


@pytest.mark.parametrize("text", ["x" * 301, "a " * 9])
def test_more_than_anybody_looks_for_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="at most") as found:
        searched(text)
    assert found.value.specific_code == "search_too_long"


@pytest.mark.parametrize(
    ("text", "words", "as_they_are", "in_any_case"),
    [
        ("100%_sure a/b", "%_s", True, True),
        ("100%_sure a/b", "a/b", True, True),
        ("100 percent", "0%p", False, False),
        ("a1b", "a_b", False, False),
        ("Straße", "TRA", False, True),
        ("订单", "单", True, True),
    ],
)
async def test_signs_of_patterns_mean_themselves(
    database: Database, text: str, words: str, as_they_are: bool, in_any_case: bool
) -> None:
    stands = sa.literal(text)
    async with database.read() as connection:
        found = (await connection.execute(sa.select(mentions(stands, words)))).scalar_one()
        exact = (await connection.execute(sa.select(holds(stands, words)))).scalar_one()
    assert bool(found) is in_any_case
    assert bool(exact) is as_they_are or connection.dialect.name == "sqlite"  # to which letters of ASCII are alike
