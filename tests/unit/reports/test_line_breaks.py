"""A line break of the template is a space between words, and nothing between Chinese characters."""

from __future__ import annotations

import pytest

from server.reports.markdown import parsed, plain
from server.reports.yaml_source import read_yaml

BREAKS = [
    ("今年增长。", "其中华东最高", "今年增长。其中华东最高"),
    ("今年增长", "其中华东", "今年增长其中华东"),
    ("総売上は", "カタカナ", "総売上はカタカナ"),
    ("截至十月。", "Tea first", "截至十月。Tea first"),
    ("其中 Tea", "最好", "其中 Tea 最好"),
    ("판매가", "늘었다", "판매가 늘었다"),
    ("It grew.", "Most in", "It grew. Most in"),
    ("甲 乙", "丙 丁", "甲 乙丙 丁"),
]
FOLDED = {
    "folded": "text: >\n  {upper}\n  {lower}\n",
    "plain": "text: {upper}\n  {lower}\n",
    "quoted": 'text: "{upper}\n  {lower}"\n',
    "in a list": "- [{upper}\n  {lower}, x]",
}


@pytest.mark.parametrize(("upper", "lower", "joined"), BREAKS)
def test_in_markdown(upper: str, lower: str, joined: str) -> None:
    assert list(plain(parsed(f"{upper}\n{lower}"))) == [joined]
    assert list(plain(parsed(f"{upper}\n**{lower}**"))) == [joined]


@pytest.mark.parametrize(("upper", "lower", "joined"), BREAKS)
@pytest.mark.parametrize("source", FOLDED.values(), ids=FOLDED)
def test_in_what_yaml_folds(source: str, upper: str, lower: str, joined: str) -> None:
    node = read_yaml(source.format(upper=upper, lower=lower))
    while node.kind != "scalar":
        node = node.value[0][1] if node.kind == "map" else node.value[0]
    assert node.value.strip() == joined


def test_spaces_within_a_line_and_breaks_that_stay_are_kept() -> None:
    (_, folded), (_, literal) = read_yaml("a: 张三 李四\nb: |\n  今年\n  明年\n").value
    assert (folded.value, literal.value) == ("张三 李四", "今年\n明年\n")
