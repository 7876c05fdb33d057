"""The bar as tqdm's users know it, with nothing reported: no token is set."""

from __future__ import annotations

import io
import re

import pytest

from jindu import tqdm, trange
from jindu.plain_bar import PlainBar
from jindu.terminal import TerminalLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JINDU_TOKEN", raising=False)


def test_it_goes_through_an_iterable_and_counts() -> None:
    bar = tqdm([1, 2, 3], desc="Numbers", unit="numbers")
    assert (len(bar), bar.total, bar.n) == (3, 3, 0)
    assert list(bar) == [1, 2, 3]
    assert bar.n == 3
    assert list(trange(2, 5)) == [2, 3, 4]
    assert list(tqdm(iter([1]))) == [1]
    assert list(tqdm([], disable=True)) == []


def test_it_counts_by_hand_and_takes_what_tqdm_takes() -> None:
    with tqdm(total=10, desc="x", unit="B", unit_scale=True, dynamic_ncols=True, colour="red", position=1) as bar:
        bar.update(3)
        bar.update()
        bar.n = 6
        bar.refresh()
        bar.total = 12
        bar.set_description("y: ")
        bar.set_postfix({"loss": 0.123456}, lr=1)
        bar.set_postfix_str("words")
        tqdm.write("", end="")
        assert (bar.n, bar.total, bar.desc, bool(bar)) == (6, 12, "y", True)
    bar.close()


def test_a_terminal_shows_the_bar_and_keeps_its_last_state() -> None:
    terminal = Terminal()
    with tqdm(total=4, desc="Rows", unit="rows", file=terminal, mininterval=0, postfix={"bad": 1}) as bar:
        bar.update(2)
    drawn = terminal.getvalue()
    assert re.search(r"\rRows:  50%\|█{12} {12}\| 2/4 \[00:00", drawn)
    assert "bad=1" in drawn
    assert drawn.endswith("\n")


def test_a_bar_that_does_not_stay_is_wiped_away() -> None:
    terminal = Terminal()
    list(tqdm(range(3), leave=False, file=terminal, mininterval=0))
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_a_log_gets_a_line_now_and_then_and_the_last_one_once() -> None:
    log = io.StringIO()
    line = TerminalLine(log, every_seconds=0, log_every_seconds=0)
    for done in (1, 2):
        line.draw("Rows", done, 2, "rows", "")
    line.draw("Rows", 2, 2, "rows", "", now=True)
    line.end(keep=True)
    assert [text[:10] for text in log.getvalue().splitlines()] == ["Rows:  50%", "Rows: 100%"]


def test_a_log_of_a_quick_loop_has_its_last_line_alone() -> None:
    log = io.StringIO()
    list(PlainBar(range(3), desc="Rows", file=log))
    assert re.fullmatch(r"Rows: 100%\|█{24}\| 3/3 \[00:00, .* it/s\]\n", log.getvalue())
    quiet = io.StringIO()
    list(PlainBar(range(3), file=quiet, leave=False))
    assert quiet.getvalue() == ""


def test_a_bar_without_an_iterable_cannot_be_gone_through() -> None:
    with pytest.raises(TypeError, match="nothing to go through"):
        list(tqdm(total=3))


def test_reset_begins_anew() -> None:
    with tqdm(total=3) as bar:
        bar.update(3)
        bar.reset(total=5)
        assert (bar.n, bar.total) == (0, 5)
