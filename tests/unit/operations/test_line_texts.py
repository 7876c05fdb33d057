"""What cannot stand in a name is said by its sign and its place."""

from __future__ import annotations

import pytest

from server.operations.line_texts import line_problems


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Umsätze 华东 🎉", None),
        ("x" * 11, "Write one line of at most 10 characters."),
        ("a\u202eb", "Character 2 is U+202E (RIGHT-TO-LEFT OVERRIDE), which cannot be seen or stored here; delete it."),
        ("ab\x07", "Character 3 is U+0007, which cannot be seen or stored here; delete it."),
        ("a\nb", "Write one line: a new line begins at character 2."),
    ],
)
def test_the_sign_is_named(text: str, said: str | None) -> None:
    assert [each.text for each in line_problems(text, field="name", most=10 if len(text) == 11 else 300)] == (
        [] if said is None else [said]
    )
