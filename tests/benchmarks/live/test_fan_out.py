"""An event that all subscribed to, and ten at once, beside the floor and the peers; and everybody told. `make bench`.

All contestants are open at the same time and take turns, so that a busy machine is equally unkind to each.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.live import contestants, tables
from tests.benchmarks.live.contestants import FASTAPI, FLOOR, OURS, Contestant, Peers

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1200)]
_REPEATS = 3
_SIZE_BYTES = 200
_MEASURE_SECONDS = 2.0  # each contestant's rounds are as many as fit into about that
_PING_EVERY_US = 10_000
_PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def field(programs: Path, peers: Peers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Contestant]]:
    started = [contestants.floor(programs), contestants.ours(programs, tmp_path_factory.mktemp("data"), event="bench")]
    started += [start() for start in peers.starts.values()]
    yield started
    for contestant in started:
        contestant.stop()


def measure(contestant: Contestant, rounds: int, *, at_once: int = 1) -> None:
    """Adds to its figures."""
    deliveries = rounds * at_once * contestant.connections
    contestant.load.ask("ping", _PING_EVERY_US)
    contestant.load.ask("reset")
    contestant.load.send("wait", deliveries, _PATIENCE_SECONDS)
    if at_once == 1:
        server = contestant.server.ask("broadcast", rounds, _SIZE_BYTES)
    else:
        server = contestant.server.ask("coalesced", rounds, _SIZE_BYTES, at_once)
    client = contestant.load.answer()
    contestant.load.ask("ping", 0)
    if client["messages"] != deliveries:
        assert contestant.name not in (OURS, FLOOR), (contestant.name, client)
        print(
            f"\n{contestant.name}: only {client['messages']:,} of {deliveries:,} arrived within {_PATIENCE_SECONDS} s"
        )
    for name, figure in {
        "rate": deliveries / (client["last"] - server["began"]),
        "cpu": server["cpu"] / deliveries * 1e6,
        "ping": client["ping_p99_ms"],
        "client": client["cpu_share"],
        "lag": server.get("lag", {}).get("max_ms", 0.0),
    }.items():
        contestant.figures.setdefault(name, []).append(figure)


def measure_in_turns(field: list[Contestant], *, at_once: int = 1) -> dict[str, dict[str, float]]:
    """The medians of each contestant's figures, and the worst of some."""
    rounds: dict[str, int] = {}
    for contestant in field:
        measure(contestant, 3, at_once=at_once)  # warms up, too
        deliveries = contestant.figures["rate"][-1] * _MEASURE_SECONDS
        rounds[contestant.name] = min(500, max(3, int(deliveries / contestant.connections / at_once)))
        contestant.figures.clear()
    for _ in range(_REPEATS):
        for contestant in field:
            measure(contestant, rounds[contestant.name], at_once=at_once)
    found = {c.name: {name: statistics.median(values) for name, values in c.figures.items()} for c in field}
    for contestant in field:
        for name in ("ping", "lag"):
            found[contestant.name][f"worst {name}"] = max(contestant.figures[name])
    for contestant in field:
        contestant.figures.clear()
    return found


def show(title: str, found: dict[str, dict[str, float]]) -> None:
    floor = found[FLOOR]
    rows = [
        (
            name,
            f"{figures['rate']:,.0f}",
            f"{figures['rate'] / floor['rate']:.2f}",
            f"{figures['cpu']:.1f}",
            f"{floor['cpu'] / figures['cpu']:.2f}",
            f"{figures['ping']:.1f} ({figures['worst ping']:.1f})",
            f"{figures['client']:.0%}",
        )
        for name, figures in sorted(found.items(), key=lambda item: -item[1]["rate"])
    ]
    header = (
        "",
        "deliveries/s",
        "of the floor",
        "µs CPU each",
        "of the floor by CPU",
        "ping p99 ms (worst)",
        "client's core",
    )
    tables.show(title, header, rows)


def test_one_message_to_a_thousand(field: list[Contestant]) -> None:
    compare(field, connections=1_000)


def test_ten_messages_that_wait(field: list[Contestant]) -> None:
    at_once = 10
    for contestant in field:
        contestant.open(1_000)
    found = measure_in_turns(field, at_once=at_once)
    show(f"{at_once} messages waiting for each of 1,000 connections (the floor: joined), median of {_REPEATS}", found)
    rate = found[OURS]["rate"]
    tables.target(f"400,000 deliveries/s: {rate:,.0f}", is_met=rate >= 400_000)


def test_one_message_to_ten_thousand(field: list[Contestant]) -> None:
    compare(field, connections=10_000)


def test_everybody_is_told(programs: Path, tmp_path: Path) -> None:
    """An administrator's message, kept for each user and sent to all who are here."""
    people, connections, rounds = 10_000, 10_000, 5
    jindu = contestants.ours(programs, tmp_path / "data", f"people={people}")
    jindu.open(connections)
    rows: list[tuple[str, ...]] = []
    pings, lags = [], []
    for _ in range(rounds):
        jindu.load.ask("ping", _PING_EVERY_US)
        jindu.load.ask("reset")
        jindu.load.send("wait", connections, _PATIENCE_SECONDS)
        server = jindu.server.ask("everybody", 1)
        client = jindu.load.answer()
        jindu.load.ask("ping", 0)
        assert (client["messages"], server["people"]) == (connections, people)
        pings.append(client["ping_p99_ms"])
        lags.append(server["lag"]["max_ms"])
        seconds = client["last"] - server["began"]
        rows.append((f"{seconds:.2f}", f"{server['cpu']:.2f}", f"{lags[-1]:.1f}", f"{pings[-1]:.1f}"))
    jindu.stop()
    title = f"everybody is told: {people:,} users, {connections:,} connections, each round"
    tables.show(title, ("s until the last has it", "s of CPU", "longest lag of the loop, ms", "ping p99, ms"), rows)
    tables.target(f"the loop is never held over 20 ms: {max(lags)}", is_met=max(lags) <= 20)
    tables.target(f"ping p99 within 10 ms in every round: {max(pings):.1f}", is_met=max(pings) <= 10)


def compare(field: list[Contestant], *, connections: int) -> None:
    for contestant in field:
        contestant.open(connections)
    found = measure_in_turns(field)
    show(f"one {_SIZE_BYTES}-byte message to {connections:,} connections, median of {_REPEATS}", found)
    ours, floor = found[OURS], found[FLOOR]
    reached = ours["rate"] / floor["rate"]
    by_cpu = floor["cpu"] / ours["cpu"]
    tables.target(
        f"the floor to {connections:,}: {reached:.2f} of it ({by_cpu:.2f} by processor time)", is_met=reached >= 1.0
    )
    if FASTAPI in found:
        times = ours["rate"] / found[FASTAPI]["rate"]
        tables.target(f"1.8 times FastAPI: {times:.1f}", is_met=times >= 1.8)
    ping, lag = ours["worst ping"], ours["worst lag"]
    tables.target(f"ping p99 within 10 ms meanwhile, in every run: {ping:.1f}", is_met=ping <= 10)
    tables.target(f"the loop is never held over 20 ms: {lag}", is_met=lag <= 20)
