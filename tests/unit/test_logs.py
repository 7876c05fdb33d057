"""What strangers can make the log say is limited, and how much was left out is told."""

from __future__ import annotations

import logging

from server.logs import FieldFormatter, Sparing


class Seconds:
    value = 0.0

    def __call__(self) -> float:
        return self.value


def lines(sparing: Sparing, text: str, count: int) -> list[str]:
    """What passes of `count` records of a text."""
    records = [
        logging.LogRecord("jindu.strangers", logging.INFO, "", 0, text, (number,), None) for number in range(count)
    ]
    return [FieldFormatter().format(record) for record in records if sparing.filter(record)]


def test_few_of_a_kind_pass_and_the_next_says_how_many_did_not() -> None:
    now = Seconds()
    sparing = Sparing(per_minute=3, now=now)
    assert len(lines(sparing, "bad cookie %s", 100)) == 3
    assert len(lines(sparing, "bad request %s", 2)) == 2  # another kind
    now.value += 61
    first, second = lines(sparing, "bad cookie %s", 2)
    assert "left_out=97" in first
    assert "left_out" not in second
    assert "left_out" not in lines(sparing, "bad request %s", 1)[0]


def test_texts_without_end_do_not_fill_the_memory() -> None:
    sparing = Sparing()
    for number in range(1_000):
        lines(sparing, f"a mistake {number} %s", 1)
    assert len(sparing._kinds) <= 101


def test_a_line_stays_one_line() -> None:
    (line,) = lines(Sparing(), "name\nforged %s", 1)
    assert "\n" not in line
