"""Whom a comment names, as people write it."""

from __future__ import annotations

import pytest

from server.auth.users import name_key
from server.reports.mentions import keys_of, meant, parts_of, written_in

PEOPLE = {
    name_key(name): f"id of {name}" for name in ("mei", "Mei Li", "me", "李伟", "li.wei", "zoe@example.com", "o'neil")
}


def told(text: str) -> list[str]:
    """Of each `@…` who is meant, or what was written."""
    return [(meant(each, PEOPLE) or (f"?{each.shown}", ""))[0] for each in written_in(text)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@mei look", ["mei"]),
        ("@MEI, @mei and @Mei", ["MEI"]),
        ('@"Mei Li": yes', ["Mei Li"]),
        ("@Mei Li", ["Mei"]),
        ("(@mei)", ["mei"]),
        ("请@李伟看看", ["李伟"]),
        ("@李伟，好", ["李伟"]),
        ("@mei请看", ["mei"]),
        ("@meike", ["?meike"]),
        ("@me2", ["?me2"]),
        ("@li.wei.", ["li.wei"]),
        ("@o'neil!", ["o'neil"]),
        ("write to mei@example.com or see https://example.com/@mei", []),
        ("@ mei, @@mei, a@mei", []),
        ("@nobody", ["?nobody"]),
        ("", []),
    ],
)
def test_names_are_found(text: str, names: list[str]) -> None:
    assert told(text) == names


def test_all_that_may_be_meant_is_looked_up() -> None:
    assert keys_of(written_in("@李伟请 @Mei.")) == {"李", "李伟", "李伟请", "mei"}


def test_a_text_is_cut_at_its_names() -> None:
    pieces = parts_of('@mei, @"Mei Li" and mail@mei', ["mei", "Mei Li"])
    assert pieces == [("@mei", True), (", ", False), ('@"Mei Li"', True), (" and mail@mei", False)]
    assert parts_of("@mei", []) == [("@mei", False)]
