"""What somebody types, how well a name fits it, and what of the name is marked."""

from __future__ import annotations

import pytest

from server.operations.search_words import NameFit, Wanted, wanted_of


def wanted(q: str) -> Wanted:
    found = wanted_of(q)
    assert found is not None
    return found


def marked(q: str, name: str) -> str:
    return "".join(f"[{part.text}]" if part.is_hit else part.text for part in wanted(q).parts_of(name))


@pytest.mark.parametrize("q", ["", "  ", "-", "@ . '", '"', "，。", "\ud800"])
def test_signs_alone_are_no_words(q: str) -> None:
    assert wanted_of(q) is None


@pytest.mark.parametrize(
    ("q", "name", "fit"),
    [
        ("sales", "Sales", NameFit.EXACT),
        ("月报", "月报", NameFit.EXACT),
        ("sal", "sales report", NameFit.BEGINS),
        ("sales rep", "sales report", NameFit.BEGINS),
        ("report", "sales report", NameFit.WORDS),
        ("report sales", "sales report", NameFit.WORDS),
        ("报", "销售月报", NameFit.WORDS),
        ("rep", "sales report", NameFit.PARTS),
        ("rep sal", "sales report", NameFit.PARTS),
        ("ales", "sales", NameFit.SAID),
        ("售销", "销售", NameFit.SAID),
        ("slaes", "sales", NameFit.SAID),
    ],
)
def test_how_well_a_name_fits(q: str, name: str, fit: NameFit) -> None:
    assert wanted(q).fit(name) is fit


@pytest.mark.parametrize("q", ["slaes", "sals", "saales", "sakes", "sles", "sal"])
def test_one_mistake_is_forgiven(q: str) -> None:
    assert wanted(q).is_near("monthly sales")


@pytest.mark.parametrize("q", ["sx", "zales", "s4les", "sxxes", "销害"])
def test_two_are_not_nor_the_first_letter_nor_short_words(q: str) -> None:
    assert not wanted(q).is_near("monthly sales 销售")


@pytest.mark.parametrize(
    ("q", "name", "shown"),
    [
        ("ord", "old_orders", "old_[ord]ers"),
        ("rep sal", "Sales report", "[Sal]es [rep]ort"),
        ("销", "销售 · 销", "[销]售 · [销]"),
        ("2026-1", "x 2026-10", "x [2026]-[1]0"),
        ("strasse", "Straße 5", "[Straße] 5"),
        ("ecole", "École", "[École]"),
        ("slaes", "sales 1", "[sales] 1"),
        ("x", "sales", "sales"),
        ("ａｂ", "ab", "[ab]"),
    ],
)
def test_what_was_looked_for_is_marked_in_the_name_as_it_is_written(q: str, name: str, shown: str) -> None:
    assert marked(q, name) == shown
