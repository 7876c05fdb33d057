"""Tables written as people's files have them: other dialects, wrong quotes, titles, notes, other tables around them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

DELIMITERS = (",", ";", "\t", "|", "||", ", ", "，")
_WORDS = (
    "north", "Süd", "北京", "tea", "green tea", "O'Brien", "Kessler, Hans", "a;b", "x|y", 'the "best"', "Zürich",
    "two\nlines", "10% off", "No", "café", "B-12", "上海 浦东",
)  # fmt: skip


@dataclass(slots=True)
class Polluted:
    """`names` and `rows` are what is right; `lost` are first cells of rows that may be rejected, for they were broken.

    `lines` are the file's records as written, the header at `header`.
    """

    delimiter: str
    names: list[str]
    rows: list[list[str]]
    lines: list[str]
    kinds: list[str] = field(default_factory=list)
    header: int = 0
    lost: set[str] = field(default_factory=set)
    end: str = "\n"
    has_last_end: bool = True

    @property
    def text(self) -> str:
        return self.end.join(self.lines) + (self.end if self.has_last_end else "")

    @property
    def width(self) -> int:
        return len(self.names)

    def written(self, cells: Sequence[str]) -> str:
        return self.delimiter.join(quoted(cell, self.delimiter) for cell in cells)


def quoted(cell: str, delimiter: str) -> str:
    needs = any(mark in cell for mark in (delimiter, delimiter.strip() or delimiter, '"', "\n", "\r"))
    return '"' + cell.replace('"', '""') + '"' if needs else cell


def clean(chance: random.Random) -> Polluted:
    """A table of two columns and more, whose first one names its rows; it may be all of text, and very small."""
    is_text = chance.random() < 0.25
    kinds = [
        "text" if is_text else chance.choice(("text", "integer", "decimal", "date"))
        for _ in range(chance.randint(1, 6))
    ]
    key = chance.choice(("{}", "A{}", "person {}", "客户{}") if not is_text else ("A{}", "person {}", "客户{}"))
    names = ["id", *(f"{kind} {place}" for place, kind in enumerate(kinds))]
    count = chance.choice((2, 3, 5, 8, 15, 40))
    rows = [[key.format(number), *(_cell(chance, kind) for kind in kinds)] for number in range(1, count + 1)]
    made = Polluted(delimiter=chance.choice(DELIMITERS[:4]), names=names, rows=rows, lines=[])
    made.lines = [made.written(cells) for cells in (names, *rows)]
    return made


def _cell(chance: random.Random, kind: str) -> str:
    if chance.random() < 0.05:
        return ""
    if kind == "integer":
        return str(chance.randint(-50, 90_000))
    if kind == "decimal":
        return f"{chance.uniform(-100, 9_000):.2f}"
    if kind == "date":
        return (date(2026, 1, 1) + timedelta(days=chance.randint(0, 300))).isoformat()
    return chance.choice(_WORDS)


# Pollutions: each changes the lines of a clean table, and what may be lost of it.


def other_delimiter(made: Polluted, chance: random.Random) -> None:
    made.delimiter = chance.choice(DELIMITERS[4:])
    made.lines = [made.written(cells) for cells in (made.names, *made.rows)]


def all_quoted(made: Polluted, _chance: random.Random) -> None:
    made.lines = [
        made.delimiter.join('"' + cell.replace('"', '""') + '"' for cell in cells) for cells in (made.names, *made.rows)
    ]


def blanks_around_quotes(made: Polluted, _chance: random.Random) -> None:
    between = f"{made.delimiter} " if made.delimiter != "\t" else "\t"
    made.lines = [between.join(quoted(cell, made.delimiter) for cell in cells) for cells in (made.names, *made.rows)]


def apostrophes(made: Polluted, _chance: random.Random) -> None:
    made.lines = [
        made.delimiter.join("'" + cell.replace("'", "''") + "'" for cell in cells) for cells in (made.names, *made.rows)
    ]


def backslashes(made: Polluted, _chance: random.Random) -> None:
    def written(cell: str) -> str:
        is_plain = quoted(cell, made.delimiter) == cell
        return cell if is_plain else '"' + cell.replace('"', '\\"') + '"'

    made.lines = [made.delimiter.join(map(written, cells)) for cells in (made.names, *made.rows)]


def stray_quote(made: Polluted, chance: random.Random) -> None:
    row = chance.randrange(len(made.rows))
    cells = [made.rows[row][0], '"a "bad" cell"', *[quoted(c, made.delimiter) for c in made.rows[row][2:]]]
    made.lines[row + 1] = made.delimiter.join(cells)
    made.lost.add(made.rows[row][0])


def unclosed_quote(made: Polluted, chance: random.Random) -> None:
    row = chance.randrange(len(made.rows))
    cells = [quoted(c, made.delimiter) for c in made.rows[row]]
    cells[1] = '"open'
    made.lines[row + 1] = made.delimiter.join(cells)
    made.lost.add(made.rows[row][0])


def short_row(made: Polluted, chance: random.Random) -> None:
    row = chance.randrange(len(made.rows))
    made.lines[row + 1] = made.written(made.rows[row][: chance.randint(1, made.width - 1)])
    made.lost.add(made.rows[row][0])


def long_row(made: Polluted, chance: random.Random) -> None:
    row = chance.randrange(len(made.rows))
    made.lines[row + 1] += f"{made.delimiter}one{made.delimiter}more"
    made.lost.add(made.rows[row][0])


def trailing_delimiters(made: Polluted, _chance: random.Random) -> None:
    made.lines = [line + made.delimiter for line in made.lines]


def trailing_delimiter_of_header(made: Polluted, _chance: random.Random) -> None:
    made.lines[0] += made.delimiter


def blank_lines(made: Polluted, chance: random.Random) -> None:
    for _ in range(3):
        made.lines.insert(chance.randint(1, len(made.lines)), chance.choice(("", "  ")))


def lines_of_delimiters(made: Polluted, chance: random.Random) -> None:
    for _ in range(3):
        made.lines.insert(chance.randint(1, len(made.lines)), made.delimiter * (made.width - 1))


def header_again(made: Polluted, chance: random.Random) -> None:
    made.lines.insert(chance.randint(2, len(made.lines)), made.lines[0])


def header_of_two_lines(made: Polluted, _chance: random.Random) -> None:
    years = ["", *("2025" if place == 1 else "" for place in range(1, made.width))]
    made.lines.insert(0, made.written(years))
    made.names = [made.names[0], *(f"2025 {name}" for name in made.names[1:])]
    made.header = 1


def header_of_numbers(made: Polluted, _chance: random.Random) -> None:
    made.names = ["id", *(str(2020 + place) for place in range(1, made.width))]
    made.lines[0] = made.written(made.names)


def header_with_gaps(made: Polluted, chance: random.Random) -> None:
    place = chance.randrange(1, made.width)
    made.lines[0] = made.written([*made.names[:place], "", *made.names[place + 1 :]])
    made.names[place] = f"column_{place + 1}"


def stray_quote_in_header(made: Polluted, _chance: random.Random) -> None:
    made.lines[0] = made.delimiter.join([f'"i"d"', *made.names[1:]])  # noqa: F541
    made.names[0] = 'i"d'


def titles(made: Polluted, chance: random.Random) -> None:
    above = ["Sales report of the year", "printed on 1 March", "Umsatz je Gebiet", "销售报表 2026"]
    count = chance.randint(1, 3)
    made.lines[:0] = [*above[:count], *[""] * chance.randint(0, 1)]


def padded_title(made: Polluted, _chance: random.Random) -> None:
    made.lines.insert(0, "Sales report" + made.delimiter * (made.width - 1))


def comments(made: Polluted, chance: random.Random) -> None:
    made.lines[:0] = ["# made by a program, version 2", "# do not edit"][: chance.randint(1, 2)]


def facts_above(made: Polluted, _chance: random.Random) -> None:
    made.lines[:0] = [made.written(["Customer", "ACME"]), made.written(["Period", "2026"]), ""]


def notes_below(made: Polluted, chance: random.Random) -> None:
    made.lines += ["", "Source: our own figures", "* without tax"][: chance.randint(1, 3)]


def total_below(made: Polluted, _chance: random.Random) -> None:
    made.lines.append(made.delimiter * (made.width - 1))
    made.lines.append("Total rows: " + str(len(made.rows)))


def table_below(made: Polluted, chance: random.Random) -> None:
    other = [["key", "value"], *([f"k{n}", str(n)] for n in range(chance.randint(2, 6)))]
    made.lines += [*[""] * chance.randint(0, 2), *map(made.written, other)]


def table_above(made: Polluted, chance: random.Random) -> None:
    other = [["key", "value"], *([f"k{n}", str(n)] for n in range(chance.randint(2, 5)))]
    made.lines[:0] = [*map(made.written, other), ""]


def table_beside(made: Polluted, _chance: random.Random) -> None:
    """Two tables side by side are one wide one, with an empty column between."""
    gap = made.width
    made.lines = [
        f"{line}{made.delimiter}{made.delimiter}{'rate' if number == 0 else number / 10}"
        for number, line in enumerate(made.lines)
    ]
    made.names += [f"column_{gap + 1}", "rate"]
    made.rows = [[*row, "", str((number + 1) / 10)] for number, row in enumerate(made.rows)]


def other_line_ends(made: Polluted, chance: random.Random) -> None:
    made.end = chance.choice(("\r\n", "\r"))


def no_last_line_end(made: Polluted, _chance: random.Random) -> None:
    made.has_last_end = False


POLLUTIONS: tuple[Callable[[Polluted, random.Random], None], ...] = (
    other_delimiter, all_quoted, blanks_around_quotes, apostrophes, backslashes, stray_quote, unclosed_quote, short_row,
    long_row, trailing_delimiters, trailing_delimiter_of_header, blank_lines, lines_of_delimiters, header_again,
    header_of_two_lines, header_of_numbers, header_with_gaps, stray_quote_in_header, titles, padded_title, comments,
    facts_above, notes_below, total_below, table_below, table_above, table_beside, other_line_ends, no_last_line_end,
)  # fmt: skip
# They write all lines anew, and so come first and alone.
REWRITING = POLLUTIONS[:5]
_AROUND = (titles, padded_title, comments, facts_above, notes_below, total_below, table_below, table_above)


def polluted(
    chance: random.Random, pollutions: Sequence[Callable[[Polluted, random.Random], None]] | None = None
) -> Polluted:
    """A table with these pollutions, or with one to three that go together."""
    made = clean(chance)
    if pollutions is None:
        inner = chance.choice((*POLLUTIONS[5:18], other_line_ends, no_last_line_end))
        pollutions = [chance.choice(REWRITING)] if chance.random() < 0.3 else [inner]
        if chance.random() < 0.5:
            pollutions = [*pollutions, chance.choice(_AROUND)]
    for pollute in pollutions:
        pollute(made, chance)
        made.kinds.append(pollute.__name__)
    return made
