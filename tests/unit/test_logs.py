"""What strangers can make the log say is limited, and how much was left out is told."""

from __future__ import annotations

import json
import logging

from server.logs import FieldFormatter, JsonFormatter, Sparing, about, formatter, request_now


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


def record(**extra: str) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": "done", "levelname": "INFO", "name": "jindu", **extra})


def test_a_line_says_what_it_is_about_and_its_own_words_win() -> None:
    with about(request="r1", user=""), about(job="j1"):
        told = json.loads(JsonFormatter().format(record(job="j2", action="x")))
        assert (told["request"], told["job"], told["action"]) == ("r1", "j2", "x")
        assert "user" not in told
        assert FieldFormatter().format(record()).endswith("done request=r1 job=j1")
        assert request_now() == "r1"
    assert "request" not in json.loads(JsonFormatter().format(record()))
    assert request_now() == ""


def test_an_error_has_its_trace_in_the_same_line() -> None:
    error = ZeroDivisionError()
    broken = logging.makeLogRecord({"msg": "a", "exc_info": (ZeroDivisionError, error, None)})
    line = JsonFormatter().format(broken)
    assert "\n" not in line
    assert "ZeroDivisionError" in json.loads(line)["trace"]


def test_the_setting_chooses_the_format() -> None:
    assert isinstance(formatter("json"), JsonFormatter)
    assert isinstance(formatter("text"), FieldFormatter)
