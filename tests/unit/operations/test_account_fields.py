"""What the fields of an account may hold."""

from __future__ import annotations

import pytest

from server.clock import new_id
from server.languages import Languages
from server.operations.account_fields import (
    MAX_NAME,
    language_problems,
    name_problems,
    text_problems,
    time_zone_problems,
    time_zones,
)
from server.places import LOCALES


@pytest.mark.parametrize("name", ["alice", "Zoë Müller", "王小明", "a.b_c-d@e", "Ада", "x" * MAX_NAME])
def test_people_are_called_as_they_are(name: str) -> None:
    assert name_problems(name) == []


@pytest.mark.parametrize(
    "name",
    ["", "   ", " alice", "alice ", "a/b", "a\\b", "<b>", 'a"b', ".", "..", "a\u200bb", "a\nb", "a\ud800b", "ﬁona"],
    ids=ascii,
)
def test_a_name_hides_nothing_and_looks_like_no_path(name: str) -> None:
    (problem,) = name_problems(name, field="username")
    assert problem.field == "username"


def test_nobody_is_called_as_an_id() -> None:
    made = new_id()
    assert [problem.message for name in (made, made.upper()) for problem in name_problems(name)] == [
        "This looks like an id of ours; use another name."
    ] * 2
    assert not [*name_problems(made[1:]), *name_problems(f"{made} 2"), *name_problems("u" * len(made))]


@pytest.mark.parametrize("name", ["everybody", "Everyone", "所有人"])
def test_nobody_and_no_group_is_called_everybody(name: str) -> None:
    assert [problem.message for problem in name_problems(name)] == ["This means everybody here; use another name."]


def test_a_name_is_as_long_as_its_place_also_where_comparing_lengthens_it() -> None:
    (too_long,) = name_problems("x" * (MAX_NAME + 1))
    (too_long_folded,) = name_problems("ß" * (MAX_NAME - 1))  # "ss" each, once case is folded
    assert too_long.parameters == too_long_folded.parameters == {"count": MAX_NAME}


def test_what_is_not_given_is_not_wrong() -> None:
    languages = Languages.load(LOCALES)
    assert [*name_problems(None), *language_problems(None, languages), *time_zone_problems(None)] == []


def test_a_language_is_one_of_ours() -> None:
    languages = Languages.load(LOCALES)
    assert language_problems("zh-CN", languages) == []
    assert [problem.field for problem in language_problems("tlh", languages)] == ["language"]


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin", "UTC"])
def test_time_zones_have_their_usual_names(zone: str) -> None:
    assert time_zone_problems(zone) == []


@pytest.mark.parametrize(
    "zone", ["", "../etc/passwd", "/etc/localtime", "localtime", "Factory", "posixrules", "Etc/GMT+8", "Mars/Olympus"]
)
def test_a_time_zone_is_no_path_and_nothing_of_this_machine(zone: str) -> None:
    assert [problem.field for problem in time_zone_problems(zone)] == ["time_zone"]


def test_nobody_is_offered_the_same_zone_under_technical_names() -> None:
    assert not [name for name in time_zones() if name.startswith(("Etc/", "posix/", "right/", "SystemV/"))]


def test_a_text_is_filled_in_and_fits() -> None:
    assert text_problems("laptop", field="name", most=10) == []
    assert [problem.message for problem in text_problems("\t ", field="name", most=10)] == ["Fill this in."]
    assert [problem.parameters for problem in text_problems("x" * 11, field="name", most=10)] == [{"count": 10}]
