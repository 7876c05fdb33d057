"""What is looked for in lists has an end."""

from __future__ import annotations

import pytest

from server.errors import InvalidInput
from server.storage.searching import searched


def test_words_are_what_stands_between_blanks() -> None:
    assert searched("  Europe\u3000October \n 2026 ") == ["Europe", "October", "2026"]
    assert searched("") == []


@pytest.mark.parametrize("text", ["x" * 301, "a " * 21])
def test_more_than_anybody_looks_for_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="at most") as found:
        searched(text)
    assert found.value.specific_code == "search_too_long"
