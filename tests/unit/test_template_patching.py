"""The form view changes what it was asked to change in a template's text, and not one byte elsewhere.

Node runs the scripts of the page; what the new text says is read by the server's own reader of YAML.
"""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.reports.yaml_source import YamlNode, read_yaml

SCRIPT = Path(__file__).parents[1] / "clients" / "patching.mjs"
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
LEAD = re.compile(r"#\w+#")  # drawn comments look like this, each another

STARTED = """\
# Lines with # say why.
title: 'Sales'   # as on the page
blocks:
  # the figures
  - kpis:
      - {label: Revenue, value: totals.revenue}   # money first

  - table:
      query: top
      columns: [product, {name: revenue, total: sum}]
  - text: >
      Two lines
      folded.   # no comment
  - page_break
"""


class Scripts:
    """The page's scripts in a process of their own."""

    def __init__(self) -> None:
        self._node = subprocess.Popen(["node", str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def answer(self, text: str, operation: str, *values: Any) -> dict[str, Any]:
        assert self._node.stdin
        assert self._node.stdout
        self._node.stdin.write(json.dumps({"text": text, "operation": operation, "values": values}) + "\n")
        self._node.stdin.flush()
        answer: dict[str, Any] = json.loads(self._node.stdout.readline())
        assert "error" not in answer, answer
        return answer

    def close(self) -> None:
        self._node.communicate(timeout=30)


@pytest.fixture(scope="module")
def scripts() -> Iterator[Scripts]:
    assert shutil.which("node"), "make clients"
    scripts = Scripts()
    yield scripts
    scripts.close()


@pytest.mark.parametrize(
    ("operation", "values", "before", "after"),
    [
        ("setValue", [["title"], "Sales: all"], "'Sales'   #", "'Sales: all'   #"),
        ("setValue", [["title"], "It's"], "'Sales'   #", "'It''s'   #"),
        ("setValue", [["blocks", 1, "table", "columns", 1, "total"], "average"], "total: sum", "total: average"),
        ("setValue", [["blocks", 1, "table", "columns", 1, "bar"], True], "total: sum}", "total: sum, bar: true}"),
        ("setValue", [["blocks", 1, "table", "columns", 0], {"name": "product"}], "[product,", "[{name: product},"),
        ("setValue", [["blocks", 1, "table", "title"], "Top"], "sum}]\n", "sum}]\n      title: Top\n"),
        (
            "setValue",
            [["blocks", 2, "text"], "One\nmore"],
            ">\n      Two lines\n      folded.   # no comment",
            "|\n      One\n      more",
        ),
        (
            "setValue",
            [["queries", "top"], "select 1\nfrom a"],
            "blocks:\n",
            "queries:\n  top: |\n    select 1\n    from a\nblocks:\n",
        ),
        ("setValue", [["blocks", 0, "kpis", 0, "label"], "a, b"], "label: Revenue", 'label: "a, b"'),
        ("setValue", [["blocks", 0, "kpis", 0, "label"], "2026"], "label: Revenue", 'label: "2026"'),
        ("removeKey", [["blocks", 1, "table", "query"]], "      query: top\n", ""),
        (
            "removeItem",
            [["blocks"], 0],
            "  # the figures\n  - kpis:\n      - {label: Revenue, value: totals.revenue}   # money first\n",
            "",
        ),
        ("removeItem", [["blocks", 1, "table", "columns"], 0], "[product, {", "[{"),
        ("insertItem", [["blocks"], 4, {"heading": "End"}], "- page_break\n", "- page_break\n\n  - heading: End\n"),
        (
            "moveItem",
            [["blocks"], 3, 2],
            "text: >\n      Two lines\n      folded.   # no comment\n  - page_break",
            "page_break\n  - text: >\n      Two lines\n      folded.   # no comment",
        ),
    ],
)
def test_a_change_is_written_as_somebody_would(
    scripts: Scripts, operation: str, values: list[Any], before: str, after: str
) -> None:
    assert STARTED.count(before) == 1
    options = [{"before": "blocks"}] if values[0] == ["queries", "top"] else []
    answer = scripts.answer(STARTED, operation, *values, *options)
    assert answer.get("text") == STARTED.replace(before, after)


@pytest.mark.parametrize(("as_quoted", "written"), [(True, '"month"'), (False, "month")])
def test_quotes_stay_where_somebody_wrote_them(scripts: Scripts, as_quoted: bool, written: str) -> None:
    text = 'blocks:\n  - chart: {x: "", y: "sum"}\n'
    answer = scripts.answer(text, "setValue", ["blocks", 0, "chart", "x"], "month", {"asQuoted": as_quoted})
    assert answer.get("text") == text.replace('""', written)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**48))
def test_every_other_byte_stays(scripts: Scripts, seed: int) -> None:
    drawn = Drawn(Random(seed))
    text = drawn.template()
    value = plain(read_yaml(text))
    for _ in range(3):
        operation, values, wanted, comments_are = drawn.edit(value)
        answer = scripts.answer(text, operation, *values)
        assert not answer.get("refused"), (text, operation, values)
        after = answer["text"]
        assert stripped(plain(read_yaml(after))) == stripped(wanted), (text, operation, values, after)
        comments, kept = Counter(LEAD.findall(text)), Counter(LEAD.findall(after))
        assert comments_are == "fewer" or not comments - kept, (text, operation, values, after)
        assert comments_are == "more" or not kept - comments, (text, operation, values, after)
        if operation == "moveItem":
            assert Counter(text) == Counter(after)
        text, value = after, wanted


def test_what_an_anchor_would_change_elsewhere_is_refused(scripts: Scripts) -> None:
    text = "a: &x {b: 1}\nc: *x\n"
    assert scripts.answer(text, "setValue", ["a", "b"], 2) == {"refused": True}
    assert scripts.answer(text, "setValue", ["d"], 2)["text"] == f"{text}d: 2\n"


@pytest.mark.parametrize(
    ("text", "path", "key", "word"),
    [
        ("ti", [], None, "ti"),
        ("title: Sa", [], "title", "Sa"),
        ("blocks:\n  - ta", ["blocks", "-"], None, "ta"),
        ("blocks:\n- table:\n    que", ["blocks", "-", "table"], None, "que"),
        (
            "blocks:\n- table:\n    query: a\n    columns:\n    - {name: a, tot",
            ["blocks", "-", "table", "columns", "-"],
            None,
            "tot",
        ),
        ("blocks:\n  - chart: {kind: bar, x: mon", ["blocks", "-", "chart"], "x", "mon"),
        ("blocks:\n  - chart:\n      y: [a, b", ["blocks", "-", "chart", "y", "-"], None, "b"),
        ("blocks:\n  - kpis:\n      - {label: a,\n         for", ["blocks", "-", "kpis", "-"], None, "for"),
        ("queries:\n  a: |\n    select a\n    from ord", ["queries", "a"], None, "from ord"),
        ("queries:\n  a: select x\nparameters:\n  m: {type: ", ["parameters", "m"], "type", ""),
        ("a: {b: 1}\nblocks:\n  - columns:\n    - - text: x", ["blocks", "-", "columns", "-", "-"], "text", "x"),
    ],
)
def test_the_place_of_what_is_typed_is_known(
    scripts: Scripts, text: str, path: list[str], key: str | None, word: str
) -> None:
    answer = scripts.answer(text, "placeAt", len(text))
    assert (answer["path"], answer["key"], answer["word"]) == (path, key, word)


class Drawn:
    """Templates as people write them, one more careless than the other, and changes of them."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._comments = 0

    def template(self) -> str:
        keys = ["title", "queries", "parameters", "page", "blocks", "说明"]
        self._random.shuffle(keys)
        lines = self._map({key: self._of(key) for key in keys[: self._random.randint(3, 6)]}, 0)
        head = self._maybe(["", self._comment(0), "---"], 0.3)
        end = self._maybe(["\n", "\n\n", f"\n{self._comment(0)}\n", ""], 0.5) or "\n"
        return "\n".join([*([head] if head else []), *lines]) + end

    def edit(self, value: Any) -> tuple[str, list[Any], Any, str]:
        """What is asked for, what the text says then, and whether comments are the `same`, `fewer` or `more`."""
        wanted = copy.deepcopy(value)
        lists = [path for path, each in walked(value) if isinstance(each, list) and each]
        maps = [path for path, each in walked(value) if isinstance(each, dict)]
        scalars = [path for path, each in walked(value) if not isinstance(each, dict | list) and path]
        kind = self._random.choice(["set", "set", "add", "move", "delete", "insert", "clear", "copy"])
        if kind == "set" and scalars:
            path = self._random.choice(scalars)
            owner, new = at(wanted, path[:-1]), self._scalar()
            owner[path[-1]] = new
            return "setValue", [path, new], wanted, "same"
        if kind == "add" and maps:
            path = self._random.choice(maps)
            key, new = f"new{self._random.randint(0, 9)}", self._value(1)
            at(wanted, path)[key] = new
            return ("setValue", [[*path, key], new], wanted, "same") if key not in at(value, path) else self.edit(value)
        if kind == "clear" and (filled := [path for path in maps if len(at(value, path)) > 1]):
            path = self._random.choice(filled)
            key = self._random.choice(list(at(value, path)))
            gone = isinstance(at(value, [*path, key]), dict | list)
            del at(wanted, path)[key]
            return "removeKey", [[*path, key]], wanted, "fewer" if gone else "same"
        if not lists:
            return self.edit(value)
        path = self._random.choice(lists)
        entries = at(wanted, path)
        index = self._random.randrange(len(entries))
        if kind == "move":
            to = self._random.randrange(len(entries))
            entries.insert(to, entries.pop(index))
            return "moveItem", [path, index, to], wanted, "same"
        if kind == "delete":
            del entries[index]
            return "removeItem", [path, index], wanted, "fewer"
        if kind == "copy":
            entries.insert(index, copy.deepcopy(entries[index]))
            return "copyItem", [path, index], wanted, "more"
        new = self._value(1)
        entries.insert(index, new)
        return "insertItem", [path, index, new], wanted, "same"

    def _of(self, key: str) -> Any:
        if key == "blocks":
            return [{self._random.choice(["table", "text", "kpis"]): self._value(2)} for _ in range(self._size())]
        if key == "queries":
            return {
                f"q{index}": "select a\nfrom b\n" if self._random.random() < 0.5 else "select 1"
                for index in range(self._size())
            }
        return self._value(2)

    def _size(self) -> int:
        return self._random.randint(1, 4)

    def _value(self, depth: int) -> Any:
        kind = self._random.random()
        if not depth or kind < 0.4:
            return self._scalar()
        if kind < 0.7:
            return [self._value(depth - 1) for _ in range(self._size())]
        return {f"k{index}": self._value(depth - 1) for index in range(self._size())}

    def _scalar(self) -> Any:
        return self._random.choice(
            ["two words", "a: b", "it's", 'say "so"', "#no comment", "x #y", "{{ a.b }}", "", " space ", "true",
             "12", "2026-01-31", "-", "- a", "[a", "a, b", "华东 · 月报", "line\nbreak", "a\n\nb", "*star", "&anchor",
             "%", "@x", "`", "x:", "?", "~", "|", "> y", "tab\there", "1_000", "0x1F", "yes", True, False, 0, -5, 2.5]
        )  # fmt: skip

    # how it is written

    def _map(self, value: dict[str, Any], indent: int) -> list[str]:
        lines: list[str] = []
        for key, each in value.items():
            lines += self._between(indent)
            lines += self._entry(f"{key}:", each, indent, in_list=False)
        return lines

    def _list(self, value: list[Any], indent: int) -> list[str]:
        lines: list[str] = []
        for each in value:
            lines += self._between(indent)
            lines += self._entry("-", each, indent, in_list=True)
        return lines

    def _entry(self, head: str, value: Any, indent: int, *, in_list: bool) -> list[str]:
        space = " " * indent
        if isinstance(value, dict | list) and value and self._random.random() < 0.6:
            step = self._random.choice([2, 2, 4])
            if in_list and isinstance(value, dict):
                inner = self._map(value, indent + 2)
                while not inner[0].strip() or inner[0].strip().startswith("#"):
                    inner.pop(0)
                return [f"{space}- {inner[0].strip()}", *inner[1:]]
            if isinstance(value, dict):
                return [f"{space}{head}{self._tail()}", *self._map(value, indent + step)]
            deeper = indent + step if in_list else indent + self._random.choice([0, 2])
            return [f"{space}{head}{self._tail()}", *self._list(value, deeper)]
        if isinstance(value, str) and re.fullmatch(r"\w[^\n]*\n[^\n]+\n", value) and self._random.random() < 0.7:
            first, second = value.splitlines()
            return [f"{space}{head} |", f"{space}    {first}", f"{space}    {second}"]
        return [f"{space}{head} {self._flow(value)}{self._tail()}"]

    def _flow(self, value: Any) -> str:
        blank = self._random.choice(["", " "])
        if isinstance(value, dict):
            comma = self._random.choice([", ", ",  "])
            return "{" + blank + comma.join(f"{key}: {self._flow(each)}" for key, each in value.items()) + blank + "}"
        if isinstance(value, list):
            return "[" + blank + ", ".join(map(self._flow, value)) + blank + "]"
        if isinstance(value, str):
            if (
                re.fullmatch(r"[a-z]+( [a-z]+)*", value)
                and value not in ("true", "null")
                and self._random.random() < 0.6
            ):
                return value
            single = "'" + value.replace("'", "''") + "'"
            return (
                single if "\n" not in value and "\t" not in value and self._random.random() < 0.5 else json.dumps(value)
            )
        return json.dumps(value)

    def _between(self, indent: int) -> list[str]:
        return [line for line in (self._maybe(["", self._comment(indent)], 0.25) for _ in range(2)) if line is not None]

    def _tail(self) -> str:
        return self._maybe([f"  {self._comment(0)}", " "], 0.15) or ""

    def _comment(self, indent: int) -> str:
        self._comments += 1
        return " " * indent + f"#c{self._comments}# : - {{"

    def _maybe(self, options: list[str], chance: float) -> str | None:
        return self._random.choice(options) if self._random.random() < chance else None


def plain(node: YamlNode) -> Any:
    if node.kind == "map":
        return {str(key.value): plain(value) for key, value in node.value}
    return [plain(item) for item in node.value] if node.kind == "list" else node.value


def stripped(value: Any) -> Any:
    """Without the line break at the end of a block of text, which says nothing."""
    if isinstance(value, dict):
        return {key: stripped(each) for key, each in value.items()}
    if isinstance(value, list):
        return [stripped(each) for each in value]
    return value.removesuffix("\n") if isinstance(value, str) else value


def walked(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[list[Any], Any]]:
    yield list(path), value
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in children:
        yield from walked(each, (*path, step))


def at(value: Any, path: list[Any]) -> Any:
    for step in path:
        value = value[step]
    return value


SUMMED = "select date_trunc('month', day)::date as month, \"Kind, of\", sum(amount) as amount, count(*) as row_count"


@pytest.mark.parametrize(
    ("sql", "is_choices"),
    [
        ("select region, sum(amount) as amount from orders group by 1 order by 2 desc nulls last", True),
        (
            f'{SUMMED} from "my orders" where region = $region and kind in $kinds\ngroup by 1, 2 order by 1 limit 7',
            True,
        ),
        ("select count(*) as row_count from orders", True),
        ('select "order", sum("Net (EUR), all") as net from "group" group by 1 order by 2 desc nulls last', True),
        ("select region, sum(amount) as amount from orders group by 1 order by 1", False),  # another order
        ("select region, sum(amount - cost) as profit from orders group by 1 order by 2 desc nulls last", False),
        ("select region, sum(amount) as amount from orders join plan using (region) group by 1", False),
        ("select region, sum(amount) as amount from orders where region <> 'x' group by 1", False),
        ("select region from orders group by 1 order by 1", False),
        ("select region, sum(amount) as amount -- all\nfrom orders group by 1 order by 2 desc nulls last", False),
    ],
)
def test_a_query_is_shown_as_choices_only_if_they_say_all_of_it(scripts: Scripts, sql: str, is_choices: bool) -> None:
    """Whatever is written otherwise stays SQL, so that nothing of it is lost by a choice."""
    found = scripts.answer(sql, "groupsOf")
    assert (found["groups"] is not None) == is_choices
    if is_choices:
        assert found["sql"].split() == sql.split()
