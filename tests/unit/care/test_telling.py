"""Whoever looks on is told how far a long step is, not each piece of it."""

from __future__ import annotations

from server.care.telling import FarTelling


def test_it_is_told_every_few_seconds_and_without_anything_to_do_as_well() -> None:
    said: list[str] = []
    now = [0.0]
    telling = FarTelling(said.append, "copied", 2_000, clock=lambda: now[0])
    for second in range(1, 13):
        now[0] = float(second)
        telling.add(100)
    assert said == ["copied: 25 % of 2,000 bytes", "copied: 50 % of 2,000 bytes"]
    empty = FarTelling(said.append, "copied", 0, clock=lambda: now[0])
    now[0] += 9
    empty.add(0)
    assert said[-1] == "copied: 0 % of 0 bytes"
