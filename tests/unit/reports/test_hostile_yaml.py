"""Whatever somebody sends as a template is read or refused with a place, soon and shortly."""

from __future__ import annotations

import random
import re
from pathlib import Path

import msgspec
import pytest

from server.errors import MOST_ERRORS, FieldError, TemplateProblem
from server.reports.checking import summary_of
from server.reports.template import parse_template
from server.reports.yaml_source import read_yaml

_SAMPLE = (Path(__file__).parents[3] / "examples/templates/monthly-sales.yaml").read_text("utf-8")
_END = "\nblocks:\n  - heading: x\n"
_LAUGHS = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))

_PIECES = (
    "", "\t", "\n", "  ", ": ", "- ", "{", "}", "[", "|", ">", "&a ", "*a", "!!int ", "'", '"', "{{", "}}", "{%",
    "\x00", "9" * 30, "\\", "#", ",", "%", "@", "? ", "---\n", "…", "😀",
)  # fmt: skip

# The value of `title:` unless there is a line end in it.
VALUES = (
    "0b" + "1" * 200_000, "0x" + "f" * 200_000, "0o" + "7" * 200_000, "9" * 5_000, "-" + "9" * 200_000, "017", "1_000",
    "1e999999", "-1e999999", "1e-999999", ".inf", "-.inf", ".nan", "1:30:00", "190:20:30.15", "2026-99-99",
    "2026-10-31T99:99:99Z", "0001-01-01", "=", "<<", "~", "!!int abc", "!!float x", "!!bool maybe", "!!null x",
    "!!timestamp 2026-99-99", "!!binary abc", "!!set {a, b}", "!!omap [a: 1]", "!!pairs [a: 1]", "!!merge x",
    "!!python/object:os.system x", "!!python/object/apply:os.system ['true']", "!!python/name:os.system", "!local x",
    "!<tag:yaml.org,2002:int> 5", "!<" + "x" * 1_000 + "> y", "! x", "&a x", "*a", "&a [*a]", "&a {b: *a}",
    "'" + "x" * 250_000 + "'", "\"\\ud800\"", "\"\\x00\"", "\"\\U0011FFFF\"", "\"\\q\"", "\"unclosed", "'unclosed",
    "[", "{", "]", "}", "[a, b", "{a: b", "[" * 39 + "]" * 39, "[" * 50_000, "{a: " * 50_000, "- " * 50_000,
    "? " * 50_000, "a: " * 50_000, "[" + "a," * 100_000 + "]", "{" + ",".join(f"k{n}" for n in range(30_000)) + "}",
    "|\n  x", ">\n  x", "|9\n  x", "|99\n x", "|+-\n x", ">" * 1_000, "@x", "`x", "%x", "x: y: z", "\tx", "x\n\ty: 1",
    "\n- a\nb: c", "\n  a: 1\n b: 2", "\n? a\n: b", "\n? [a]\n: b", "\n? {a: b}\n: c", "\n{a: b}: c", "\n[a]: b",
    "\n<<: {a: 1}", "\n<<: [1]", "\n<<: x", "\n1: a", "\n1.5: a", "\n~: a", "\ntrue: a", "\n2026-01-01: a",
    "\n" + _LAUGHS, "\n" + "".join(f"  k{n}: 1\n" for n in range(9_000)), "\n" + "  a: 1\n" * 9_000,
    "x\n---\ntitle: y", "x\n...\ntitle: y", "x\n--- |\n", "\ufeffx", "\u2028x", "\x85x", "x\x00", "x\x07", "\ud800",
    "\u202ex", "#" * 200_000, " " * 200_000, "\n" * 200_000, "x\r\ny: 1", "x\ry: 1",
)  # fmt: skip
WHOLE = (
    "", " ", "\n", "\t", "\x00", "\ufeff", "---", "...", "--- ---", "%YAML 9.9\n---\na: 1", "%YAML 1.1\n---\na: 1",
    "%YAML x\n---\na: 1", "%TAG ! tag:x,2026:\n---\na: !x 1", "%FOO\n---\na: 1", "%" * 10_000, "- a", "5", "~", "'x'",
    "? a", ": a", "a", "[]", "{}", "{title: }", "title:\n  - a", "!!set {a}", "&a {title: *a}", "\ud800: 1",
    "a: 1\na: 2\n" * 3_000, "x" * 250_000, "x" * 300_000, "é" * 131_073,
)  # fmt: skip


def _errors_of(source: str) -> tuple[FieldError, ...]:
    """None when it can be read."""
    try:
        parse_template(source)
    except TemplateProblem as problem:
        return problem.errors
    return ()


@pytest.mark.parametrize("source", [f"title: {value}{_END}" for value in VALUES] + list(WHOLE), ids=lambda s: s[:30])
def test_hostile_yaml_is_read_or_refused_with_a_place(source: str) -> None:
    errors = _errors_of(source)
    assert len(errors) <= MOST_ERRORS
    assert all(re.fullmatch(r"\d+:\d+", error.field) or not error.field for error in errors)
    assert sum(len(error.text) for error in errors) < 100_000
    msgspec.json.encode(summary_of(source))


@pytest.mark.parametrize("kind", ["integer", "decimal", "text", "choice", "date", "month", "boolean"])
def test_hostile_values_of_parameters_are_issues(kind: str) -> None:
    values = ("9" * 400, "-" + "9" * 4_000, "0x" + "f" * 500, "1e308", "1e999", ".inf", ".nan", "[1]", "{a: 1}", "''")
    for value in values:
        for key in ("default", "min", "max", "options", "each", "label", "required"):
            source = f"title: x\nparameters:\n  p: {{type: {kind}, {key}: {value}, options: [1]}}{_END}"
            _errors_of(source)
            msgspec.json.encode(summary_of(source))


def test_thousands_of_faults_are_told_in_fifty_lines() -> None:
    faults = "".join(f"  - unknown_{number}: x\n" for number in range(6_000))
    with pytest.raises(TemplateProblem) as caught:
        parse_template(f"title: x\nblocks:\n{faults}")
    assert len(caught.value.errors) == MOST_ERRORS
    keys = "".join(f"parameter_{number}: x\n" for number in range(6_000))
    with pytest.raises(TemplateProblem) as caught:
        parse_template(f"title: x\n{keys}blocks:\n  - heading: x\n")
    assert len(caught.value.errors) == MOST_ERRORS
    assert caught.value.errors[-1].text == f"There are {6_000 - MOST_ERRORS + 1} more errors; mend these first."


def test_a_template_that_was_cut_or_mixed_up_is_read_or_refused() -> None:
    chance = random.Random(7)
    for _ in range(100):
        text = _SAMPLE
        for _ in range(chance.randint(1, 6)):
            place, length = chance.randrange(len(text)), chance.randint(0, 12)
            piece = chance.choice(_PIECES)
            text = text[:place] + piece + text[place + length :]
        _errors_of(text)


def test_numbers_that_nothing_could_hold_stay_texts() -> None:
    root = read_yaml("a: 9223372036854775807\nb: 9223372036854775808\nc: 1e400\nd: 0.4\ne: -5\nf: .inf")
    values = {key.value: value.value for key, value in root.value}
    expected = {"a": 2**63 - 1, "b": "9223372036854775808", "c": "1e400", "d": 0.4, "e": -5, "f": ".inf"}
    assert values == expected
