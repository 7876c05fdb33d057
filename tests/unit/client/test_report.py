"""What a job has to tell, and what answers mean, without a server, a thread or a clock."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest

from jindu import fitting, limits
from jindu.errors import Problem, Unreachable
from jindu.report import Answer, Report, Request


def begun(**given: Any) -> Report:
    report = Report("Nightly ETL", total=given.pop("total", 100), unit="rows")
    request = sent(report, 0.0)
    assert request.method == "POST"
    report.answered(request, Answer(202, {"job_id": "j1", **given}), 0.0)
    return report


def sent(report: Report, now: float) -> Request:
    request = report.next_request(now)
    assert request is not None
    return request


def test_it_begins_with_what_is_known_under_one_key() -> None:
    report = Report("  Nightly\nETL ", total=5, unit="rows")
    report.stage = "reading"
    report.progress = 3
    first, again = sent(report, 0.0), sent(report, 0.0)
    assert first.body == {"title": "Nightly ETL", "unit": "rows", "total": 5, "stage": "reading"}
    assert first.headers == again.headers
    assert len(first.headers["Idempotency-Key"]) == 32


def test_a_million_steps_are_one_request() -> None:
    report = begun()
    for _ in range(1_000_000):
        report.progress += 1
    request = sent(report, 1.0)
    assert (request.method, request.path, request.body) == ("PATCH", "/api/v1/jobs/j1", {"progress": 1_000_000})
    report.answered(request, Answer(200, {}), 1.0)
    assert report.next_request(1.1) is None


def test_only_what_differs_is_sent_and_again_until_it_was_answered() -> None:
    report = begun()
    report.message, report.detail = "Reading", {"rejected": 2}
    request = sent(report, 1.0)
    assert request.body == {"message": "Reading", "detail": {"rejected": 2}}
    report.unreachable("http://x", OSError("gone"), 1.0)
    report.progress = 7
    assert sent(report, 30.0).body == {"progress": 7, "message": "Reading", "detail": {"rejected": 2}}


def test_what_changes_while_a_request_is_under_way_is_sent_next() -> None:
    report = begun()
    report.progress = 1
    request = sent(report, 1.0)
    report.progress = 2
    report.answered(request, Answer(200, {}), 1.0)
    assert sent(report, 1.5).body == {"progress": 2}


def test_a_quiet_script_says_that_it_lives_as_often_as_the_server_wants() -> None:
    report = begun(silence_seconds=9)
    assert report.next_request(2.9) is None
    assert sent(report, 3.0).body == {}


def test_the_end_is_told_at_once_whatever_went_wrong_before() -> None:
    report = begun()
    report.answered(sent_progress(report), Answer(503, {}, 60.0), 1.0)
    assert report.next_request(2.0) is None
    report.end("failed", error="ValueError: no")
    request = sent(report, 2.0)
    assert request.body == {"progress": 1, "state": "failed", "error": "ValueError: no"}
    report.answered(request, Answer(200, {}), 2.0)
    assert report.is_over
    assert report.next_request(1e9) is None
    assert report.problem is None


def sent_progress(report: Report) -> Request:
    report.progress += 1
    return sent(report, 1.0)


def test_the_first_end_counts() -> None:
    report = begun()
    report.end("cancelled")
    report.end("succeeded")
    assert sent(report, 1.0).body == {"state": "cancelled"}


def test_a_job_that_ends_well_before_its_total_had_an_estimate() -> None:
    report = begun(total=100)
    report.progress = 30
    report.end("succeeded", result={"url": "https://example.com"})
    assert sent(report, 1.0).body == {
        "progress": 30,
        "total": 30,
        "state": "succeeded",
        "result": {"url": "https://example.com"},
    }
    never_counted = begun(total=100)
    never_counted.end("succeeded")
    assert sent(never_counted, 1.0).body == {"state": "succeeded"}


def test_cancelled_by_a_person_is_no_problem() -> None:
    report = begun()
    report.answered(sent_progress(report), Answer(409, {"code": "job_cancelled"}), 1.0)
    assert (report.is_cancelled, report.is_over, report.problem) == (True, True, None)


@pytest.mark.parametrize("status", [401, 403, 404, 409, 301])
def test_a_refusal_ends_it_with_the_reason(status: int) -> None:
    report = begun()
    body = {"code": "some_code", "detail": "Because.", "errors": [{"field": "total", "message": "is wrong"}]}
    report.answered(sent_progress(report), Answer(status, body), 1.0)
    assert report.is_over
    assert isinstance(report.problem, Problem)
    assert report.problem.status == status
    if status != 301:
        assert str(report.problem) == "Because.\ntotal: is wrong"


@pytest.mark.parametrize("status", [429, 423, 500, 502, 503])
def test_what_passes_is_tried_again_not_before_the_server_wants_it(status: int) -> None:
    report = begun()
    report.answered(sent_progress(report), Answer(status, {}, 7.0), 1.0)
    assert not report.is_over
    assert report.trouble is not None
    assert report.next_request(7.9) is None
    request = sent(report, 15.1)  # up to twice as long, so that not all come back at once
    report.answered(request, Answer(200, {}), 15.1)
    assert report.trouble is None


def test_pauses_grow_with_failures_up_to_an_end() -> None:
    report = begun()
    report.progress = 1
    now = 1.0
    for _ in range(50):
        sent(report, now)
        report.unreachable("http://x", OSError("gone"), now)
        assert report.next_request(now) is None
        assert report.next_request(now + 20.0) is not None
        now += 20.0
    assert isinstance(report.trouble, Unreachable)


def test_a_server_that_is_away_at_the_end_is_waited_for_and_a_stranger_only_for_a_moment() -> None:
    stranger, known = Report("x", total=None, unit="rows"), begun()
    for report in (stranger, known):
        report.end("succeeded")
        assert report.is_worth_waiting(10.0, 60.0)
        report.unreachable("http://x", OSError("gone"), 10.0)
        assert not report.is_over
    assert (stranger.is_worth_waiting(14.0, 60.0), known.is_worth_waiting(69.0, 60.0)) == (False, True)
    assert not known.is_worth_waiting(70.0, 60.0)


def test_a_server_that_asks_to_wait_is_never_given_up() -> None:
    report = Report("x", total=None, unit="rows")
    report.end("succeeded")
    now = 0.0
    for _ in range(500):
        report.answered(sent(report, now), Answer(429, {}, 1.0), now)
        now += 2.1
        assert report.is_worth_waiting(now, 60.0)
    report.answered(sent(report, now), Answer(409, {"code": "too_many_external_jobs"}), now)
    assert report.is_worth_waiting(now, 60.0)
    report.answered(sent(report, now + 2.1), Answer(202, {"job_id": "j"}), now + 2.1)
    assert sent(report, now + 2.1).body == {"state": "succeeded"}


def test_a_part_that_is_wrong_costs_that_part_alone() -> None:
    report = begun()
    report.progress, report.message, report.detail = 5, "Reading", {"a": 1}
    report.end("failed", error="ValueError: no")
    refusal = {"errors": [{"field": "detail", "message": "no"}, {"field": "error.message", "message": "no"}]}
    report.answered(sent(report, 1.0), Answer(422, refusal), 1.0)
    assert sent(report, 1.0).body == {
        "progress": 5,
        "message": "Reading",
        "state": "failed",
        "error": "The script failed.",
    }
    assert report.left_out == {"detail": "no", "error": "no"}
    report.detail = {"a": 2}
    assert sent(report, 1.0).body["detail"] == {"a": 2}  # what changed is tried again


def test_a_refusal_that_names_nothing_costs_what_is_worth_least_and_the_end_comes_through() -> None:
    report = begun()
    report.progress, report.message, report.detail = 5, "Reading", {"a": 1}
    report.end("succeeded", result={"rows": 5})
    bodies = []
    while not report.is_over:
        request = sent(report, 1.0)
        bodies.append(sorted(request.body))
        report.answered(request, Answer(422, {}) if len(bodies) < 4 else Answer(200, {}), 1.0)
    assert bodies == [
        ["detail", "message", "progress", "result", "state", "total"],
        ["message", "progress", "state", "total"],
        ["progress", "state", "total"],
        ["state"],
    ]
    assert report.problem is None


def test_a_refusal_of_nothing_that_could_be_left_out_ends_it() -> None:
    report = begun()
    report.end("succeeded")
    report.answered(sent(report, 1.0), Answer(422, {"detail": "No."}), 1.0)
    assert str(report.problem) == "No."


def test_fractions_are_sent_and_an_older_server_gets_whole_numbers() -> None:
    report = Report("x", total=1.0, unit="runs")
    request = sent(report, 0.0)
    assert request.body["total"] == 1
    report.answered(request, Answer(202, {"job_id": "j"}), 0.0)
    report.progress = 0.25
    request = sent(report, 1.0)
    assert request.body == {"progress": 0.25}
    report.answered(request, Answer(422, {"errors": [{"field": "progress", "message": "no"}]}), 1.0)
    assert report.left_out == {}
    report.progress = 1.5
    assert sent(report, 31.0).body == {"progress": 1}


def test_an_end_that_is_not_sure_yet_waits_for_a_better_one() -> None:
    report = begun()
    report.end_unless("failed", error="An exception.", sure_at=3.0, ask=lambda: None)
    assert report.next_request(2.9) is None
    report.end("failed", error="ValueError: no")
    assert sent(report, 2.9).body["error"] == "ValueError: no"
    for told in ("", "KeyError: 'x'"):
        asked = begun()
        asked.end_unless(
            "failed",
            error="An exception.",
            sure_at=3.0,
            ask=lambda asked=asked, told=told: told and asked.end("failed", error=told),
        )
        assert sent(asked, 3.0).body["error"] == (told or "An exception.")


def test_a_clock_that_jumped_while_the_machine_slept_is_a_reason_to_say_something() -> None:
    report = begun()
    report.unreachable("http://x", OSError("gone"), 1.0)
    assert sent(report, 50_000.0).body == {}


def test_a_server_that_never_answers_is_told_as_that() -> None:
    report = Report("x", total=None, unit="rows")
    report.unreachable("http://x", TimeoutError("timed out"), 0.0)
    assert "does not answer in time" in str(report.trouble)


def test_something_else_at_the_address_is_told_as_that() -> None:
    report = Report("x", total=None, unit="rows")
    report.answered(sent(report, 0.0), Answer(200, {}), 0.0)
    assert report.is_over
    assert "no Jindu server" in str(report.problem)


@pytest.mark.parametrize("total", [None, math.inf, math.nan])
def test_no_number_is_no_total(total: float | None) -> None:
    assert "total" not in sent(Report("x", total=total, unit="rows"), 0.0).body


def test_whatever_a_script_says_fits_what_the_server_takes() -> None:
    report = Report("t" * 400 + "\ud800", total=-3, unit="")
    report.stage, report.message = "s" * 100, "line\none " + "m" * 600
    report.detail = {str(number): object() for number in range(100)} | {"0": math.nan, "1": 2.5, "2": True, "3": None}
    report.progress = 1e300
    request = sent(report, 0.0)
    body = request.body
    assert (len(body["title"]), body["unit"], body["total"], len(body["stage"])) == (300, "steps", 0, 64)
    assert len(body["message"]) == 500
    assert body["message"].startswith("line one ")
    assert len(body["detail"]) == 50
    assert [body["detail"][name] for name in "0123"] == ["nan", 2.5, True, None]
    report.answered(request, Answer(202, {"job_id": "j"}), 0.0)
    assert sent(report, 1.0).body == {"progress": 2**53 - 1}


@pytest.mark.parametrize("value", ["汉" * 5_000, "\U0001f600" * 5_000, '"\\' * 5_000, "x" * 5_000])
def test_whatever_the_alphabet_details_and_results_stay_within_the_servers_bytes(value: str) -> None:
    many = {f"name {number} {value}": value for number in range(60)}
    assert len(msgspec.json.encode(fitting.detail(many))) <= limits.DETAIL_BYTES
    assert len(msgspec.json.encode(fitting.result(many))) <= limits.RESULT_BYTES
    eight = fitting.detail({str(number): value for number in range(8)})
    assert len(eight) == 8
    assert all(text.endswith("…") for text in eight.values())


def test_messages_that_another_one_follows_at_once_are_counted_and_none_is_counted_twice() -> None:
    report = begun()
    for number in range(100):
        report.message = f"{number} done"
    request = sent(report, 1.0)
    assert request.body == {"message": "99 done", "messages_left_out": 99}
    report.message = "said while that is under way"
    report.answered(request, Answer(200, {}), 1.1)
    assert sent(report, 1.2).body == {"message": "said while that is under way"}


def test_a_message_that_is_said_again_after_another_one_is_sent_again() -> None:
    report = begun()
    report.message = "waiting"
    report.answered(sent(report, 1.0), Answer(200, {}), 1.0)
    report.message = "working"
    report.message = "waiting"
    assert sent(report, 2.0).body == {"message": "waiting", "messages_left_out": 1}


def test_a_server_that_knows_nothing_of_gaps_still_gets_the_message() -> None:
    report = begun()
    report.message = "a"
    report.message = "b"
    request = sent(report, 1.0)
    problem = {"errors": [{"field": "messages_left_out", "message": "There is no such field."}]}
    report.answered(request, Answer(422, problem), 1.0)
    assert sent(report, 1.1).body == {"message": "b"}
    assert report.left_out == {}


def test_a_message_that_is_refused_is_not_asked_again_by_its_gap() -> None:
    report = begun()
    report.message = "a"
    report.message = "b"
    request = sent(report, 1.0)
    report.answered(request, Answer(422, {"errors": [{"field": "message", "message": "No."}]}), 1.0)
    assert report.next_request(1.1) is None


@pytest.mark.parametrize(
    ("total", "told"), [(Decimal("2.5"), 2.5), ("40", 40), (Fraction(1, 4), 0.25), (10**400, 2**53 - 1), (True, 1)]
)
def test_scripts_count_in_numbers_of_all_kinds(total: Any, told: float) -> None:
    assert sent(Report("x", total=total, unit="rows"), 0.0).body["total"] == told


def test_what_is_no_number_is_said_where_it_is_given() -> None:
    with pytest.raises(TypeError, match="this is none: 'many'"):
        Report("x", total="many", unit="rows")  # type: ignore[arg-type]


def test_an_end_waits_for_an_answer_that_may_yet_come_and_not_for_a_stranger() -> None:
    report = Report("x", total=None, unit="rows")
    request = sent(report, 0.0)
    report.end("succeeded")
    assert report.is_worth_waiting(10.0, 60.0)  # a busy server has the request
    report.unreachable("http://x", ConnectionRefusedError("refused"), 10.0)
    assert not report.is_worth_waiting(14.0, 60.0)
    report.somebody_is_there()  # another job of the script had an answer
    assert report.is_worth_waiting(14.0, 60.0)
    report.answered(request, Answer(202, {"job_id": "j"}), 15.0)
    assert report.is_worth_waiting(70.0, 60.0)
