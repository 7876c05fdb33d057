"""Passwords: which are refused, and that hashes are checked off the loop, renewed, and cost the same for nobody."""

from __future__ import annotations

import asyncio
import time

import argon2
import pytest

from server.auth.passwords import Passwords, password_problems

QUICK = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "at least 10"),
        ("x" * 257, "at most 256"),
        ("alice-alice", "differ from the user name"),
        ("ALICE-ALICE", "differ from the user name"),
        ("password12", "Too many people"),
        ("Qwertyuiop", "Too many people"),
        ("aaaaaaaaaaaa", "Too many people"),
        ("NUL \x00 inside it", "cannot be stored"),
        ("a surrogate \ud800", "cannot be stored"),
    ],
)
def test_a_bad_password_is_refused_with_the_reason(password: str, reason: str) -> None:
    (problem,) = password_problems(password, user_name="alice-alice")
    assert reason in problem.text


@pytest.mark.parametrize("password", ["correct-horse-alice", "一二三四五六七八九十", "spaces are fine"])
def test_a_good_password_may_be_used(password: str) -> None:
    assert password_problems(password, user_name="alice") == []


async def test_only_the_right_password_opens() -> None:
    passwords = Passwords(QUICK)
    password_hash = await passwords.hash("correct-horse")
    assert (await passwords.check(password_hash, "correct-horse")).is_right
    for wrong in ("correct-hors", "", "\ud800", "x" * 1_000_000):
        assert not (await passwords.check(password_hash, wrong)).is_right


async def test_the_same_characters_written_differently_open_too() -> None:
    passwords = Passwords(QUICK)
    password_hash = await passwords.hash("caf\u00e9-caf\u00e9-123")
    assert (await passwords.check(password_hash, "cafe\u0301-cafe\u0301-123")).is_right


async def test_a_hash_with_older_parameters_is_renewed() -> None:
    old = await Passwords(QUICK).hash("correct-horse")
    newer = Passwords(argon2.PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    verdict = await newer.check(old, "correct-horse")
    assert verdict.new_hash is not None
    assert await newer.check(verdict.new_hash, "correct-horse") == type(verdict)(is_right=True)


async def test_nobody_takes_as_long_as_somebody() -> None:
    passwords = Passwords()
    password_hash = await passwords.hash("correct-horse")

    async def fastest(stored: str | None) -> float:
        times = []
        for _ in range(4):
            began = time.process_time()  # what else this machine does must not count
            assert not (await passwords.check(stored, "wrong")).is_right
            times.append(time.process_time() - began)
        return min(times)

    assert await fastest(None) > await fastest(password_hash) / 3


async def test_the_event_loop_goes_on_while_passwords_are_hashed() -> None:
    hashing = asyncio.create_task(Passwords().hash("correct-horse"))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10
