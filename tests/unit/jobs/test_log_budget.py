"""How much of what a script says goes into its job's log."""

from __future__ import annotations

from server.jobs import log_budget
from server.jobs.log_budget import LogBudget


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_each_message_is_written_once_until_another_comes() -> None:
    budget = LogBudget(clock=Clock())
    assert [budget.line_for(text) for text in ("", "a", "a", "b", "a")] == ["", "a", "", "b", "a"]


def test_after_a_burst_one_message_a_second_is_written() -> None:
    clock = Clock()
    budget = LogBudget(clock=clock)
    written = 0
    for number in range(1000):
        clock.now = number / 100
        written += bool(budget.line_for(str(number)))
    assert written == 20 + 9


def test_a_log_has_an_end_and_says_so() -> None:
    clock = Clock()
    budget = LogBudget(clock=clock)
    lines = []
    for number in range(log_budget._MOST + 10):
        clock.now += 1
        lines.append(budget.line_for(str(number)))
    assert lines[log_budget._MOST - 1] == str(log_budget._MOST - 1)
    assert lines[log_budget._MOST].startswith("This log is full")
    assert set(lines[log_budget._MOST + 1 :]) == {""}
