"""What people cannot tell apart is found, whatever script it is written in; ordinary names stay different."""

from __future__ import annotations

import itertools

import pytest

from server.auth.look_alikes import look_alike

SAME = [
    ("admin", "аdmin"),  # Cyrillic а
    ("admin", "аdmіn"),  # and і
    ("admin", "ádmin"),
    ("admin", "admın"),  # without its dot
    ("admin", "admin."),
    ("admin", "_admin"),
    ("admin", "admin-"),
    ("admin", "admin·"),
    ("admin", "αdmin"),  # Greek
    ("admin", "АDMIN"),
    ("admin", "ａｄｍｉｎ"),
    ("admin", "𝐚𝐝𝐦𝐢𝐧"),
    ("alice", "aIice"),
    ("alice", "a1ice"),
    ("alice", "alicе"),
    ("bob", "b0b"),
    ("bob", "ЬоЬ"),
    ("marc", "rnarc"),
    ("müller", "muller"),
    ("王小明", "王小明。"),
    ("li wei", "li  wei"),
]
DIFFERENT = [
    "admin",
    "admiral",
    "alice",
    "alina",
    "bob",
    "bo",
    "carl",
    "王小明",
    "王大明",
    "anna",
    "hannah",
    "иван",
    "ιωάννης",
    "user2",
    "user3",
    "j.smith",
    "jsmith",
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_names_that_look_the_same_are_found(one: str, other: str) -> None:
    assert look_alike(one, other)
    assert look_alike(other, one)


def test_ordinary_names_stay_different() -> None:
    for one, other in itertools.combinations(DIFFERENT, 2):
        assert not look_alike(one, other), (one, other)


def test_a_name_of_signs_alone_has_a_form() -> None:
    assert look_alike("...", "...")
    assert not look_alike("...", "---")
