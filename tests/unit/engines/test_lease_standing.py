"""Those who wait in lines of several nodes know their place, whose work comes first, and about how long it takes."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from server.clock import utc_now
from server.engines.lease_rows import LIGHT, InLine, Lines
from server.engines.lease_standing import Standings
from server.jobs.job import Job, State
from server.jobs.waiting import WaitingFor


def row(job_id: str, owner: str = "alice", *, lane: str = "long", seconds: float = 0.0) -> InLine:
    job = Job(id=job_id, kind="work", owner_id=owner, title="t", unit="rows", created_at=utc_now())
    return InLine(job=job, lane=lane, seconds=seconds)


def lines(running: list[InLine], waiting: list[InLine], had_turns: tuple[str, ...] = ()) -> Lines:
    return Lines(running=running, waiting=waiting, waiting_in_all=len(waiting), had_turns={"long": had_turns})


def nobody(_job_id: str) -> Job | None:
    return None


def test_the_first_place_is_of_whoever_has_the_fewest_running() -> None:
    standings = Standings(places={"long": 1}, per_owner=1)
    standings.update(lines([row("a"), row("b")], [row("c"), row("d"), row("e", "bob")]), left=nobody)
    assert {job_id: waiting.place for job_id, waiting in standings.waiting.items()} == {"e": 1, "c": 2, "d": 3}
    assert standings.count == 3


def test_of_those_with_as_many_running_whoever_had_a_turn_longer_ago_is_first() -> None:
    standings = Standings(places={"long": 1}, per_owner=1)
    standings.update(lines([], [row("a", "alice"), row("b", "bob")], ("bob", "alice")), left=nobody)
    assert {job_id: waiting.place for job_id, waiting in standings.waiting.items()} == {"b": 1, "a": 2}


def test_who_waits_for_nobody_else_is_told_so() -> None:
    standings = Standings(places={"long": 1}, per_owner=1)
    standings.update(lines([row("a")], [row("b"), row("c", "bob")]), left=nobody)
    assert (standings.waiting["b"].is_own, standings.waiting["c"].is_own) == (True, False)


def test_a_pause_is_no_place_and_light_jobs_wait_in_no_line() -> None:
    standings = Standings(places={"long": 1}, per_owner=1)
    standings.update(lines([], [row("a", seconds=9.0), row("b", lane=LIGHT)]), left=nobody)
    assert list(standings.waiting) == ["a"]
    assert (standings.waiting["a"].reason, standings.waiting["a"].seconds) == (WaitingFor.AGAIN, 9.0)


def test_a_kind_that_nobody_runs_and_a_store_that_is_away_are_no_place_in_line() -> None:
    standings = Standings(places={"long": 1}, per_owner=1)
    waits = row("c")
    held_up = replace(waits, job=msgspec.structs.replace(waits.job, stage="files_away"))
    waiting = [row("a"), row("b", lane=LIGHT), held_up]
    standings.update(replace(lines([], waiting), kinds_run=frozenset({"other"})), left=nobody)
    assert {job_id: (each.reason, each.place) for job_id, each in standings.waiting.items()} == {
        "a": (WaitingFor.NOBODY, None), "b": (WaitingFor.NOBODY, None), "c": (WaitingFor.FILES, None),
    }  # fmt: skip
    standings.update(replace(lines([], waiting[:1]), kinds_run=frozenset({"work"})), left=nobody)
    assert (standings.waiting["a"].reason, standings.waiting["a"].place) == (WaitingFor.TURN, 1)


def test_how_long_it_takes_is_learnt_from_what_ran_and_said_by_what_runs_here() -> None:
    standings = Standings(places={"long": 1}, per_owner=1)
    standings.update(lines([row("a", seconds=10.0)], [row("b", "bob")]), left=nobody)
    assert standings.waiting["b"].seconds is None
    standings.update(lines([row("c", seconds=4.0)], [row("b", "bob")]), left=nobody)
    assert standings.waiting["b"].seconds == pytest.approx(6.0, abs=0.1)

    def says(job_id: str) -> Job | None:
        job = row(job_id).job.evolve(state=State.RUNNING, progress=1, total=10, rate=3.0)
        return job if job_id == "c" else None

    standings.update(lines([row("c", seconds=5.0)], [row("b", "bob")]), left=says)
    assert standings.waiting["b"].seconds == 3.0
