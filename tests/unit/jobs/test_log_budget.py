"""How much of what a script says goes into its job's log."""

from __future__ import annotations

from server.jobs.log_budget import LogBudget
from tests.unit.jobs.conftest import Clock


def texts(budget: LogBudget, *messages: str) -> list[tuple[int, str]]:
    return [(noted.left_out, noted.message) for message in messages for noted in budget.lines_for(message)]


def test_each_message_is_written_once_until_another_comes() -> None:
    budget = LogBudget(clock=Clock())
    assert texts(budget, "", "a", "a", "b", "a") == [(0, "a"), (0, "b"), (0, "a")]
    assert budget.rest() == []


def test_a_burst_keeps_its_beginning_and_its_end_and_says_what_is_missing_between() -> None:
    budget = LogBudget(clock=Clock())
    written = texts(budget, *(str(number) for number in range(160)))
    assert written == [(0, str(number)) for number in range(20)]
    assert [(noted.left_out, noted.message) for noted in budget.rest()] == [(139, "159")]
    assert budget.rest() == []


def test_after_a_burst_one_message_a_second_is_written_and_none_goes_uncounted() -> None:
    clock = Clock()
    budget = LogBudget(clock=clock)
    begun, written = clock.now, []
    for number in range(1000):
        clock.now = begun + number / 100
        written += budget.lines_for(str(number))
    assert len(written) == 20 + 9
    written += budget.rest()
    assert written[-1].message == "999"
    assert sum(1 + noted.left_out for noted in written) == 1000


def test_the_newest_message_is_written_once_there_is_room_also_when_nothing_more_is_said() -> None:
    clock = Clock()
    budget = LogBudget(clock=clock)
    texts(budget, *(str(number) for number in range(22)))
    assert texts(budget, "21", "") == []
    clock.now += 1
    assert texts(budget, "") == [(1, "21")]


def test_what_the_script_itself_left_out_is_counted_with_the_rest() -> None:
    budget = LogBudget(clock=Clock())
    assert texts(budget, "a") == [(0, "a")]
    assert [(noted.left_out, noted.message) for noted in budget.lines_for("a", 7)] == [(7, "a")]
